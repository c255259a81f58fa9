"""The common form of things at the control plane: reached with the operator's credential, gone once they are archived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from domicile.control_plane.operator import operator
from domicile.machine.resource import Spec, SpecProvider, fields, said_plainly

if TYPE_CHECKING:
    from anthropic import Anthropic


class ControlPlaneSpec(Spec):
    """Where the thing is."""

    url: str
    ca_file: str | None = None


class Archivable(Protocol):
    """What the control plane archives, and never deletes."""

    archived_at: Any


class ControlPlaneProvider(SpecProvider):
    """A provider whose calls go to the control plane that its spec names."""

    @contextmanager
    def asked(self, props: dict[str, Any]) -> Iterator[tuple[Any, Anthropic]]:
        """The spec of a resource's properties, and a client for its control plane. An error says what to do."""
        spec = self.spec.model_validate(fields(self.spec, props))
        assert isinstance(spec, ControlPlaneSpec)  # noqa: S101 each subclass names one
        with said_plainly(), operator(spec.url, spec.ca_file) as client:
            yield spec, client


_Thing = TypeVar("_Thing", bound=Archivable)


def standing(retrieve: Callable[[], _Thing]) -> _Thing | None:
    """What is found there; None if it isn't, or is archived."""
    from anthropic import NotFoundError

    try:
        found = retrieve()
    except NotFoundError:
        return None
    return None if found.archived_at else found
