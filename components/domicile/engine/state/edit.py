"""Changes to a stack's state by hand: delete an entry, lift its protection, give it another name. On the checkpoint's JSON."""

from __future__ import annotations

from typing import Any

from ..errors import StateError
from ..state.deployment import Latest, leaning


def delete(latest: Latest, urn: str, force: bool = False, dependents: bool = False) -> list[str]:
    """Take the entry out; the thing stays in the world. Gives the URNs that went.

    `dependents` takes along what leans on it; `force` takes one that is protected. Raises StateError otherwise.
    """
    going = [_only(latest, urn)["urn"]]
    entries: list[dict[str, Any]] = latest.get("resources") or []
    leans = [e for e in entries if e["urn"] not in going and _mentions(e, set(going))]
    while leans:
        if not dependents:
            names = ", ".join(e["urn"] for e in leans)
            raise StateError(f"{urn} is leaned on by {names}; delete these first, or use --target-dependents")
        going += [e["urn"] for e in leans]
        leans = [e for e in entries if e["urn"] not in going and _mentions(e, set(going))]
    if not force and (kept := [e["urn"] for e in entries if e["urn"] in going and e.get("protect")]):
        raise StateError(f"protected: {', '.join(kept)}; lift it with `state unprotect`, or use --force")
    latest["resources"] = [e for e in entries if e["urn"] not in going]
    return going


def unprotect(latest: Latest, urn: str | None) -> int:
    """Lift the protection of one resource, or of all; how many had it."""
    entries = [_only(latest, urn)] if urn else latest.get("resources") or []
    return sum(1 for e in entries if e.pop("protect", None))


def rename(latest: Latest, urn: str, name: str) -> str:
    """Give the resource another name, in its entry and wherever it is mentioned; its new URN."""
    entry = _only(latest, urn)
    if not name or "::" in name:
        raise StateError(f"name {name!r}: use a name that isn't empty and has no '::'")
    new = f"{urn.rpartition('::')[0]}::{name}"
    if any(e["urn"] == new for e in latest["resources"]):
        raise StateError(f"{new} is in the state already; use another name")
    entry["urn"] = new
    for e in latest["resources"]:
        _renamed(e, urn, new)
    for operation in latest.get("pending_operations") or []:
        if operation["resource"]["urn"] == urn:
            operation["resource"]["urn"] = new
        _renamed(operation["resource"], urn, new)
    return new


def _only(latest: Latest, urn: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [e for e in latest.get("resources") or [] if e["urn"] == urn]
    if not found:
        raise StateError(f"no resource {urn!r} in the state; `stack --show-urns` lists them")
    if len(found) > 1:
        raise StateError(f"{urn!r} is in the state {len(found)} times, replaced and not deleted yet; `up` or `refresh` deletes the old one")
    return found[0]


def _mentions(entry: dict[str, Any], urns: set[str]) -> bool:
    return (entry.get("provider") or "").rpartition("::")[0] in urns or any(u in urns for _, u in leaning(entry))


def _renamed(entry: dict[str, Any], old: str, new: str) -> None:
    for key in ("parent", "deletedWith"):
        if entry.get(key) == old:
            entry[key] = new
    above, _, id_ = (entry.get("provider") or "").rpartition("::")
    if above == old:
        entry["provider"] = f"{new}::{id_}"
    for key in ("dependencies", "replaceWith"):
        if entry.get(key):
            entry[key] = [new if u == old else u for u in entry[key]]
    for urns in (entry.get("propertyDependencies") or {}).values():
        urns[:] = [new if u == old else u for u in urns or []]
