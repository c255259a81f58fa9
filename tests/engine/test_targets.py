"""`--target`, `--exclude`, `--replace` and `--continue-on-error`: what an operation touches."""

from __future__ import annotations

import pytest

from domicile.engine import EngineError, Targets, destroy, preview, refresh
from domicile.engine.deployment.targets import matches

THREE = "a = Thing('a', body={0})\nb = Thing('b', body={0}, opts=O(depends_on=[a]))\nc = Thing('c', body={0})\n"


def target(*names: str, **more: bool) -> Targets:
    return Targets(target=tuple(f"**::{n}" for n in names), **more)


def exclude(*names: str, **more: bool) -> Targets:
    return Targets(exclude=tuple(f"**::{n}" for n in names), **more)


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("urn:pulumi:dev::p::a:b:C::n", True), ("**", True), ("**::n", True), ("urn:*:dev::p::a:b:C::*", True),
        ("urn:pulumi:dev::p::**", True), ("*", False), ("*::n", False), ("**::", False),
        ("urn:pulumi:dev::p::*::n", False), ("urn.pulumi:dev::p::a:b:C::n", False),
    ],
)  # fmt: skip
def test_one_star_stays_between_colons_and_two_cross_them(pattern, matched):
    assert matches((pattern,), "urn:pulumi:dev::p::a:b:C::n") is matched


def test_targets_and_excludes_together_are_refused():
    with pytest.raises(EngineError, match=r"--target and --exclude"):
        Targets(target=("a",), exclude=("b",))


def test_a_target_that_leans_on_what_is_not_made_is_refused(yard):
    yard.up("a = Thing('a')\n")
    yard.calls()
    program = "a = Thing('a')\nx = Thing('x')\ny = Thing('y', body=x.serial)\n"
    for run in (yard.up, lambda _, **options: preview(yard.stack, yard.events.append, **options)):
        result = run(program, targets=target("y"))
        assert result.exit_code == 1 and "::y" in yard.said() and "::x" in yard.said() and "--target" in yard.said()
    assert yard.calls() == [] and yard.names() == ["a"]


def test_target_dependents_takes_what_leans_on_a_target(yard):
    yard.up(THREE.format(1))
    yard.calls()
    assert yard.up(THREE.format(2), targets=target("a", dependents=True)).summary == {"same": 2, "update": 2}
    assert yard.calls() == ["update a", "update b"]


def test_only_targets_that_the_program_dropped_are_deleted(yard):
    yard.up(THREE.format(1))
    yard.calls()
    assert yard.up("", targets=target("c")).exit_code == 0
    assert yard.calls() == ["delete c"] and yard.names() == ["a", "b"]


def test_a_dropped_target_stays_while_something_leans_on_it(yard):
    yard.up(THREE.format(1))
    yard.calls()
    assert yard.up("", targets=target("a")).exit_code == 1
    assert "::b" in yard.said() and "--target-dependents" in yard.said()
    assert yard.calls() == [] and yard.names() == ["a", "b", "c"]
    assert yard.up("", targets=target("a", dependents=True)).exit_code == 0
    assert yard.calls() == ["delete b", "delete a"] and yard.names() == ["c"]


def test_what_is_excluded_stays_as_it_is_and_the_rest_goes_on(yard):
    yard.up(THREE.format(1))
    yard.calls()
    assert yard.up(THREE.format(2), targets=exclude("a")).summary == {"same": 2, "update": 2}
    assert sorted(yard.calls()) == ["update b", "update c"]
    assert yard.up(THREE.format(3), targets=exclude("a", exclude_dependents=True)).summary == {"same": 3, "update": 1}
    assert yard.calls() == ["update c"]


def test_a_replacement_may_not_take_along_what_is_not_targeted(yard):
    program = "a = Thing('a', zone='{}')\nb = Thing('b', kind=a.serial)\n"
    yard.up(program.format("north"))
    yard.calls()
    for chosen in (target("a"), exclude("b")):
        assert yard.up(program.format("south"), targets=chosen).exit_code == 1
        assert "::b" in yard.said() and yard.calls() == []
    assert yard.up(targets=target("a", dependents=True)).summary["replace"] == 2
    assert yard.calls() == ["delete b", "delete a", "create a", "create b"]


