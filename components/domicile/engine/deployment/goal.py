"""What the program asks for: a registration's request as a goal state and options, or a refusal that names the feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime.proto import alias_pb2
from pulumi.runtime.proto import resource_pb2 as pb

from ..errors import UnsupportedError
from ..plugins.connection import BUILTIN
from ..state.snapshot import PROVIDER_TYPE, STACK_TYPE, Resource
from ..values import load

REFUSED = {  # field of the request -> what a user calls it
    "packageRef": "a parameterized or local package",
    "state_migrations": "the resource option `state_migrations`",
    "envVarMappings": "the provider option `env_var_mappings`",
    "snippetId": "a snippet",
}


@dataclass(frozen=True)
class Goal:
    new: Resource  # as asked for: no id, no outputs yet, inputs not checked
    version: str
    delete_first: bool | None


def refuse_unsupported(q: pb.RegisterResourceRequest) -> None:
    """Raise UnsupportedError for the first thing that the request asks for and this engine doesn't do."""
    where = f"{q.type} {q.name!r}"
    for field, feature in REFUSED.items():
        if getattr(q, field):
            raise UnsupportedError(feature, where)
    if q.HasField("hooks") and q.hooks.ByteSize() and q.type.startswith(PROVIDER_TYPE):
        raise UnsupportedError("the option `hooks` of a provider", where)
    if not q.custom and (q.replace_with or _trigger(q) is not None):
        raise UnsupportedError("replacing a component by `replace_with` or `replacement_trigger`", where, "give it to its children")
    if q.custom and package_of(q.type) == BUILTIN and not q.type.startswith(PROVIDER_TYPE):
        raise UnsupportedError(f"the resource type {q.type}", where)


def package_of(type_: str) -> str:
    return type_.partition(":")[0]


def urn_of(project: str, stack: str, type_: str, name: str, parent: str) -> str:
    above = parent.split("::")[2] if parent else ""
    chain = f"{above}${type_}" if above and above != STACK_TYPE else type_
    return f"urn:pulumi:{stack}::{project}::{chain}::{name}"


def new_state(q: pb.RegisterResourceRequest, urn: str) -> Resource:
    timeouts = {k: v for k in ("create", "update", "delete") if (v := _seconds(getattr(q.customTimeouts, k)))}
    return Resource(
        urn=urn, type=q.type, custom=q.custom, inputs=load(q.object), parent=q.parent, protect=q.protect,
        dependencies=tuple(q.dependencies), additional_secret_outputs=tuple(q.additionalSecretOutputs), custom_timeouts=timeouts,
        property_dependencies={k: list(v.urns) for k, v in q.propertyDependencies.items()}, retain_on_delete=q.retainOnDelete,
        deleted_with=q.deletedWith, ignore_changes=tuple(q.ignoreChanges), replace_on_changes=tuple(q.replaceOnChanges),
        import_id=q.importId, replace_with=tuple(q.replace_with), replacement_trigger=_trigger(q), resource_hooks=_hooks(q.hooks),
    )  # fmt: skip


def _trigger(q: pb.RegisterResourceRequest) -> Any:
    given = q.HasField("replacement_trigger") and q.replacement_trigger.WhichOneof("kind")
    return load(struct_pb2.Struct(fields={"trigger": q.replacement_trigger}))["trigger"] if given else None


def external_state(q: pb.ReadResourceRequest, urn: str, provider: str) -> Resource:
    """The state of what is only read: no options of a managed resource apply to it."""
    return Resource(
        urn=urn, type=q.type, custom=True, external=True, id=q.id, inputs=load(q.properties), parent=q.parent, provider=provider,
        dependencies=tuple(q.dependencies), additional_secret_outputs=tuple(q.additionalSecretOutputs),
    )  # fmt: skip


def _hooks(binding: pb.RegisterResourceRequest.ResourceHooksBinding) -> dict[str, list[str]]:
    """Names of hooks by when they are called: `before_create` is `BeforeCreate`, as in the state."""
    return {field.name.title().replace("_", ""): list(names) for field, names in binding.ListFields()}


def _seconds(duration: str) -> float:
    """`1h2m3.5s` in seconds."""
    total, number = 0.0, ""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    for c in duration:
        if c in units:
            total, number = total + float(number or 0) * units[c], ""
        else:
            number += c
    return total


def alias_urns(q: pb.RegisterResourceRequest, project: str, stack: str, old_urns: dict[str, str]) -> list[str]:
    """Every other URN that the resource may have had, in the order in which Pulumi looks for it: those of its aliases, then, if its
    parent was found under a former URN, those under that one.

    `old_urns` maps a URN of this run to the one that its resource was found under.
    """
    own = [*q.aliasURNs, *(a.urn or _alias_urn(q, a.spec, project, stack, old_urns) for a in q.aliases)]
    former = old_urns.get(q.parent)
    if former is None:
        return list(dict.fromkeys(own))

    def inherited(type_: str, name: str) -> str:
        """A child that has its name from its parent's (`app-role` of `app`) had it from its parent's former name."""
        now, before = q.parent.rpartition("::")[2], former.rpartition("::")[2]
        return urn_of(project, stack, type_, before + name.removeprefix(now) if name.startswith(now) else name, former)

    under = [inherited(q.type, q.name), *(inherited(u.split("::")[2].rpartition("$")[2], u.rpartition("::")[2]) for u in own)]
    return list(dict.fromkeys([*own, *under]))


def _alias_urn(q: pb.RegisterResourceRequest, spec: alias_pb2.Alias.Spec, project: str, stack: str, old_urns: dict[str, str]) -> str:
    parent = "" if spec.noParent else old_urns.get(spec.parentUrn, spec.parentUrn) or q.parent
    return urn_of(spec.project or project, spec.stack or stack, spec.type or q.type, spec.name or q.name, parent)
