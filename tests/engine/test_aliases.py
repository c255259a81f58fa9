"""A resource that was renamed, retyped or moved is found again under each kind of alias, and its thing is left alone."""

from __future__ import annotations

import pytest
from pulumi.runtime.proto.alias_pb2 import Alias
from pulumi.runtime.proto.resource_pb2 import RegisterResourceRequest

from domicile.engine.deployment.goal import alias_urns

P = "urn:pulumi:dev::yard::"
SPECS = {
    "name": (Alias.Spec(name="was"), f"{P}a:b:Box$x:y:Z::was"),
    "type": (Alias.Spec(type="x:y:Old"), f"{P}a:b:Box$x:y:Old::n"),
    "parent": (Alias.Spec(parentUrn=f"{P}a:b:Crate::c"), f"{P}a:b:Crate$x:y:Z::n"),
    "no parent": (Alias.Spec(noParent=True), f"{P}x:y:Z::n"),
    "the stack as parent": (Alias.Spec(parentUrn=f"{P}pulumi:pulumi:Stack::yard-dev"), f"{P}x:y:Z::n"),
    "project": (Alias.Spec(project="old"), "urn:pulumi:dev::old::a:b:Box$x:y:Z::n"),
    "stack": (Alias.Spec(stack="old"), "urn:pulumi:old::yard::a:b:Box$x:y:Z::n"),
}


@pytest.mark.parametrize("kind", SPECS)
def test_an_alias_stands_for_the_urn_that_differs_in_what_it_names(kind):
    spec, urn = SPECS[kind]
    request = RegisterResourceRequest(type="x:y:Z", name="n", parent=f"{P}a:b:Box::box", aliases=[Alias(spec=spec)])
    assert alias_urns(request, "yard", "dev", {}) == [urn]


def test_a_child_is_looked_for_under_its_parents_former_urn_and_by_the_name_that_it_had_from_it():
    former = {f"{P}a:b:Box::app2": f"{P}a:b:Crate::app"}
    request = RegisterResourceRequest(
        type="x:y:Z", name="app2-role", parent=f"{P}a:b:Box::app2", aliases=[Alias(spec=Alias.Spec(type="x:y:Old"))]
    )
    assert alias_urns(request, "yard", "dev", former) == [
        f"{P}a:b:Box$x:y:Old::app2-role", f"{P}a:b:Crate$x:y:Z::app-role", f"{P}a:b:Crate$x:y:Old::app-role",
    ]  # fmt: skip


def test_a_thing_moved_into_and_one_moved_out_of_a_renamed_component_are_left_alone(yard):
    kids = "Thing('app-in', opts=O(parent=box))\nThing('out', opts=O(parent=box))\nThing('lone')\n"
    yard.up(f"box = pulumi.ComponentResource('x:y:Box', 'app')\n{kids}")
    yard.calls()
    result = yard.up(
        "box = pulumi.ComponentResource('x:y:Box', 'web', opts=O(aliases=[pulumi.Alias(name='app')]))\n"
        "Thing('app-in', rname='web-in', opts=O(parent=box))\n"
        "Thing('out', opts=O(aliases=[pulumi.Alias(parent='urn:pulumi:dev::yard::x:y:Box::app')]))\n"
        "Thing('lone', opts=O(parent=box, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]))\n"
    )
    assert result.exit_code == 0 and result.summary == {"same": 5} and yard.calls() == []
    assert yard.up().summary == {"same": 5}


def test_two_resources_may_not_claim_one_former_urn(yard):
    yard.up("Thing('a')\n")
    result = yard.up(
        "Thing('a', rname='b', opts=O(aliases=[pulumi.Alias(name='a')]))\nThing('c', opts=O(aliases=[pulumi.Alias(name='a')]))\n"
    )
    assert result.exit_code == 1 and "Duplicate resource alias" in "".join(result.errors)
    assert list(yard.world()) == ["a-1"]
