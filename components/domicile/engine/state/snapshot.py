"""The state of a stack as it is kept: resources, pending operations, and their form in a checkpoint (deployment version 3).

`Resource` is one entry. Entries are never changed in place: a step makes a new one, so that what was written stays true.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ..errors import StateError
from ..state.crypter import Crypter
from ..values import SECRET, SIGNATURE, Properties, Secret

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:"
INTERNAL = "__internal"  # input of a provider of a stated version: the CLI's own notes on the plugin, empty if there are none
_NAMES = {  # field of Resource -> key in the file, in the CLI's order
    "urn": "urn", "custom": "custom", "delete": "delete", "id": "id", "type": "type", "inputs": "inputs", "outputs": "outputs",
    "parent": "parent", "protect": "protect", "external": "external", "dependencies": "dependencies", "init_errors": "initErrors",
    "provider": "provider", "property_dependencies": "propertyDependencies", "pending_replacement": "pendingReplacement",
    "additional_secret_outputs": "additionalSecretOutputs", "custom_timeouts": "customTimeouts", "import_id": "importID",
    "retain_on_delete": "retainOnDelete", "deleted_with": "deletedWith", "created": "created", "modified": "modified",
    "ignore_changes": "ignoreChanges", "replace_on_changes": "replaceOnChanges", "replace_with": "replaceWith",
    "replacement_trigger": "replacementTrigger", "resource_hooks": "resourceHooks",
}  # fmt: skip
_FIELDS = {v: k for k, v in _NAMES.items()}
_VALUES = ("inputs", "outputs", "replacement_trigger")  # may hold secrets


@dataclass(frozen=True, eq=False, kw_only=True)
class Resource:
    urn: str
    type: str
    custom: bool = False
    delete: bool = False  # replaced, and still to be deleted
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False
    dependencies: tuple[str, ...] = ()
    init_errors: tuple[str, ...] = ()
    provider: str = ""  # <URN of the provider>::<its id>
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    pending_replacement: bool = False  # deleted, and its replacement not made yet
    additional_secret_outputs: tuple[str, ...] = ()
    custom_timeouts: dict[str, Any] = field(default_factory=dict)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    created: str = ""
    modified: str = ""
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    replace_with: tuple[str, ...] = ()
    replacement_trigger: Any = None
    resource_hooks: dict[str, list[str]] = field(default_factory=dict)  # BeforeCreate, AfterDelete, OnError … -> names of hooks
    other: dict[str, Any] = field(default_factory=dict)  # keys that this engine doesn't know, kept for those that do

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    @property
    def is_provider(self) -> bool:
        return self.type.startswith(PROVIDER_TYPE)

    @property
    def is_default_provider(self) -> bool:
        return self.is_provider and (self.name == "default" or self.name.startswith("default_"))

    @property
    def managed(self) -> bool:
        """There is a thing of it in the world that its provider made."""
        return self.custom and not self.is_provider and not self.external

    @property
    def configuration(self) -> Properties:
        """A provider's inputs as it may see them."""
        return {k: v for k, v in self.inputs.items() if k != INTERNAL}

    @property
    def leans_on(self) -> set[str]:
        """The URNs that must be there before it and must not go before it."""
        above = {self.parent, self.deleted_with, self.provider.rpartition("::")[0], *self.dependencies, *self.replace_with}
        return above.union(*self.property_dependencies.values()) - {""}

    def renamed(self, names: dict[str, str]) -> Resource:
        """The entry with the URNs that it has and mentions replaced, where an alias gave a new one."""
        if not names or not (self.urn in names or self.leans_on & names.keys()):
            return self
        new = names.get
        urn, _, id_ = self.provider.rpartition("::")
        return replace(
            self, urn=new(self.urn, self.urn), parent=new(self.parent, self.parent), deleted_with=new(self.deleted_with, self.deleted_with),
            provider=f"{new(urn, urn)}::{id_}" if urn else "", dependencies=tuple(new(u, u) for u in self.dependencies),
            property_dependencies={k: [new(u, u) for u in us] for k, us in self.property_dependencies.items()},
            replace_with=tuple(new(u, u) for u in self.replace_with),
        )  # fmt: skip

    def without(self, lost: dict[str, str]) -> Resource:
        """The entry without what isn't there any more, by URN with its parent: below what is above that, and leaning on the rest."""
        if not self.leans_on & lost.keys():
            return self
        parent = self.parent
        while parent in lost:
            parent = lost[parent]
        return replace(
            self, parent=parent, deleted_with="" if self.deleted_with in lost else self.deleted_with,
            dependencies=tuple(u for u in self.dependencies if u not in lost),
            property_dependencies={k: found for k, us in self.property_dependencies.items() if (found := [u for u in us if u not in lost])},
            replace_with=tuple(u for u in self.replace_with if u not in lost),
        )  # fmt: skip


