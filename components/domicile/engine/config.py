"""A stack's configuration: Pulumi.STACK.yaml with the defaults and types of Pulumi.yaml, secrets opened.

Used by `Project.stack_config`; written by the CLI verb `config set`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from . import paths
from .config_text import edited
from .errors import ProjectError
from .state.crypter import Crypter
from .state.files import write_atomically


@dataclass(frozen=True)
class Config:
    """What a program and its providers are told: `values` are texts (JSON for objects), `secret_keys` those that are secret."""

    values: dict[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()


@dataclass
class ConfigFile:
    """Pulumi.STACK.yaml, as it stands on disk."""

    path: Path
    document: dict[str, Any]
    text: str = ""

    @classmethod
    def load(cls, path: Path) -> ConfigFile:
        try:
            text = path.read_text() if path.exists() else ""
            document = yaml.safe_load(text)
        except (OSError, yaml.YAMLError) as e:
            raise ProjectError(f"{path}: {e}") from e
        if document is not None and not isinstance(document, dict):
            raise ProjectError(f"{path}: must be a mapping with `config:`")
        return cls(path, document or {}, text)

    @property
    def salt(self) -> str:
        provider = str(self.document.get("secretsprovider") or "passphrase")
        if provider not in ("passphrase", "default"):
            raise ProjectError(f"{self.path}: secretsprovider {provider!r} is not supported by the embedded engine; use passphrase")
        return str(self.document.get("encryptionsalt") or "")

    def add_salt(self, salt: str) -> None:
        """Write the salt that is missing, as a line of its own before the rest: a user's comments stay."""
        self.text = f"encryptionsalt: {salt}\n{self.text.removeprefix('---').lstrip()}"
        write_atomically(self.path, self.text, mode=0o644)
        self.document = {"encryptionsalt": salt, **self.document}

    @property
    def entries(self) -> dict[str, Any]:
        return self.document.get("config") or {}

    def put(self, key: str, value: Any, nested: bool) -> None:
        """Set `key` (`namespace:name`), or with `nested` the place in it that its property path names."""
        entries = dict(self.entries)
        if nested:
            key, below = parted(key)
            value = paths.put(entries.get(key), below, typed(value) if below and isinstance(value, str) else value)
        self.document = {**self.document, "config": {**entries, key: value}}

    def remove(self, key: str, nested: bool = False) -> bool:
        """Take `key` out, or with `nested` the place in it that its property path names; whether it was there."""
        key, below = parted(key) if nested else (key, [])
        entries = dict(self.entries)
        try:
            paths.take(entries, [key, *below])
        except KeyError:
            return False
        if below:
            entries[key] = paths.without(entries[key], below)
        else:
            del entries[key]
        self.document = {k: v for k, v in self.document.items() if k != "config"} | ({"config": entries} if entries else {})
        return True

    def save(self) -> None:
        """Write what has changed; a user's comments stay."""
        self.text = edited(self.text, self.document)
        write_atomically(self.path, self.text, mode=0o644)


def parted(key: str) -> tuple[str, paths.Path]:
    """`namespace:top.below[0]` as `namespace:top` and the path below it."""
    namespace, _, rest = key.partition(":")
    top, *below = paths.parse(rest)
    return f"{namespace}:{top}", below


def qualified(key: str, project: str) -> str:
    """`namespace:name`, with the project as the namespace where none is given."""
    return key if ":" in key else f"{project}:{key}"


def resolve(project: str, declared: Mapping[str, Any], entries: Mapping[str, Any], crypter: Crypter | None, stack: str) -> Config:
    """The configuration as a program sees it. `declared` is `config:` of Pulumi.yaml."""
    values: dict[str, str] = {}
    secret: set[str] = set()
    for key, raw in entries.items():
        full = qualified(key, project)
        opened, held = _open(raw, crypter)
        values[full] = _text(opened)
        if held:
            secret.add(full)
    for key, spec in declared.items():
        _declared(qualified(key, project), spec if isinstance(spec, dict) else {"default": spec}, values, stack)
    return Config(values, frozenset(secret))


@dataclass(frozen=True)
class Entry:
    """One configuration value for a reader. `text` is JSON if `is_object`; `secret` if any of it is."""

    text: str
    is_object: bool
    secret: bool


def entry(raw: Any, crypter: Crypter | None) -> Entry:
    """The value as it stands in the file, opened; without anything that opens it, each secret in it is `[secret]`."""
    opened, held = _open(raw, crypter or _Blind())
    return Entry(_text(opened), isinstance(opened, dict | list), held)


def listed(project: str, declared: Mapping[str, Any], entries: Mapping[str, Any], crypter: Crypter | None) -> dict[str, Entry]:
    """All values with their full keys, the project's defaults among them, in the order of their keys."""
    found = {qualified(k, project): entry(raw, crypter) for k, raw in entries.items()}
    for key, spec in declared.items():
        default = spec.get("default", spec.get("value")) if isinstance(spec, dict) else spec
        if default is not None:
            found.setdefault(qualified(key, project), entry(default, crypter))
    return dict(sorted(found.items()))


def in_key_order(raw: Any) -> Any:
    """The value with the keys of each map in order, as the CLI records it."""
    if isinstance(raw, dict):
        return {k: in_key_order(raw[k]) for k in sorted(raw)}
    return [in_key_order(x) for x in raw] if isinstance(raw, list) else raw


class _Blind:
    def decrypt(self, text: str) -> str:
        return "[secret]"


class _Opens(Protocol):
    def decrypt(self, text: str) -> str: ...


def _declared(key: str, spec: Mapping[str, Any], values: dict[str, str], stack: str) -> None:
    if key not in values:
        default = spec.get("default", spec.get("value"))
        if default is None and "type" in spec:
            raise ProjectError(f"Stack '{stack}' is missing configuration value '{key.partition(':')[2]}': set it with `config set`")
        if default is not None:
            values[key] = _text(default)
    kind = spec.get("type")
    if kind and not _fits(values[key], str(kind)):
        raise ProjectError(f"Stack '{stack}' with configuration key '{key}' must be of type '{kind}': set another value with `config set`")


def _fits(text: str, kind: str) -> bool:
    if kind == "string":
        return True
    try:
        value = json.loads(text)
    except ValueError:
        return False
    types: dict[str, type] = {"integer": int, "boolean": bool, "array": list, "object": dict}
    return isinstance(value, types.get(kind, object)) and (kind != "integer" or not isinstance(value, bool))


def _open(raw: Any, crypter: _Opens | None) -> tuple[Any, bool]:
    """The value with `secure:` opened, and whether there was any."""
    if isinstance(raw, dict):
        if set(raw) == {"secure"} and isinstance(raw["secure"], str):
            if crypter is None:
                raise ProjectError("the configuration has secrets but no encryptionsalt; restore it in Pulumi.<stack>.yaml")
            return crypter.decrypt(raw["secure"]), True
        parts = {k: _open(v, crypter) for k, v in raw.items()}
        return {k: v for k, (v, _) in parts.items()}, any(held for _, held in parts.values())
    if isinstance(raw, list):
        items = [_open(v, crypter) for v in raw]
        return [v for v, _ in items], any(held for _, held in items)
    return raw, False


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def typed(text: str) -> Any:
    """What `config set --path` makes of a word: true, false and whole numbers are such, anything else is text."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.lstrip("-").isdigit() and str(int(text)) == text else text
