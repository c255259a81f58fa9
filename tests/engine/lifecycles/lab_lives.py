"""What hypothesis draws: a program, and then operation after operation, each with its change of the program and its mishaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from lab_program import NAMES, Program, Spec
from lab_world import Fault

from domicile.engine import Targets

CHANGES = ("body", "kind", "zone", "secret", "drop", "add", "rename", "rename without alias", "move", "move without alias", "protect",
           "retain", "delete first", "ignore", "within", "provider", "near", "core", "swap package",
           "import", "hook", "read instead", "trigger", "replace on", "partner", "retype", "retype without alias")  # fmt: skip
FAULTS = [
    *((verb, kind) for verb in ("create", "update", "delete") for kind in ("fail", "die", "died", "pause", "hang")),
    ("create", "partial"), ("update", "partial"), ("update", "half"), ("delete", "half"),
    ("hook", "fail"), ("hook", "hang"), ("check", "fail"), ("check", "die"), ("check", "hang"), ("diff", "fail"), ("diff", "die"),
    ("diff", "hang"), ("read", "fail"), ("read", "die"), ("read", "hang"),
    ("configure", "fail"), ("configure", "die"), ("configure", "hang"),
]  # fmt: skip
VERBS = (
    *("up",) * 8, "up --refresh", "up --refresh", "refresh", "refresh", "refresh --preview-only",
    "refresh --clear-pending-creates", "destroy", "destroy", "destroy --refresh", "destroy --exclude-protected", "preview",
    "preview --refresh", "drift", "drift", "move the state",
)  # fmt: skip


HOOKS = tuple(f"{when}_{what}" for when in ("before", "after") for what in ("create", "update", "delete"))
CHOICES = (*(("",),) * 4, ("target",), ("target", "dependents"), ("exclude",), ("exclude", "dependents"), ("replace",))
"""What an operation is limited to: mostly nothing."""


@dataclass(frozen=True, repr=False)
class Op:
    """`choice`: how the resources `chosen`, by name, limit the operation.

    `kill_at`: the engine is killed at this file operation or provider call, the first being 1; None lets it live.
    """

    verb: str  # of the engine, with flags; drift, as somebody else would cause it; or move the state: export it and import that
    program: Program
    faults: tuple[Fault, ...] = ()
    kill_at: int | None = None
    parallel: int = 1
    choice: tuple[str, ...] = ("",)
    chosen: tuple[str, ...] = ()
    run_program: bool = False  # for a destroy, so that its hooks can be called
    continues: bool = False  # --continue-on-error

    @property
    def targets(self) -> Targets:
        if not self.chosen:
            return Targets()
        dependents = {"dependents" if self.choice[0] == "target" else "exclude_dependents": True} if "dependents" in self.choice else {}
        return Targets(**{self.choice[0]: tuple(f"**::{name}" for name in self.chosen)}, **dependents)

    def __repr__(self) -> str:
        mishaps = [f"{k}={v!r}" for k, v in vars(self).items() if k in ("faults", "kill_at", "chosen", "run_program", "continues") and v]
        mishaps += [f"choice={self.choice!r}"] if self.chosen else []
        return f"Op({', '.join([repr(self.verb), repr(self.program), *mishaps, *(['parallel=4'] if self.parallel > 1 else [])])})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


Life = tuple[Op, ...]


@st.composite
def _spec(draw: Any, at: int, before: list[Spec]) -> Spec:
    form = draw(st.sampled_from(("thing",) * 6 + ("group", "provider", "view")))
    package = draw(st.sampled_from(("lab", "lab", "old")))
    spec = Spec(NAMES[at], form, package, wild=draw(st.integers(1, 2)) if form == "view" else 0)
    if not before or form == "provider":
        return spec
    options = draw(
        st.lists(
            st.sampled_from(
                ("near", "core", "parent", "after", "provider", "within", "secret", "delete first", "hook", "import", "partner")
            ),
            max_size=3,
        )
    )
    for option in options:
        spec = _linked(spec, option, before, draw(st.integers(0, len(before) - 1)))
    return spec


def _linked(spec: Spec, option: str, before: list[Spec], start: int) -> Spec:
    """The resource with the option set, meaning the first fit one at or after the place `start`."""
    if option == "secret":
        return replace(spec, secret=not spec.secret)
    if option == "hook":
        return replace(spec, hooks=(HOOKS[start % len(HOOKS)], HOOKS[(start + 3) % len(HOOKS)]) if spec.form == "thing" else ())
    if option == "import":
        return replace(spec, wild=0 if spec.wild else 3 + start % 2) if spec.form == "thing" else spec
    if option == "delete first":
        return replace(spec, delete_first={None: True, True: False, False: None}[spec.delete_first])
    forms = {"parent": ("thing", "group"), "after": ("thing", "group"), "provider": ("provider",)}.get(option, ("thing",))
    fit = [i for i, other in enumerate(before) if other.form in forms and (option != "provider" or other.package == spec.package)]
    if not fit or (option in ("near", "core", "provider", "within", "partner") and spec.form != "thing"):
        return spec
    found = next((i for i in fit if i >= start), fit[0])
    if option == "after":
        return replace(spec, after=(found,))
    return replace(spec, **{option: found})


@st.composite
def programs(draw: Any) -> Program:
    out: list[Spec] = []
    for at in range(draw(st.integers(1, 5))):
        out.append(draw(_spec(at, out)))
    return _tidy(tuple(out))


def changed(program: Program, what: str, at: int, value: int) -> Program:
    """The program with one change, as a user would make it between two operations."""
    if what == "add" or not program:
        free = [n for n in NAMES if n not in {s.name for s in program}]
        fresh = Spec(free[0], "thing", "old" if value == 2 else "lab", near=None)
        return _tidy((*program, _linked(fresh, ("near", "core", "parent", "within")[value], list(program), at))) if free else program
    at %= len(program)
    spec = program[at]
    if what == "drop":
        return _tidy(tuple(s.shifted(at) for i, s in enumerate(program) if i != at))
    return _tidy((*program[:at], _altered(spec, what, program, value), *program[at + 1 :]))


def _altered(spec: Spec, what: str, program: Program, value: int) -> Spec:
    at = program.index(spec)
    above = "" if spec.parent is None else program[spec.parent].name
    if what in ("body", "kind", "zone"):
        return replace(spec, **{what: value})
    if what in ("protect", "retain"):
        return replace(spec, **{what: not getattr(spec, what)})
    if what == "ignore":
        return replace(spec, ignore=() if spec.ignore else (("body",), ("kind",), ("zone",), ("body", "near"))[value])
    if what == "read instead":
        plain = Spec(spec.name, package=spec.package, parent=spec.parent, after=spec.after, aliases=spec.aliases)
        return replace(plain, form="view", wild=1) if spec.form == "thing" else plain if spec.form == "view" else spec
    if what in ("hook", "import"):
        return _linked(spec, what, [], value)
    if what == "trigger":
        return replace(spec, trigger=value or None) if spec.form == "thing" else spec
    if what == "replace on":
        return replace(spec, replace_on=() if spec.replace_on else ("body",)) if spec.form == "thing" else spec
    if what.startswith("retype"):
        retyped = replace(spec, other_type=not spec.other_type) if spec.form == "group" else spec
        return replace(retyped, aliases=spec.aliases + (() if "without" in what else ((spec.name, above, spec.type),)))
    if what == "swap package":
        return replace(spec, package="old" if spec.package == "lab" else "lab", provider=None)
    if what.startswith("rename"):
        free = [n for n in NAMES if n not in {s.name for s in program}]
        alias = () if "without" in what else ((spec.name, above),)
        return replace(spec, name=free[value % len(free)], aliases=spec.aliases + alias) if free else spec
    if what.startswith("move"):
        alias = () if "without" in what else ((spec.name, above),)
        moved = replace(spec, parent=None) if value == 0 else _linked(spec, "parent", list(program[:at]), value)
        return replace(moved, aliases=spec.aliases + alias)
    return _linked(spec, what, list(program[:at]), value)


def _tidy(program: Program) -> Program:
    """Without what no SDK would send: an alias of a name that another resource has now, providers of another package."""
    names = {s.name for s in program}
    out: list[Spec] = []
    for s in program:
        if s.form == "thing" and s.wild in {o.wild for o in out if o.form == "thing"}:
            s = replace(s, wild=0)  # what is imported is one resource's only
        aliases = tuple(dict.fromkeys(a for a in s.aliases if a[0] == s.name or a[0] not in names))[-3:]
        things = (i if i is not None and program[i].form == "thing" else None for i in (s.near, s.core, s.within, s.partner))
        near, core, within, partner = things
        fit = s.provider is not None and program[s.provider].form == "provider" and program[s.provider].package == s.package
        provider = s.provider if fit else None
        out.append(replace(s, aliases=aliases, near=near, core=core, within=within, partner=partner, provider=provider))
    return tuple(out)


_changes = st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 5), st.integers(0, 3)), max_size=3)
_faults = st.lists(st.tuples(st.sampled_from(FAULTS), st.integers(0, 5)), max_size=2)


@st.composite
def lives(draw: Any) -> Life:
    program = draw(programs())
    ops = [_op(draw, "up", program)]
    for _ in range(draw(st.integers(0, 3))):
        for what, at, value in draw(_changes):
            program = changed(program, what, at, value)
        ops.append(_op(draw, draw(st.sampled_from(VERBS)), program))
    return tuple(ops)


def _op(draw: Any, verb: str, program: Program) -> Op:
    mishap = draw(st.sampled_from(("none", "none", "faults", "kill")))
    if verb == "drift":
        mishap = "none"
    limits = verb not in ("drift", "move the state")
    found = draw(_faults) if mishap == "faults" else []
    faults = tuple(Fault(verb, program[at % len(program)].name, kind) for (verb, kind), at in found) if program else ()
    kill_at = draw(st.integers(1, 60)) if mishap == "kill" else None
    choice = draw(st.sampled_from(CHOICES)) if limits else ("",)
    chosen = tuple(draw(st.lists(st.sampled_from(NAMES[:5]), min_size=1, max_size=2, unique=True))) if choice[0] else ()
    running = verb.startswith("destroy") and draw(st.booleans())
    continues = limits and not verb.startswith("refresh") and draw(st.sampled_from((False, False, True)))
    return Op(verb, program, faults, kill_at, draw(st.sampled_from((1, 1, 1, 4))), choice, chosen, running, continues)
