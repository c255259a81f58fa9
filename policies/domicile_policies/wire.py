"""Resources as an engine sends them, made into `Resource`s: what isn't known becomes `Unknown`, a secret is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb

from domicile_policies.resource import Resource, Unknown, normalised

_UNKNOWN = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9", "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", "030794c1-ac77-496b-92df-f27374a8bd58", "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)  # fmt: skip
"""What stands for an unknown text, boolean, number, list, asset, archive and object: as in `pulumi_policy.proxy`, held to it by a test."""
SIGNATURE = "4dabf18193072939515e22adb298388d"  # the key that marks a special value
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 a mark of the wire format
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"


def properties(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Properties in the form that rules read."""
    found: dict[str, Any] = normalised(_object(struct))
    return found


def resource(
    sent: pb.AnalyzeRequest | pb.AnalyzerResource,
    leans_on: dict[str, list[Resource]] | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Resource:
    """What an engine asks about. `inputs` are given where they are known better than by what it sends now."""
    return Resource(
        type=sent.type, name=sent.name, urn=sent.urn, inputs=properties(sent.properties) if inputs is None else inputs,
        parent=sent.options.parent or (sent.parent if isinstance(sent, pb.AnalyzerResource) else ""), protect=sent.options.protect,
        provider=properties(sent.provider.properties) if sent.HasField("provider") else {}, leans_on=leans_on,
    )  # fmt: skip


def _object(struct: struct_pb2.Struct) -> dict[str, Any]:
    return {key: _value(each) for key, each in struct.fields.items()}


def _value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return special(_object(value.struct_value))
    if kind == "list_value":
        return [_value(each) for each in value.list_value.values]
    if kind == "string_value":
        return Unknown("") if value.string_value in _UNKNOWN else value.string_value
    return None if kind in (None, "null_value") else getattr(value, kind)


def special(fields: dict[str, Any]) -> Any:
    """An object, or what it stands for by its mark: a secret, an output, a reference to a resource."""
    mark = fields.get(SIGNATURE)
    if mark == SECRET:
        return fields.get("value")
    if mark == _OUTPUT:
        return fields.get("value", Unknown(""))
    if mark == _REFERENCE:
        return fields.get("id") or fields.get("urn")
    return {key: each for key, each in fields.items() if key != SIGNATURE}
