"""A stack's state as one document, as `stack export` writes and `stack import` reads it: `{"version": 3, "deployment": {…}}`.

Everything here works on the JSON as it stands, so that fields which this engine doesn't know come through unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import PassphraseError, StateError
from ..state.crypter import Crypter
from ..state.snapshot import PROVIDER_TYPE
from ..values import SECRET, SIGNATURE

Latest = dict[str, Any]
VERSION = 3


def export(latest: Latest, crypter: Crypter | None = None) -> dict[str, Any]:
    """The document; with what opens them, secrets are in clear."""
    return {"version": VERSION, "deployment": _secrets(latest, _opened_by(crypter)) if crypter else latest}


def read(text: str, where: str) -> Latest:
    """The deployment in an exported document; StateError if it isn't one."""
    try:
        content = json.loads(text)
    except ValueError as e:
        raise StateError(f"{where}: not JSON ({e}); give what `stack export` wrote") from e
    if not isinstance(content, dict) or not isinstance(content.get("deployment"), dict):
        raise StateError(f"{where}: `deployment` is missing or no object; give what `stack export` wrote")
    if content.get("version") != VERSION:
        raise StateError(f"{where}: version is {content.get('version')!r}, allowed is {VERSION}; export it anew with a current CLI")
    latest: Latest = content["deployment"]
    _refuse(where, list(_wrong_shapes(latest)))
    return latest


def sealed(latest: Latest, own: Crypter, passphrase: str, where: str) -> Latest:
    """The deployment with its secrets closed under the stack's own salt, or under the one it came with if the passphrase opens that.

    A secret in clear is encrypted. Raises StateError for one that can't be opened.
    """
    provider = latest.get("secrets_providers") or {}
    if provider.get("type", "passphrase") != "passphrase":
        raise StateError(f"{where}: secrets_providers.type is {provider['type']!r}, allowed is 'passphrase'; export with --show-secrets")
    salt = (provider.get("state") or {}).get("salt") or ""
    crypter = own
    if salt and salt != own.salt and any(True for _ in _closed(latest, "deployment")):
        try:
            crypter = Crypter(passphrase, salt)
        except PassphraseError as e:
            raise StateError(f"{where}: another passphrase closes its secrets; set that one, or export with --show-secrets") from e
    _refuse(where, list(_unreadable(latest, crypter)))
    out: Latest = _secrets(latest, _closed_by(crypter))
    return {**out, "secrets_providers": {"type": "passphrase", "state": {"salt": crypter.salt}}}


def faults(latest: Latest, stack: str) -> list[str]:
    """What is wrong with the deployment as a whole, one line each: path, value and fix."""
    found: list[str] = []
    before: set[str] = set()
    living: set[str] = set()  # those that don't merely wait for their delete
    providers: set[str] = set()
    for i, entry in enumerate(latest.get("resources") or []):
        at, urn = f"resources[{i}]", entry["urn"]
        if urn.split(":")[2:3] != [stack]:
            found.append(f"{at}.urn: {urn!r} is of another stack; allowed is {stack!r}: export the right stack, or rename it")
        if urn in living and not entry.get("delete"):
            found.append(f"{at}.urn: {urn!r} is there twice; take one of the two out")
        for path, other in leaning(entry):
            if other not in before:
                found.append(f"{at}.{path}: {other!r} is not among the resources before; put it before this one, or take the reference out")
        reference = entry.get("provider") or ""
        if reference and reference not in providers:
            found.append(f"{at}.provider: {reference!r} names no provider before it (urn::id); put that before, or name another")
        before.add(urn)
        if not entry.get("delete"):
            living.add(urn)
        if entry["type"].startswith(PROVIDER_TYPE):
            providers.add(f"{urn}::{entry.get('id') or ''}")
    return found


