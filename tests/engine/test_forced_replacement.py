"""Replacements that no provider asks for: `replace_with`, `replacement_trigger`, `deleted_with` what is replaced; and `protect`."""

from __future__ import annotations

from domicile.engine import preview


def test_replace_with_replaces_together_in_both_orders(yard):
    yard.up("a = Thing('a', kind='1', zone='1')\nb = Thing('b', opts=O(replace_with=[a]))\n")
    yard.calls()
    yard.program("a = Thing('a', kind='2', zone='1')\nb = Thing('b', opts=O(replace_with=[a]))\n")
    assert {s.urn.split("::")[-1]: s.replace_reasons for s in preview(yard.stack).steps if s.op == "replace"}["b"] == ("replaceWith",)
    assert yard.up().summary == {"replace": 2, "same": 1}
    assert yard.calls()[:2] == ["create a", "create b"] and sorted(yard.world()) == ["a-2", "b-2"]
    assert yard.up("a = Thing('a', kind='2', zone='2')\nb = Thing('b', opts=O(replace_with=[a]))\n").exit_code == 0
    calls = yard.calls()
    assert calls[:2] == ["delete b", "delete a"] and sorted(calls[2:]) == ["create a", "create b"]


def test_a_changed_replacement_trigger_replaces_and_a_new_or_dropped_one_does_not(yard):
    yard.up("Thing('a')\n")
    assert yard.up("Thing('a', opts=O(replacement_trigger=['x', 1]))\n").summary == {"same": 2}
    assert yard.up().summary == {"same": 2}
    assert yard.up("Thing('a', opts=O(replacement_trigger=pulumi.Output.secret('hush')))\n").summary == {"replace": 1, "same": 1}
    assert "hush" not in yard.checkpoint.read_text() and list(yard.world()) == ["a-2"]
    assert yard.up("Thing('a')\n").summary == {"same": 2}


def test_what_is_deleted_with_a_thing_is_replaced_with_it(yard):
    yard.up("a = Thing('a', kind='1')\nb = Thing('b', opts=O(deleted_with=a))\n")
    yard.calls()
    assert yard.up("a = Thing('a', kind='2')\nb = Thing('b', opts=O(deleted_with=a))\n").summary == {"replace": 2, "same": 1}
    assert yard.calls()[:2] == ["create a", "create b"] and sorted(yard.world()) == ["a-2", "b-2"]


def test_protection_is_dropped_and_the_thing_replaced_in_one_update(yard):
    yard.up("Thing('a', kind='1', opts=O(protect=True))\n")
    assert yard.up("Thing('a', kind='2', opts=O(protect=True))\n").exit_code == 1
    assert yard.up("Thing('a', kind='2')\n").exit_code == 0 and list(yard.world()) == ["a-2"]
