"""A machine's files, as its user data leads to them: Ignition's configuration in an object of the stack, held by its hash.

Ignition takes a `replace` only if the content has the hash beside it (Ignition: configuration specification 3.4, `verification`). So
what is read here is what a machine runs, or it doesn't start. In a preview the hash may not be known yet: then the object that the
user data is made from is read, and the machine's own check does the rest when it is applied.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domicile_policies.ignition import data
from domicile_policies.reach.relations import raw
from domicile_policies.resource import Resource, Stack

OBJECTS = ("aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/bucketObject:BucketObject")


@dataclass(frozen=True)
class Inside:
    """The files of a machine by path, and from where they are; none where nobody can look: `why` then says it."""

    files: Mapping[str, str]
    source: Resource
    pinned: bool = False
    why: str = ""

    def json(self, path: str) -> Any:
        """A file that is JSON; None where there is none, or no JSON in it."""
        try:
            return json.loads(self.files[path]) if path in self.files else None
        except ValueError:
            return None


def inside(stack: Stack, template: Resource) -> Inside:
    """The configuration of the machines that a launch template (or an instance) makes."""
    text = next((found for name in ("userData", "userDataBase64") if (found := raw(template.inputs, name)) is not None), None)
    if isinstance(text, str):
        return _pointed(stack, template, text)
    objects = [each for each in template.sources("userData") or () if each.is_a(*OBJECTS)]
    if len(objects) == 1:
        return _read(objects[0], pinned=False)
    return Inside({}, template, why="its user data isn't known, and no object of this stack is what it is made from")


def _pointed(stack: Stack, template: Resource, text: str) -> Inside:
    config = _object(_decoded(text))
    if "storage" in config:
        return _taken(config, template, pinned=True)
    replace = config.get("ignition", {}).get("config", {}).get("replace", {})
    wanted = str(replace.get("verification", {}).get("hash", "")).removeprefix("sha512-")
    for each in stack.of(*OBJECTS):
        content = raw(each.inputs, "content")
        if wanted and isinstance(content, str) and hashlib.sha512(content.encode()).hexdigest() == wanted:
            return _read(each, pinned=True)
    return Inside({}, template, why="its user data leads to no object of this stack that has the hash in it")


def _read(found: Resource, pinned: bool) -> Inside:
    content = raw(found.inputs, "content")
    if not isinstance(content, str):
        return Inside({}, found, why="the content of its configuration isn't known")
    return _taken(_object(content), found, pinned)


def _taken(config: Mapping[str, Any], found: Resource, pinned: bool) -> Inside:
    if config.get("ignition", {}).get("config"):
        return Inside({}, found, why="its configuration takes in another one, which can't be seen")
    return Inside(dict(_files(config)), found, pinned)


def _files(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is appended to a file counts; content from elsewhere, or packed, reads as nothing."""
    for file in config.get("storage", {}).get("files", ()):
        parts = [each for each in (file.get("contents"), *file.get("append", ())) if each]
        plain = all(str(each.get("source", "")).startswith("data:") and not each.get("compression") for each in parts)
        yield str(file.get("path")), "".join(data(str(each["source"])) for each in parts) if plain else ""


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text  # plain text, as `userData` of an instance may be


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}