def below(parent: str, urn: str) -> str:
    """The URN that what had `urn` has below this parent, which isn't the stack itself."""
    context, chain, (_, qualified, name) = parent.split("::")[:2], parent.split("::")[2], urn.split("::", 3)[1:]
    return "::".join((*context, f"{chain}${qualified.rpartition('$')[2]}", name))


@dataclass(frozen=True, eq=False)
class Operation:
    """What was begun and not known to be done: creating, updating, deleting or reading."""

    type: str
    resource: Resource

    @property
    def urns(self) -> tuple[str, ...]:
        """The resource's, and the one that its entry still has if an alias gives it another."""
        return (self.resource.urn, *self.resource.other.get("aliases", ()))


@dataclass
class Snapshot:
    resources: list[Resource] = field(default_factory=list)
    pending: list[Operation] = field(default_factory=list)
    salt: str = ""


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def encode(resource: Resource, crypter: Crypter) -> dict[str, Any]:
    """The entry's form in a checkpoint; what is empty is left out, as the CLI does."""
    out: dict[str, Any] = {}
    for name, key in _NAMES.items():
        value = getattr(resource, name)
        if value or name == "custom" or (name == "replacement_trigger" and value is not None):
            out[key] = _seal(value, crypter) if name in _VALUES or isinstance(value, dict) else value
    return out | resource.other


def decode(entry: dict[str, Any], crypter: Crypter | None) -> Resource:
    known: dict[str, Any] = {}
    for key, value in entry.items():
        name = _FIELDS.get(key)
        if name:
            known[name] = _open(value, crypter) if name in _VALUES else tuple(value) if isinstance(value, list) else value
    known["property_dependencies"] = {k: v or [] for k, v in (known.get("property_dependencies") or {}).items()}
    try:
        return Resource(**known, other={k: v for k, v in entry.items() if k not in _FIELDS})
    except TypeError as e:
        raise StateError(f"a resource in the checkpoint can't be read ({e}); restore the .bak file beside it") from e


def _seal(v: Any, crypter: Crypter) -> Any:
    if isinstance(v, Secret):
        if v.ciphertext is None:
            v.ciphertext = crypter.encrypt(json.dumps(_bare(v.value), separators=(",", ":"), sort_keys=True))
        return {SIGNATURE: SECRET, "ciphertext": v.ciphertext}
    if isinstance(v, dict):
        return {k: _seal(v[k], crypter) for k in sorted(v)}  # in the order of keys, as the CLI writes them
    return [_seal(x, crypter) for x in v] if isinstance(v, list) else v


def _bare(v: Any) -> Any:
    """A secret's content as JSON: a secret within a secret stays marked, in clear, inside the ciphertext."""
    if isinstance(v, Secret):
        return {SIGNATURE: SECRET, "plaintext": json.dumps(_bare(v.value), separators=(",", ":"), sort_keys=True)}
    if isinstance(v, dict):
        return {k: _bare(x) for k, x in v.items()}
    return [_bare(x) for x in v] if isinstance(v, list) else v


def _open(v: Any, crypter: Crypter | None) -> Any:
    if isinstance(v, dict):
        if v.get(SIGNATURE) == SECRET:
            if "plaintext" in v:
                return Secret(_open(json.loads(v["plaintext"]), crypter))
            if crypter is None:
                raise StateError("the checkpoint holds secrets but names no passphrase salt; restore the .bak file beside it")
            return Secret(_open(json.loads(crypter.decrypt(v["ciphertext"])), crypter), v["ciphertext"])
        return {k: _open(x, crypter) for k, x in v.items()}
    return [_open(x, crypter) for x in v] if isinstance(v, list) else v


HARMLESS = {"sourcePosition", "stackTrace", "hideDiff", "aliases"}  # keys that bear on no decision


def unknown_key(resource: Resource) -> str:
    """A key of the entry that another engine wrote and this one can't honour, or an empty text."""
    return next((k for k, v in resource.other.items() if v and k not in HARMLESS), "")


def by_urn(resources: Iterable[Resource]) -> dict[str, Resource]:
    """The living entry of each URN: not those that only wait for their delete."""
    return {r.urn: r for r in resources if not r.delete}
