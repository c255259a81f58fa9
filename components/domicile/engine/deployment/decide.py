"""What to do with a registered resource: a pure function of its old state, its goal and its provider's diff. No I/O here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .. import paths
from ..assets import alike
from ..plugins.diff import Diff
from ..state.snapshot import Resource
from ..values import Properties, has_unknown, plain


@dataclass(frozen=True)
class Decision:
    op: Literal["create", "same", "update", "replace"]
    delete_first: bool = False
    replace_reasons: tuple[str, ...] = ()
    diff_reasons: tuple[str, ...] = ()
    detailed: dict[str, dict[str, Any]] = field(default_factory=dict)


FORCED = Decision("replace", replace_reasons=("id",))  # by `--replace`


def decide(old: Resource, new: Resource, diff: Diff, delete_first: bool | None = None, forced: tuple[str, ...] | None = None) -> Decision:
    """`delete_first` is the program's `delete_before_replace` if it gave one; `forced` the answer of `forced_replacement`."""
    if forced is not None:
        return Decision("replace", bool(delete_first), forced)
    diff = _replacing_on_changes(diff, new.replace_on_changes)
    replaces = diff.replaces
    if old.pending_replacement and not replaces:
        replaces = ("pending-replacement",)
    if (replaces or diff.is_replace) and (diff.changes is not False or old.pending_replacement):
        first = diff.delete_first if delete_first is None else delete_first
        return Decision("replace", first, replaces, diff.keys, diff.detailed)
    changed = not alike(old.inputs, new.inputs) if diff.changes is None else diff.changes
    if changed or old.init_errors:
        return Decision("update", diff_reasons=diff.keys, detailed=diff.detailed)
    return Decision("same")


def forced_replacement(old: Resource, new: Resource, replaced: Collection[str], provider_replaced: bool) -> tuple[str, ...] | None:
    """Why the resource is replaced whatever its provider says; None if it isn't. The reason of a `replacement_trigger` has no name.

    `replaced` has the URNs that this deployment replaces; `provider_replaced` says that the thing is another provider's now.
    """
    if _triggered(old.replacement_trigger, new.replacement_trigger):
        return ()
    if any(u in replaced for u in new.replace_with):
        return ("replaceWith",)
    if new.deleted_with in replaced:
        return ("deletedWith",)
    return ("provider",) if provider_replaced else None


def _triggered(old: Any, new: Any) -> bool:
    """A trigger that wasn't there before, or is no more, changes nothing; one that isn't known yet counts as changed."""
    if has_unknown(old) or has_unknown(new):
        return True
    return old is not None and new is not None and plain(old) != plain(new)


def without_ignored(new: Properties, old: Properties, ignored: tuple[str, ...]) -> Properties:
    """The new inputs, with what `ignore_changes` names as it was."""
    for text in ignored:
        new = paths.keep_old(new, old, paths.parse(text))
    return new


def _replacing_on_changes(diff: Diff, patterns: tuple[str, ...]) -> Diff:
    """The diff with those changes made replacing that the program wants so: only where the provider gives a detailed diff."""
    if not patterns:
        return diff
    wanted = [paths.parse(p) for p in patterns]
    detailed = {
        key: {**d, "kind": d["kind"].removesuffix("-replace") + "-replace"} if any(_covers(w, paths.parse(key)) for w in wanted) else d
        for key, d in diff.detailed.items()
    }
    keys = tuple(k for k in diff.keys if k not in diff.replaces and any(_covers(w, [k]) for w in wanted))
    return replace(diff, detailed=detailed, replaces=(*diff.replaces, *keys))


def _covers(pattern: paths.Path, path: paths.Path) -> bool:
    return len(pattern) <= len(path) and all(a in ("*", b) for a, b in zip(pattern, path, strict=False))
