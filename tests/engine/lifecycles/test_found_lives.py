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
_CHAIN = (_A, Spec("n1", within=0), Spec("n2"), Spec("n3", near=0, within=1))
LIVES: dict[str, Life] = {
    "what goes with another is not forgotten while that one is protected": (
        Op("up", (_A, _B)), Op("up", (Spec("n0", protect=True), _B)), Op("destroy", (Spec("n0", protect=True), _B)),
    ),
    "what goes with another is not forgotten while that one's delete fails": (
        Op("up", (_A, _B)), Op("destroy", (_A, _B), faults=(Fault("delete", "n0", "fail"),)),
    ),
    "what a thing contains goes with it, and what that contains": (Op("up", _CHAIN), Op("destroy", _CHAIN)),
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
}  # fmt: skip
_numbers = itertools.count()


@pytest.mark.parametrize("name", LIVES)
def test_found(ground: Path, salt: str, name: str) -> None:
    Lab(ground / str(next(_numbers)), salt).live(LIVES[name])


@pytest.mark.parametrize("kill_at", range(20, 36))
def test_a_replacement_and_the_mark_on_what_it_replaces_are_in_one_write(ground: Path, salt: str, kill_at: int) -> None:
    Lab(ground / str(next(_numbers)), salt).live((Op("up", (_A,)), Op("up", (Spec("n0", kind=1),), kill_at=kill_at)))