def test_a_parent_is_not_destroyed_without_its_child(yard):
    yard.up("p = Thing('p')\nc = Thing('c', opts=O(parent=p))\nd = Thing('d')\n")
    yard.calls()
    assert destroy(yard.stack, yard.events.append, targets=target("p")).exit_code == 1
    assert "::c" in yard.said() and yard.calls() == []
    assert destroy(yard.stack, targets=target("p", dependents=True)).summary == {"delete": 2, "same": 2}
    assert yard.names() == ["d"]


def test_destroy_leaves_what_an_excluded_resource_leans_on(yard):
    yard.up("a = Thing('a')\nb = Thing('b', opts=O(depends_on=[a]))\nc = Thing('c', opts=O(depends_on=[b]))\n")
    yard.calls()
    assert destroy(yard.stack, targets=exclude("b")).summary == {"delete": 1, "same": 3}
    assert yard.calls() == ["delete c"] and yard.names() == ["a", "b"]


def test_a_target_that_nobody_has_is_an_error_before_anything_is_destroyed(yard):
    yard.up("a = Thing('a')\n")
    yard.calls()
    nobody = Targets(target=("urn:pulumi:dev::yard::pulumi-python:dynamic:Resource::nobody", "**::a"))
    for operation in (destroy, refresh):
        with pytest.raises(EngineError, match="nobody"):
            operation(yard.stack, targets=nobody)
    assert yard.up("a = Thing('a')\n", targets=nobody).exit_code == 1 and "nobody" in yard.said()
    assert yard.calls() == []


def test_replace_makes_it_anew_and_leaves_the_rest_to_the_program(yard):
    program = "a = Thing('a')\nb = Thing('b', body=a.serial)\nc = Thing('c', body={})\n"
    yard.up(program.format(1))
    yard.calls()
    assert yard.up(program.format(2), targets=Targets(replace=("**::a",))).summary == {"replace": 1, "same": 1, "update": 2}
    calls = yard.calls()
    assert calls[-1] == "delete a" and sorted(calls[:-1]) == ["create a", "update b", "update c"]


def test_target_replace_touches_nothing_else(yard):
    yard.up(THREE.format(1))
    yard.program(THREE.format(2))
    yard.calls()
    code, text = yard.run("up", "--yes", "--skip-preview", "--target-replace", "**::c")
    assert code == 0, text
    assert yard.calls() == ["create c", "delete c"]


def test_replacing_what_is_protected_is_refused(yard):
    program = "a = Thing('a', opts=O(protect=True))\n"
    yard.up(program)
    yard.calls()
    assert yard.up(program, targets=Targets(replace=("**::a",))).exit_code == 1
    assert "protect" in yard.said() and yard.calls() == []


def test_what_a_replaced_provider_made_stays_if_its_configuration_is_the_same(yard, gadget):
    program = "from gadgets import Gadget, town\np = town('p', town='Ulm')\n"
    program += "g = Gadget('g', size=1, opts=O(provider=p))\nk = Gadget('k', size=1)\n"
    yard.up(program)
    assert yard.up(program, targets=Targets(replace=("**::p",))).summary == {"replace": 1, "same": 3}
    assert sorted(yard.world()) == ["g-1", "k-1", "serials"]
    assert yard.up().summary == {"same": 4}


def test_a_provider_that_is_not_targeted_keeps_its_configuration(yard, gadget):
    program = "from gadgets import Gadget, town\np = town('p', town='{}')\n"
    program += "g = Gadget('g', size={}, opts=O(provider=p))\npulumi.export('town', g.town)\n"
    yard.up(program.format("Ulm", 1))
    assert yard.up(program.format("Bonn", 2), targets=target("g")).summary == {"same": 2, "update": 1}
    assert yard.stack.outputs() == {"town": "Ulm"}


def test_refresh_looks_at_the_targets_only(yard):
    yard.up("a = Thing('a', body=1)\nb = Thing('b', body=1)\n")
    for name in ("a-1", "b-1"):
        (yard.things / f"{name}.json").unlink()
    yard.calls()
    assert refresh(yard.stack, targets=target("a")).exit_code == 0
    assert yard.calls() == ["read a"] and yard.names() == ["b"]


