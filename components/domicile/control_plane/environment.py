"""The self-hosted environment at the control plane as a resource: made or adopted, kept as declared, archived when the stack goes.

Source of the calls: SDK 2.11 `client.beta.environments`; that `config.type` is fixed at creation: its `BetaInvalidConfigTypeChangeError`.
Put together by `aws.region`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pulumi import dynamic

from domicile.control_plane.operator import ControlPlaneError
from domicile.control_plane.provider import ControlPlaneProvider, ControlPlaneSpec, standing
from domicile.machine.resource import MachineResource, SpecProvider, outputs

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types.beta import BetaEnvironment

OWNER = "domicile"
"""Metadata that marks what a stack made, with the stack's name: an environment without it is adopted, and left alone at the end."""


class EnvironmentSpec(ControlPlaneSpec):
    """An environment. `environment_id` adopts that one; else one of this `name` is adopted or made."""

    stack: str
    name: str
    description: str = ""
    kind: Literal["self_hosted", "cloud"] = "self_hosted"
    environment_id: str | None = None


class EnvironmentProvider(ControlPlaneProvider):
    """Create adopts first: the API doesn't know a repeated create, and an `up` that was killed must find what it made."""

    spec = EnvironmentSpec
    replaces = frozenset({"url", "stack", "kind", "environment_id"})

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        with self.asked(props) as (spec, client):
            found = _adopted(client, spec)
            made = _held_to(client, spec, found) if found else _made(client, spec)
            return dynamic.CreateResult(made.id, _state(spec, made))

    def update(self, id_: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        with self.asked(news) as (spec, client):
            return dynamic.UpdateResult(_state(spec, _held_to(client, spec, client.beta.environments.retrieve(id_))))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """One that was archived by hand counts as gone: it takes no new session, and the next `up` makes another."""
        with self.asked(props) as (spec, client):
            found = standing(lambda: client.beta.environments.retrieve(id_))
            if found is None:
                return dynamic.ReadResult("", {})
            real = {"name": found.name, "description": found.description or "", "kind": found.config.type}
            return dynamic.ReadResult(id_, {**_state(spec, found), **real})

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Archives what this stack made; sessions that run go on to their end."""
        with self.asked(props) as (spec, client):
            found = standing(lambda: client.beta.environments.retrieve(id_))
            if found and found.metadata.get(OWNER) == spec.stack:
                client.beta.environments.archive(id_)


class Environment(MachineResource, module="control_plane"):
    """An environment of the control plane; `id` is its id there."""

    provider: ClassVar[SpecProvider] = EnvironmentProvider()


def _state(spec: EnvironmentSpec, found: BetaEnvironment) -> dict[str, Any]:
    return outputs(spec, {"made_here": found.metadata.get(OWNER) == spec.stack})


def _adopted(client: Anthropic, spec: EnvironmentSpec) -> BetaEnvironment | None:
    if spec.environment_id:
        found = client.beta.environments.retrieve(spec.environment_id)
        if found.archived_at:
            raise ControlPlaneError(f"environment {found.id} is archived: name another under `environment.id`, or remove it for a new one")
        return found
    named = [found for found in client.beta.environments.list(limit=100) if found.name == spec.name and not found.archived_at]
    ours = [found for found in named if found.metadata.get(OWNER) == spec.stack]
    candidates = ours or named
    if len(candidates) > 1:
        ids = ", ".join(found.id for found in candidates)
        raise ControlPlaneError(f"{len(candidates)} environments are named {spec.name!r} ({ids}): say which by `environment.id`")
    return candidates[0] if candidates else None


def _made(client: Anthropic, spec: EnvironmentSpec) -> BetaEnvironment:
    """Asked once: were the answer lost and the call repeated, there would be two."""
    asked = client.with_options(max_retries=0).beta.environments
    config: Any = {"type": spec.kind}
    return asked.create(name=spec.name, description=spec.description, config=config, metadata={OWNER: spec.stack})


def _held_to(client: Anthropic, spec: EnvironmentSpec, found: BetaEnvironment) -> BetaEnvironment:
    if found.config.type != spec.kind:
        raise ControlPlaneError(
            f"environment {found.id} ({found.name!r}) is of type {found.config.type}, which never changes; this stack needs {spec.kind}: "
            "give another name or id"
        )
    if (found.name, found.description or "") == (spec.name, spec.description):
        return found
    return client.beta.environments.update(found.id, name=spec.name, description=spec.description or None)