def leaning(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The URNs that an entry leans on, each with the path where it stands. The provider's reference is not among them."""
    for key in ("parent", "deletedWith"):
        if entry.get(key):
            yield key, entry[key]
    for key in ("dependencies", "replaceWith"):
        for i, urn in enumerate(entry.get(key) or []):
            yield f"{key}[{i}]", urn
    for name, urns in (entry.get("propertyDependencies") or {}).items():
        for i, urn in enumerate(urns or []):
            yield f"propertyDependencies.{name}[{i}]", urn


# -- shapes -----------------------------------------------------------------------------------------------------------

_KINDS: tuple[tuple[tuple[str, ...], type, str], ...] = (
    (("urn", "type", "id", "parent", "provider", "deletedWith"), str, "a text"),
    (("inputs", "outputs", "propertyDependencies"), dict, "an object"),
    (("dependencies",), list, "a list"),
)


def _wrong_shapes(latest: Latest) -> Iterator[str]:
    resources, pending = latest.get("resources") or [], latest.get("pending_operations") or []
    for key, items in (("resources", resources), ("pending_operations", pending)):
        if not isinstance(items, list):
            yield f"{key}: is {items!r:.40}, must be a list"
            return
    for i, entry in enumerate(resources):
        yield from _wrong_entry(f"resources[{i}]", entry)
    for i, operation in enumerate(pending):
        kind = operation.get("type") if isinstance(operation, dict) else None
        if kind not in ("creating", "updating", "deleting", "reading", "importing"):
            yield f"pending_operations[{i}].type: is {kind!r}, allowed are creating, updating, deleting, reading, importing"
        else:
            yield from _wrong_entry(f"pending_operations[{i}].resource", operation.get("resource"))


def _wrong_entry(at: str, entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"{at}: is {entry!r:.40}, must be an object"
        return
    for key in ("urn", "type"):
        if not entry.get(key):
            yield f"{at}.{key}: is missing; every resource has one"
    for keys, kind, name in _KINDS:
        for key in keys:
            if entry.get(key) is not None and not isinstance(entry[key], kind):
                yield f"{at}.{key}: is {entry[key]!r:.40}, must be {name}"
    parts = str(entry.get("urn") or "").split("::")
    if entry.get("urn") and (not parts[0].startswith("urn:pulumi:") or len(parts) < 4):
        yield f"{at}.urn: {entry['urn']!r} is no URN; write it as urn:pulumi:STACK::PROJECT::TYPE::NAME"


def _refuse(where: str, found: list[str]) -> None:
    if found:
        raise StateError(f"{where} can't be imported; nothing was changed:\n" + "\n".join(f"  {line}" for line in found[:20]))


# -- secrets ----------------------------------------------------------------------------------------------------------


def _secrets(v: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(v, dict):
        return change(v) if v.get(SIGNATURE) == SECRET else {k: _secrets(x, change) for k, x in v.items()}
    return [_secrets(x, change) for x in v] if isinstance(v, list) else v


def _opened_by(crypter: Crypter) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda v: {SIGNATURE: SECRET, "plaintext": crypter.decrypt(v["ciphertext"])} if "ciphertext" in v else v


def _closed_by(crypter: Crypter) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda v: {SIGNATURE: SECRET, "ciphertext": crypter.encrypt(v["plaintext"])} if "plaintext" in v else v


def _closed(v: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every secret that is closed, with the path where it stands."""
    if isinstance(v, dict):
        if v.get(SIGNATURE) == SECRET:
            if "plaintext" not in v:
                yield at, v
            return
        for k, x in v.items():
            yield from _closed(x, f"{at}.{k}")
    elif isinstance(v, list):
        for i, x in enumerate(v):
            yield from _closed(x, f"{at}[{i}]")


def _unreadable(latest: Latest, crypter: Crypter) -> Iterator[str]:
    for at, secret in _closed(latest, "deployment"):
        try:
            json.loads(crypter.decrypt(str(secret.get("ciphertext"))))
        except (PassphraseError, ValueError):
            yield f"{at}: this secret can't be opened; take the ciphertext from a backup, or export with --show-secrets"
