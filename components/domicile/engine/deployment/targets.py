"""`--target`, `--exclude` and `--replace`: which resources an operation may touch. Pure; called by the operations and the registrar."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ..errors import EngineError, ResourceError
from ..state.snapshot import STACK_TYPE, Resource


@dataclass(frozen=True)
class Targets:
    """What a user asked for: URNs, in which `*` stands for any text without a colon and `**` for any text.

    `dependents` takes what leans on a target as a target too; `exclude_dependents` does so for what is excluded.
    """

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    dependents: bool = False
    exclude_dependents: bool = False

    def __post_init__(self) -> None:
        if self.target and self.exclude:
            raise EngineError("--target and --exclude cannot be used together; drop one of them")

    @property
    def limited(self) -> bool:
        return bool(self.target or self.exclude)

    def replaces(self, urn: str) -> bool:
        return matches(self.replace, urn)

    def unknown(self, urns: Iterable[str]) -> list[str]:
        """What is to be said of each target that no resource has: of those without a wildcard."""
        known = set(urns)
        missing = [t for t in dict.fromkeys((*self.target, *self.replace)) if "*" not in t and t not in known]
        hint = " Did you forget to escape $ in your shell?"
        return [f"Target '{t}' could not be found in the stack.{'' if '$' in t else hint}" for t in missing]


ALL = Targets()


def matches(patterns: tuple[str, ...], urn: str) -> bool:
    return any(_pattern(p).fullmatch(urn) for p in patterns)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", text)
    return re.compile("".join({"**": ".*", "*": "[^:]*"}.get(p) or re.escape(p) for p in parts))


class Selection:
    """The resources that the targets choose, asked for one after another: each after what it leans on."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._named: set[str] = set()  # targets or excluded ones met so far, with their dependents if these count

    def takes(self, r: Resource) -> bool:
        """Whether the operation may touch it."""
        t = self._targets
        if t.target:
            return self._is_named(r, t.target, t.dependents)
        return not (t.exclude and self._is_named(r, t.exclude, t.exclude_dependents))

    def registers(self, r: Resource) -> bool:
        """Whether the program's registration of it may touch it: the stack itself and default providers always are."""
        return r.is_default_provider or r.type == STACK_TYPE or self.takes(r)

    def _is_named(self, r: Resource, patterns: tuple[str, ...], dependents: bool) -> bool:
        found = matches(patterns, r.urn) or (dependents and bool(r.leans_on & self._named))
        if found:
            self._named.add(r.urn)
        return found


def doomed(candidates: list[Resource], resources: list[Resource], targets: Targets) -> list[Resource]:
    """Those of `candidates`, in the state's order, that are to be deleted; `resources` is the whole state.

    Raises NotTargetedError if something would be left that leans on a deleted target.
    """
    if not targets.limited:
        return candidates
    selection = Selection(targets)
    going = [r for r in candidates if selection.takes(r) or (r.delete and r.is_default_provider)]
    if targets.target:
        _refuse_what_is_left(going, resources)
    return _unneeded(going, resources)


def _refuse_what_is_left(going: list[Resource], resources: list[Resource]) -> None:
    leaving, urns, blocked = set(going), {r.urn for r in going if not r.delete}, []
    for r in resources:
        if r not in leaving and not r.delete and r.leans_on & urns:
            urns.add(r.urn)
            blocked.append(r.urn)
    if blocked:
        raise NotTargetedError(blocked)


def _unneeded(going: list[Resource], resources: list[Resource]) -> list[Resource]:
    """Without what the rest leans on: an excluded resource's parent, provider and so on."""
    leaving = set(going)
    while True:
        staying = [r for r in resources if r not in leaving]
        urns = {u for r in staying for u in r.leans_on}
        references = {r.provider for r in staying}
        kept = {r for r in leaving if (f"{r.urn}::{r.id}" in references if r.delete else r.urn in urns)}
        if not kept:
            return [r for r in going if r in leaving]
        leaving -= kept


class NotTargetedError(EngineError):
    """A target can't go without what leans on it; `each` is the error about one of these."""

    def __init__(self, urns: list[str]) -> None:
        self.each = [not_targeted(urn) for urn in urns]
        super().__init__("\n".join(str(e) for e in self.each))


def not_targeted(urn: str) -> ResourceError:
    """About what would have to go with a target, or with what isn't excluded."""
    return ResourceError(
        urn,
        f"Resource '{urn}' will be destroyed but was not specified in --target list, or was excluded. "
        "Either name it in the --target list, or pass --target-dependents, or don't exclude it.",
    )