def test_an_output_that_follows_from_what_was_left_out_stays_as_it_was(yard):
    yard.up("a = Thing('a', body=1)\npulumi.export('x', 'one')\npulumi.export('n', 1)\n")
    result = yard.up("a = Thing('a', body=2)\nd = Thing('d')\npulumi.export('x', d.serial)\npulumi.export('n', 2)\n", targets=target("a"))
    assert result.exit_code == 0 and yard.stack.outputs() == {"x": "one", "n": 2}


# -- going on -------------------------------------------------------------------------------------------------------------

FIVE = (
    "old = Thing('old')\ngone = Thing('gone')\na = Thing('a', body=1, opts=O(depends_on=[old]))\n"
    "b = Thing('b', body=a.token)\nc = Thing('c', body=1)\n"
)
CHANGED = (
    "a = Thing('a', body=2)\nb = Thing('b', body=a.token, kind='elm')\nc = Thing('c', body=2)\nd = Thing('d')\npulumi.export('a', a.body)\n"
)


def test_what_does_not_lean_on_a_failure_goes_on(yard):
    yard.up(FIVE)
    yard.calls()
    flaw = yard.plant("fail.update.a")
    result = yard.up(CHANGED, continue_on_error=True)
    assert result.exit_code == 1 and result.summary == {"create": 1, "delete": 1, "same": 1, "update": 1}
    assert "not possible today" in yard.said()
    calls = yard.calls()
    assert calls[-1] == "delete gone" and sorted(calls[:-1]) == ["create d", "update a", "update c"]
    assert yard.names() == ["a", "b", "c", "d", "old"], "the failed update still leans on the old one"
    assert yard.world()["a-1"] == {"body": 1, "name": "a"}
    flaw.unlink()
    assert yard.up().summary == {"delete": 1, "replace": 1, "same": 3, "update": 1}
    assert yard.up().summary == {"same": 5}


def test_a_failure_ends_it_all_unless_it_is_told_to_go_on(yard):
    yard.up(FIVE)
    yard.calls()
    yard.plant("fail.update.a")
    assert yard.up(CHANGED).exit_code == 1
    assert not [c for c in yard.calls() if c.startswith("delete")]


def test_inputs_that_are_refused_fail_their_resource_only(yard):
    program = "a = Thing('a', body='cursed')\nb = Thing('b', opts=O(depends_on=[a]))\nc = Thing('c')\n"
    result = yard.up(program, continue_on_error=True)
    assert result.exit_code == 1 and "the body is cursed" in yard.said()
    assert yard.calls() == ["create c"] and yard.names() == ["c"]


def test_a_dead_provider_ends_it_all_the_same(yard):
    yard.plant("die.create.a")
    assert (
        yard.up(
            "a = Thing('a')\nb = Thing('b', opts=O(depends_on=[Thing('x', opts=O(depends_on=[a]))]))\n", continue_on_error=True
        ).exit_code
        == 1
    )
    assert yard.calls() == ["create a"] and "a last word" in yard.said()


def test_a_renamed_thing_whose_update_failed_is_not_deleted(yard):
    yard.up("a = Thing('a', body=1)\n")
    yard.calls()
    yard.plant("fail.update.a")
    renamed = "a = Thing('a', body=2, rname='new', opts=O(aliases=[pulumi.Alias(name='a')]))\n"
    assert yard.up(renamed, continue_on_error=True).exit_code == 1
    assert yard.calls() == ["update a"]


def test_destroy_goes_on_with_what_a_failed_delete_does_not_lean_on(yard):
    yard.up("a = Thing('a')\nb = Thing('b', opts=O(depends_on=[a]))\nc = Thing('c')\nd = Thing('d', opts=O(depends_on=[c]))\n")
    yard.calls()
    flaw = yard.plant("fail.delete.b")
    result = destroy(yard.stack, yard.events.append, continue_on_error=True)
    assert result.exit_code == 1 and yard.names() == ["a", "b"]
    calls = yard.calls()
    assert sorted(calls) == ["delete b", "delete c", "delete d"] and calls.index("delete d") < calls.index("delete c")
    flaw.unlink()
    assert destroy(yard.stack).exit_code == 0 and yard.state() == []
