"""`--refresh`, `--expect-no-changes` and `--exclude-protected`: each test is named after the rule that it proves."""

from __future__ import annotations

import pytest

from domicile.engine import destroy, preview

TWO = "a = Thing('a', body=1)\nb = Thing('b', body=a.serial)\n"
NOT_AS_EXPECTED = 7


def test_changes_where_none_are_expected_exit_with_7_when_all_is_done(yard):
    yard.program(TWO)
    code, text = yard.run("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert code == NOT_AS_EXPECTED and "no changes were expected" in text
    assert yard.names() == ["a", "b"]
    for verb in (["up", "--yes", "--skip-preview"], ["preview"], ["refresh", "--yes", "--skip-preview"]):
        assert yard.run(*verb, "--expect-no-changes")[0] == 0
    (yard.things / "b-1.json").unlink()
    assert yard.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")[0] == NOT_AS_EXPECTED
    assert yard.run("preview", "--expect-no-changes")[0] == NOT_AS_EXPECTED
    assert yard.names() == ["a"]


def test_a_failure_counts_more_than_an_unexpected_change(yard):
    yard.program(TWO)
    yard.plant("fail.create.b")
    assert yard.run("up", "--yes", "--skip-preview", "--expect-no-changes")[0] == 1


def test_with_refresh_an_up_repairs_what_the_world_has_lost_or_changed(yard):
    yard.up(TWO)
    (yard.things / "b-1.json").unlink()
    (yard.things / "a-1.json").write_text('{"name": "a", "body": 9}')
    yard.calls()
    assert yard.up().summary == {"same": 3}, "without it nobody looks"
    before = yard.checkpoint.read_text()
    looked = preview(yard.stack, refresh=True)
    assert looked.summary == {"create": 1, "same": 1, "update": 1} and yard.checkpoint.read_text() == before
    yard.calls()
    assert yard.up(refresh=True).summary == {"create": 1, "same": 1, "update": 1}
    calls = yard.calls()
    assert sorted(calls[:2]) == ["read a", "read b"] and calls[2:] == ["update a", "create b"]
    assert yard.world()["a-1"]["body"] == 1


def test_with_refresh_a_destroy_deletes_only_what_is_there(yard):
    yard.up(TWO)
    (yard.things / "b-1.json").unlink()
    yard.calls()
    assert destroy(yard.stack, refresh=True).exit_code == 0
    assert sorted(yard.calls()) == ["delete a", "read a", "read b"] and yard.state() == []


def test_a_thing_that_cannot_be_read_ends_an_up_before_anything_is_changed(yard):
    yard.up(TWO)
    yard.plant("fail.read.a")
    yard.calls()
    assert yard.up("a = Thing('a', body=2)\n", refresh=True).exit_code == 1
    assert sorted(yard.calls()) == ["read a", "read b"]


@pytest.mark.parametrize("protected", ["b", "c"])
def test_what_is_protected_and_what_it_leans_on_can_be_left_by_a_destroy(yard, protected):
    protect = {name: f", opts=O(protect={name == protected})" for name in "bc"}
    yard.up(f"a = Thing('a')\nb = Thing('b', body=a.serial{protect['b']})\nc = Thing('c'{protect['c']})\n")
    yard.calls()
    assert destroy(yard.stack, exclude_protected=True).exit_code == 0
    left = {"b": ["a", "b"], "c": ["c"]}[protected]
    assert yard.names() == left and sorted(x.rpartition("-")[0] for x in yard.world()) == left
    assert destroy(yard.stack).exit_code == 1 and protected in yard.names()
