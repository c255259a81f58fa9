"""What a machine is told at its first start, as rules read it: Ignition's configuration (3.x). Called by `images` and `access`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from domicile_policies.resource import Resource

CONTENT_TYPE = "application/vnd.coreos.ignition+json"
STORED = "aws:s3/bucketObjectv2:BucketObjectv2"


@dataclass(frozen=True)
class Configuration:
    """Files by path, units by name (empty for one without contents), masked units, users as written."""

    files: Mapping[str, str]
    units: Mapping[str, str]
    masked: frozenset[str]
    users: tuple[Mapping[str, Any], ...]

    @property
    def quadlets(self) -> Mapping[str, str]:
        """Podman's container units."""
        return {
            path: text for path, text in self.files.items() if path.startswith("/etc/containers/systemd/") and path.endswith(".container")
        }


def stored(resource: Resource) -> Configuration | None:
    """The configuration that an object of a bucket holds; None for an object of another kind. Raises NotKnown."""
    if resource.get("contentType") != CONTENT_TYPE:
        return None
    content = json.loads(resource.get("content") or base64.b64decode(resource.get("contentBase64", "")))
    systemd = content.get("systemd", {}).get("units", [])
    return Configuration(
        {each["path"]: data(each.get("contents", {}).get("source", "")) for each in content.get("storage", {}).get("files", [])},
        {each["name"]: each.get("contents", "") for each in systemd},
        frozenset(each["name"] for each in systemd if each.get("mask")),
        tuple(content.get("passwd", {}).get("users", [])),
    )


def pointer(user_data: str) -> Mapping[str, Any] | None:
    """User data that is Ignition's, read; None for anything else (cloud-init, a script)."""
    text = user_data
    if not text.lstrip().startswith(("{", "#")):
        text = base64.b64decode(user_data, validate=False).decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found["ignition"] if isinstance(found, dict) and isinstance(found.get("ignition"), dict) else None


def data(source: str) -> str:
    """The text of a `data:` address; empty for content from elsewhere."""
    head, _, body = source.partition(",")
    if not head.startswith("data:"):
        return ""
    return base64.b64decode(body).decode("utf-8", "replace") if head.endswith(";base64") else unquote(body)
