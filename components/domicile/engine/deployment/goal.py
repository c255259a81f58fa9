"""What the program asks for: a registration's request as a goal state and options, or a refusal that names the feature."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi.runtime.proto import resource_pb2 as pb

from ..errors import UnsupportedError
from ..state.snapshot import PROVIDER_TYPE, STACK_TYPE, Resource
from ..values import load

REFUSED = {  # field of the request -> what a user calls it
    "importId": "the resource option `import_`",
    "packageRef": "a parameterized or local package",
    "replace_with": "the resource option `replace_with`",
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
    if q.HasField("replacement_trigger") and q.replacement_trigger.WhichOneof("kind") not in (None, "null_value"):
        raise UnsupportedError("the resource option `replacement_trigger`", where)
    if q.type == "pulumi:pulumi:StackReference":
        raise UnsupportedError("a stack reference", where, "pass the value as configuration, or use Pulumi's own CLI for this stack")


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
        resource_hooks=_hooks(q.hooks),
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
    """Every URN that the resource may have had: its own, its aliases', and those under a parent's former URN.

    `old_urns` maps a URN of this run to the one that its resource was found under.
    """

    def parents(urn: str) -> list[str]:
        return [urn] + ([old_urns[urn]] if urn in old_urns else [])

    out = [urn_of(project, stack, q.type, q.name, p) for p in parents(q.parent)]
    out += list(q.aliasURNs)
    for alias in q.aliases:
        if alias.urn:
            out.append(alias.urn)
            continue
        spec = alias.spec
        above = [""] if spec.noParent else parents(spec.parentUrn) if spec.parentUrn else parents(q.parent)
        out += [urn_of(spec.project or project, spec.stack or stack, spec.type or q.type, spec.name or q.name, p) for p in above]
    return list(dict.fromkeys(out))
