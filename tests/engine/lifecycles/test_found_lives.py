"""Lives that random ones ended in, each named after the rule that was broken."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from lab import Lab
from lab_lives import Life, Op
from lab_program import Spec
from lab_world import Fault

_A, _B = Spec("n0"), Spec("n1", near=0, within=0)
_WAS_A = (("n0", ""),)
_TOP, _MOVED = Spec("n0", "group"), Spec("n1", "group", parent=0, aliases=(("n1", ""),))
_CHAIN = (_A, Spec("n1", within=0), Spec("n2"), Spec("n3", near=0, within=1))
_ABOVE = (_A, Spec("n1"), Spec("n2", "group", parent=1), Spec("n3", "group", parent=2))
LIVES: dict[str, Life] = {
    "what goes with another is not forgotten while that one is protected": (
        Op("up", (_A, _B)), Op("up", (Spec("n0", protect=True), _B)), Op("destroy", (Spec("n0", protect=True), _B)),
    ),
    "what goes with another is not forgotten while that one's delete fails": (
        Op("up", (_A, _B)), Op("destroy", (_A, _B), faults=(Fault("delete", "n0", "fail"),)),
    ),
    "what a thing contains goes with it, and what that contains": (Op("up", _CHAIN), Op("destroy", _CHAIN)),
    "an interrupt ends a question that hangs": (Op("up", (_A,), faults=(Fault("check", "n0", "hang"),)), Op("up", (_A,))),
    "a second interrupt ends a hook that hangs": (
        Op("up", (Spec("n0", hooks=("before_create",)),), faults=(Fault("hook", "n0", "hang"),)),
    ),
    "a second interrupt ends a create that hangs": (Op("up", (_A,), faults=(Fault("create", "n0", "hang"),), parallel=4),),
    "a second interrupt ends a delete that hangs": (Op("up", (_A, _B)), Op("destroy", (_A, _B), faults=(Fault("delete", "n0", "hang"),))),
    "a second interrupt ends a refresh that hangs": (Op("up", (_A,)), Op("refresh", (_A,), faults=(Fault("read", "n0", "hang"),))),
    "an interrupt after a failure elsewhere lets what is under way end": (
        Op("up", (_A, Spec("n1")), faults=(Fault("create", "n0", "fail"), Fault("create", "n1", "pause")), parallel=4),
    ),
    "what an update in doubt made secret is secret when it is read": (
        Op("up", (Spec("n0", package="old"),)),
        Op("up", (Spec("n0", package="old", secret=True),), faults=(Fault("update", "n0", "died"),)),
    ),
    "what was below what the world has lost is below what was above that": (
        Op("up", _ABOVE), Op("drift", _ABOVE), Op("refresh", _ABOVE),
    ),
    "what is left alone comes after what it still leans on, which the program no longer has": (
        Op("up", (_A, Spec("n1", near=0))), Op("up", (Spec("n1"),), chosen=("n0",), choice=("target",)),
    ),
    "what is targeted comes before what is left alone and still leans on it": (
        Op("up", (_A, Spec("n1"), Spec("n2", near=0))), Op("up", (Spec("n1"), Spec("n2"), _A), chosen=("n0",), choice=("target",)),
    ),
    "what is targeted doesn't come to lean on what is left alone and leans on it": (
        Op("up", (_A, Spec("n1", near=0))), Op("up", (Spec("n1"), Spec("n0", near=0)), chosen=("n0",), choice=("target",)),
        Op("destroy", ()),
    ),
    "nothing is read below what isn't there and isn't targeted": (
        Op("up", (_A, Spec("n1"), Spec("n2", "view", parent=0, wild=1)), chosen=("n1",), choice=("target",)),
    ),
    "what leans on a renamed resource names it as its entry does, if its update failed": (
        Op("up", (_A, Spec("n1", near=0))),
        Op("up", (Spec("n5", body=1, aliases=_WAS_A), Spec("n1", near=0)), faults=(Fault("update", "n5", "fail"),)),
    ),
    "what leans on a renamed resource names it as its entry does, if it was deleted first and not made again": (
        Op("up", (_A, Spec("n1", core=0))),
        Op("up", (Spec("n5", zone=1, aliases=_WAS_A), Spec("n1", core=0)), faults=(Fault("create", "n5", "fail"),)),
    ),
    "what waits for its delete names its renamed parent by the new name": (
        Op("up", (_A, Spec("n1", parent=0))),
        Op("up", (Spec("n5", aliases=_WAS_A), Spec("n1", parent=0, kind=1)), faults=(Fault("delete", "n1", "fail"),)),
    ),
    "what was deleted first names its renamed parent by the new name": (
        Op("up", (_A, Spec("n1", parent=0))),
        Op("up", (Spec("n5", aliases=_WAS_A), Spec("n1", parent=0, zone=1)), faults=(Fault("create", "n1", "fail"),)),
    ),
    "what an update in doubt made secret is secret when it is read under its former name": (
        Op("up", (Spec("n0", package="old"),)),
        Op("up", (Spec("n5", package="old", secret=True, aliases=_WAS_A),), faults=(Fault("update", "n5", "died"),)),
    ),
    "what was read below a moved component is in the state once": (
        Op("up", (_TOP, Spec("n1", "group"), Spec("n2", "view", parent=1, wild=1))),
        Op("up", (_TOP, _MOVED, Spec("n2", "view", parent=1, wild=1))),
    ),
    "what was below a moved component goes if another has its name by an alias": (
        Op("up", (_TOP, Spec("n1", "group"), Spec("n2", parent=1), Spec("n3"))),
        Op("up", (_TOP, _MOVED, Spec("n2", parent=1, aliases=(("n3", ""),)))),
    ),
    "what was below a moved component and is dropped goes": (
        Op("up", (_TOP, Spec("n1", "group"), Spec("n2", parent=1), Spec("n3", parent=2))), Op("up", (_TOP, _MOVED)),
    ),
    "one thing that was imported under two names goes with either": (
        Op("up", (Spec("n2", wild=3),)), Op("up", (Spec("n2", wild=3), Spec("n3", wild=3))), Op("up", (Spec("n3", wild=3),)),
        Op("up", (Spec("n3", package="old", wild=3),)),
        Op("up", (_A, Spec("n3", package="old", parent=0, wild=3)), continues=True),
    ),
    "a secret that a failed update never told the state is closed when a refresh reads it": (
        Op("up", (Spec("n0", package="old"),)),
        Op("up", (Spec("n0", package="old", secret=True),), faults=(Fault("update", "n0", "partial"),)),
        Op("up --refresh", (Spec("n0", package="old", secret=True),)),
    ),
}  # fmt: skip
_numbers = itertools.count()


@pytest.mark.parametrize("name", LIVES)
def test_found(ground: Path, salt: str, name: str) -> None:
    Lab(ground / str(next(_numbers)), salt).live(LIVES[name])


@pytest.mark.parametrize("kill_at", range(20, 36))
def test_a_replacement_and_the_mark_on_what_it_replaces_are_in_one_write(ground: Path, salt: str, kill_at: int) -> None:
    Lab(ground / str(next(_numbers)), salt).live((Op("up", (_A,)), Op("up", (Spec("n0", kind=1),), kill_at=kill_at)))


def test_a_failure_in_a_moved_component_has_nothing_of_it_made_anew_by_the_next_up(ground: Path, salt: str) -> None:
    lab = Lab(ground / str(next(_numbers)), salt)
    lab.do(Op("up", (_TOP, Spec("n1", "group"), Spec("n2", parent=1), Spec("n3", parent=2))))
    made = lab.recorded().keys()
    moved = (_TOP, _MOVED, Spec("n2", parent=1, body=1), Spec("n3", parent=2))
    assert lab.do(Op("up", moved, faults=(Fault("update", "n2", "fail"),))).exit_code == 1
    assert lab.do(Op("up", moved)).summary == {"same": 4, "update": 1} and lab.recorded().keys() == made
