"""Property values: JSON-like Python in which a secret is a `Secret` and an unknown is the string `UNKNOWN`.

`load` and `dump` translate from and to what travels over gRPC; everything else in the engine works on these values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from google.protobuf import struct_pb2

from .errors import MalformedError

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"  # the key that marks a special value
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 a mark of the wire format
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
ASSETS = {"c44067f5952c0a294b673a41bacd8c17": "asset", "0def7320c3a5731c473e5ecbe6d01bc7": "archive"}
_MARKS = [SECRET, OUTPUT, REFERENCE, *ASSETS]

Properties = dict[str, Any]


class Secret:
    """A value that is encrypted wherever it is written. It keeps its ciphertext, so that an unchanged one isn't encrypted anew."""

    __slots__ = ("ciphertext", "value")

    def __init__(self, value: Any, ciphertext: str | None = None) -> None:
        self.value: Any = value.value if isinstance(value, Secret) else value
        self.ciphertext = ciphertext

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.value == other.value

    def __hash__(self) -> int:
        return hash(repr(self.value))

    def __repr__(self) -> str:
        return "Secret(…)"


def load(struct: struct_pb2.Struct) -> Properties:
    return {k: _load(v) for k, v in struct.fields.items()}


def _load(v: struct_pb2.Value) -> Any:
    kind = v.WhichOneof("kind")
    if kind == "struct_value":
        return _special(load(v.struct_value))
    if kind == "list_value":
        return [_load(x) for x in v.list_value.values]
    if kind == "number_value":
        if not math.isfinite(v.number_value):
            raise MalformedError(f"{v.number_value} is no number that can be kept")
        return int(v.number_value) if v.number_value.is_integer() else v.number_value
    if kind is None:
        raise MalformedError("a value has no kind")
    return None if kind == "null_value" else getattr(v, kind)


def _special(fields: Properties) -> Any:
    mark = fields.get(SIGNATURE)
    if mark is not None and mark not in _MARKS:
        raise MalformedError(f"a value has the unknown signature {mark!r}")
    if mark == SECRET:
        if "value" not in fields:
            raise MalformedError("a secret has no value")
        return Secret(fields.get("value"))
    if mark == OUTPUT:
        value = fields.get("value", UNKNOWN)
        return Secret(value) if fields.get("secret") else value
    return fields


def dependencies_in(v: struct_pb2.Value) -> set[str]:
    """The URNs that output values within name as what they depend on."""
    fields = v.struct_value.fields
    if SIGNATURE in fields and fields[SIGNATURE].string_value == OUTPUT:
        found = {x.string_value for x in fields["dependencies"].list_value.values} if "dependencies" in fields else set()
        return found | (dependencies_in(fields["value"]) if "value" in fields else set())
    inner = [*fields.values(), *v.list_value.values]
    return set().union(*map(dependencies_in, inner))


def dump(props: Properties) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    for key, value in props.items():
        _dump(value, struct.fields[key])
    return struct


def _dump(v: Any, into: struct_pb2.Value) -> None:
    """By hand: protobuf's own reader of JSON takes several times as long, for every property of every call."""
    if v is None:
        into.null_value = struct_pb2.NULL_VALUE
    elif isinstance(v, bool):
        into.bool_value = v
    elif isinstance(v, int | float):
        into.number_value = v
    elif isinstance(v, str):
        into.string_value = v
    elif isinstance(v, list | tuple):
        into.list_value.SetInParent()
        for x in v:
            _dump(x, into.list_value.values.add())
    else:
        into.struct_value.SetInParent()
        for key, x in ({SIGNATURE: SECRET, "value": v.value} if isinstance(v, Secret) else v).items():
            _dump(x, into.struct_value.fields[key])


def translate(v: Any, secret: Callable[[Any], Any]) -> Any:
    """The value with every secret replaced by what `secret` makes of its translated content."""
    if isinstance(v, Secret):
        return secret(translate(v.value, secret))
    if isinstance(v, dict):
        return {k: translate(x, secret) for k, x in v.items()}
    return [translate(x, secret) for x in v] if isinstance(v, list) else v


def plain(v: Any) -> Any:
    """The value with every secret opened."""
    return translate(v, lambda s: s)


def without_references(v: Any) -> Any:
    """Resource references as what stood for them before there were any: the id of a resource, the URN of a component."""
    if isinstance(v, Secret):
        return Secret(without_references(v.value))
    if isinstance(v, list):
        return [without_references(x) for x in v]
    if not isinstance(v, dict):
        return v
    if v.get(SIGNATURE) == REFERENCE:
        return v.get("id") or v.get("urn")
    return {k: without_references(x) for k, x in v.items()}


def any_in(v: Any, test: Callable[[Any], bool]) -> bool:
    if test(v):
        return True
    if isinstance(v, Secret):
        return any_in(v.value, test)
    if isinstance(v, dict):
        return any(any_in(x, test) for x in v.values())
    return isinstance(v, list) and any(any_in(x, test) for x in v)


def has_unknown(v: Any) -> bool:
    return any_in(v, lambda x: isinstance(x, str) and x == UNKNOWN)


def mark_like(value: Any, model: Any) -> Any:
    """The value, with each part secret whose counterpart in the model is: what a provider that takes no secrets gave back."""
    if isinstance(value, Secret):
        return value
    if isinstance(model, Secret):
        return Secret(value)
    if isinstance(value, dict) and isinstance(model, dict):
        return {k: mark_like(v, model[k]) if k in model else v for k, v in value.items()}
    if isinstance(value, list) and isinstance(model, list) and len(value) == len(model):
        return [mark_like(a, b) for a, b in zip(value, model, strict=True)]
    return value


def mark_keys(props: Properties, keys: list[str]) -> Properties:
    """The properties, with those of these names secret (`additional_secret_outputs`)."""
    return {k: Secret(v) if k in keys and not isinstance(v, Secret) else v for k, v in props.items()}


def keep_ciphertexts(new: Any, old: Any) -> None:
    """Let each secret of the new value that is equal to its counterpart in the old one be written as it was."""
    if isinstance(new, Secret) and isinstance(old, Secret):
        if new.ciphertext is None and new.value == old.value:
            new.ciphertext = old.ciphertext
    elif isinstance(new, dict) and isinstance(old, dict):
        for k, v in new.items():
            keep_ciphertexts(v, old.get(k))
    elif isinstance(new, list) and isinstance(old, list):
        for a, b in zip(new, old, strict=False):
            keep_ciphertexts(a, b)
