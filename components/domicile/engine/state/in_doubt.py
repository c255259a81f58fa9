"""What a killed `up` leaves in doubt, settled once somebody has looked: what was made goes into the state, what wasn't is forgotten.

On the JSON of an exported state, so that it serves whichever engine and backend the state is of. The next `up --refresh` asks each
provider for what was taken in, by its id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import StateError
from .deployment import Latest


@dataclass(frozen=True)
class Doubt:
    """A create that a kill cut off."""

    urn: str
    type: str
    replaces: bool
    """Whether the state knows the resource already: then this would be its new half."""
    inputs: Mapping[str, Any]
    """What it was to be; secrets as the export has them."""

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    @property
    def short(self) -> str:
        """As good as the URN where one stack is spoken of, and no `$` in it."""
        return f"{self.type}::{self.name}"


def doubts(latest: Latest) -> list[Doubt]:
    known = {entry["urn"] for entry in latest.get("resources") or []}
    entries = {entry["urn"]: entry for entry in _pending(latest)}
    return [Doubt(urn, entry["type"], urn in known, entry.get("inputs") or {}) for urn, entry in entries.items()]


def chosen(found: Collection[Doubt], said: str) -> Doubt:
    """The one that a URN or `TYPE::NAME` says; StateError for none or several."""
    fitting = [doubt for doubt in found if said in (doubt.urn, doubt.short)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise StateError(f"{said}: several are called so; give the URN, in single quotes: {', '.join(doubt.urn for doubt in fitting)}")
    allowed = ", ".join(doubt.short for doubt in found) or "nothing: no create is pending"
    raise StateError(f"{said}: no such create is in doubt; in doubt is {allowed}")


def settled(latest: Latest, made: Mapping[str, str], others_not_made: bool = False) -> Latest:
    """The state with the things `made` in it (id by what `chosen` takes), and in doubt only the creates for which nothing was said.

    With `others_not_made` all others are forgotten. Raises StateError, also for what would replace a thing that the state knows.
    """
    entries, found = {entry["urn"]: entry for entry in _pending(latest)}, doubts(latest)
    ids: dict[str, str] = {}
    for said, id_ in made.items():
        doubt = chosen(found, said)
        if doubt.replaces:
            raise StateError(
                f"{doubt.short}: the state knows the thing that {id_} was to replace; delete {id_} by hand and settle this one as not made,"
                " and the next `up` replaces it anew"
            )
        if not id_:
            raise StateError(f"{doubt.short}: its id is empty; give the one that its provider imports it by")
        ids[doubt.urn] = id_
    left = [o for o in latest.get("pending_operations") or [] if not _settles(o, ids, others_not_made)]
    taken = [{**entry, "id": ids[urn]} for urn, entry in entries.items() if urn in ids]
    return {**latest, "resources": [*(latest.get("resources") or []), *taken], "pending_operations": left}


def _settles(operation: Mapping[str, Any], made: Collection[str], others_not_made: bool) -> bool:
    return operation["type"] == "creating" and (others_not_made or operation["resource"]["urn"] in made)


def _pending(latest: Latest) -> list[dict[str, Any]]:
    """The entries of pending creates, in their order: what one leans on is in the state, as it was made before."""
    return [operation["resource"] for operation in latest.get("pending_operations") or [] if operation["type"] == "creating"]
