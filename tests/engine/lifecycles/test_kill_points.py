"""The engine killed (SIGKILL to a forked one) at each of its file operations and provider calls, and half-way through each write.

Wherever it was: the state loads and is valid, pending operations name what is in doubt, and the next `up` converges.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lab import PASSPHRASE, Lab
from lab_lives import Op
from lab_program import Program, Spec

from domicile.engine.state import edit
from domicile.engine.state.crypter import Crypter
from domicile.engine.state.deployment import Latest

BEFORE = (
    Spec("n0"),
    Spec("n1", near=0, secret=True),
    Spec("n2", parent=1),
    Spec("n3", core=0),
    Spec("n4", retain=True),
    Spec("n5", "group"),
)
AFTER = (  # n0 replaced, n1 and n3 with it, n2 moved, n4 let go, n6 replaces what is deleted first, n7 in another provider
    Spec("n0", kind=1), Spec("n1", near=0, secret=True, body=2), Spec("n2", aliases=(("n2", "n1"),)), Spec("n3", core=0),
    Spec("n5", "group", body=1), Spec("n6", "provider"), Spec("n7", provider=5, parent=4),
)  # fmt: skip
SOUTH = (Spec("n0", zone=1), Spec("n1", core=0), Spec("n2", near=1))
TAKEN = (  # n0 and n1 are imported, n1 in the place of a thing of ours, n2 is read, n3 read instead of one of ours
    Spec("n0", wild=3), Spec("n1", wild=4, near=0), Spec("n2", "view", wild=1), Spec("n3", "view", wild=2), Spec("n4", after=(2, 3)),
)  # fmt: skip
ABOVE = (Spec("n0"), Spec("n1"), Spec("n2", "group", parent=1))
OPERATIONS: dict[str, tuple[list[Op], Op]] = {
    "up that creates": ([], Op("up", BEFORE)),
    "up that creates, side by side": ([], Op("up", BEFORE, parallel=4)),
    "up that updates, replaces and deletes": ([Op("up", BEFORE)], Op("up", AFTER)),
    "up that deletes first": ([Op("up", (Spec("n0"), *SOUTH[1:]))], Op("up", SOUTH)),
    "up that imports and reads": ([Op("up", (Spec("n1"), Spec("n3")))], Op("up", TAKEN)),
    "up with refresh": ([Op("up", BEFORE), Op("drift", BEFORE)], Op("up --refresh", BEFORE)),
    "refresh": ([Op("up", BEFORE), Op("drift", BEFORE)], Op("refresh", BEFORE)),
    "refresh of what has others below it": ([Op("up", ABOVE), Op("drift", ABOVE)], Op("refresh", ABOVE)),
    "destroy": ([Op("up", BEFORE)], Op("destroy", BEFORE)),
}
_numbers = itertools.count()


@pytest.fixture
def base(ground: Path, salt: str) -> Lab:
    return Lab(ground / f"base-{next(_numbers)}", salt)


def each_point(base: Lab, work: Callable[[Lab, Callable[[str], None]], Any], judge: Callable[[Lab], None]) -> int:
    """Kill `work` at each of its points, each time on a copy of `base`, and judge what it leaves; how many points there were."""
    whole = base.copied(base.root.with_name(f"whole-{next(_numbers)}"))
    whole.in_child(0, lambda point: work(whole, point))
    for number in range(1, whole.points + 1):
        lab = base.copied(base.root.with_name(f"point-{next(_numbers)}"))
        lab.in_child(number, lambda point, lab=lab: work(lab, point))
        judge(lab)
        lab.close()
    return whole.points


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_killed_at_any_point_converges_with_the_next_up(base: Lab, name: str) -> None:
    past, op = OPERATIONS[name]
    program: Program = AFTER if op.verb == "destroy" else op.program
    for each in past:
        base.once(each)
    before = base.state()

    def judge(lab: Lab) -> None:
        lab.judge_killed(op, before)
        lab.converge(program)

    points = each_point(base, lambda lab, point: lab.run(op, lambda verb, request: point(verb)).exit_code, judge)
    assert points >= 40, f"only {points} points"


def test_a_stack_init_killed_at_any_point_can_be_done_again(base: Lab, ground: Path, salt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", bytes)  # the same salt each time: a new key takes half a second
    Crypter.new(PASSPHRASE)

    def judge(lab: Lab) -> None:
        if not lab.stack.exists:
            lab.stack.init()
        lab.converge(BEFORE)

    assert each_point(Lab(ground / f"bare-{next(_numbers)}"), lambda lab, point: lab.stack.init(), judge) >= 15


def test_a_config_set_killed_at_any_point_leaves_the_old_or_the_new(base: Lab) -> None:
    base.stack.set_config("kept", "old", secret=True)
    base.stack.set_config("changed", "old")

    def judge(lab: Lab) -> None:
        values = lab.stack.open().config.values
        assert values["lab:kept"] == "old" and values["lab:changed"] in ("old", "new")
        lab.stack.set_config("changed", "new", secret=True)
        assert lab.stack.open().config.values["lab:changed"] == "new"
        lab.converge(BEFORE)

    assert each_point(base, lambda lab, point: lab.stack.set_config("changed", "new", secret=True), judge) >= 4


EDITS: dict[str, Callable[[Latest], Any]] = {
    "delete": lambda latest: edit.delete(latest, _urn(latest, "n0"), force=False, dependents=True),
    "unprotect": lambda latest: edit.unprotect(latest, None),
    "rename": lambda latest: edit.rename(latest, _urn(latest, "n0"), "n9"),
}


def _urn(latest: Latest, name: str) -> str:
    return next(str(r["urn"]) for r in latest["resources"] if r["urn"].endswith(f"::{name}"))


@pytest.mark.parametrize("verb", EDITS)
def test_a_state_edit_killed_at_any_point_leaves_the_old_or_the_new(base: Lab, verb: str) -> None:
    base.do(Op("up", (replace(BEFORE[0], protect=verb == "unprotect"), *BEFORE[1:])))
    old = base.latest()["resources"]

    def do(lab: Lab) -> None:
        with lab.stack.edited() as latest:
            EDITS[verb](latest)

    do(changed := base.copied(base.root.with_name(f"changed-{next(_numbers)}")))
    new = changed.latest()["resources"]
    assert new != old

    def judge(lab: Lab) -> None:
        lab.stack.cancel()
        found = lab.latest()["resources"]
        assert found in (old, new)
        lab.state()
        if found == old:
            do(lab)
        assert lab.latest()["resources"] == new

    assert each_point(base, lambda lab, point: do(lab), judge) >= 8


def test_a_stack_rm_killed_at_any_point_can_be_done_again_or_leaves_room_for_another(base: Lab) -> None:
    base.do(Op("up", BEFORE))

    def judge(lab: Lab) -> None:
        lab.stack.cancel()
        if lab.stack.exists:
            assert lab.recorded()
            lab.stack.remove(force=True)
        lab.stack.init()
        assert lab.state() == []

    assert each_point(base, lambda lab, point: lab.stack.remove(force=True), judge) >= 4


def test_a_stack_import_killed_at_any_point_leaves_the_old_or_the_new(base: Lab) -> None:
    base.do(Op("up", BEFORE))
    text = json.dumps(base.stack.export())
    old = sorted(r.urn for r in base.state())
    base.do(Op("up", AFTER))
    new = sorted(r.urn for r in base.state())

    def judge(lab: Lab) -> None:
        lab.stack.cancel()
        assert sorted(r.urn for r in lab.state()) in (old, new)
        lab.stack.import_(text, "test")
        assert sorted(r.urn for r in lab.state()) == old

    assert each_point(base, lambda lab, point: lab.stack.import_(text, "test"), judge) >= 8
