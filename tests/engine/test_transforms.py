"""Transforms: functions of the program that change what is registered or invoked."""

from __future__ import annotations

import pytest

from domicile.engine import UNKNOWN, preview

HEAD = """
class Box(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("rec:index:Box", name, {}, opts)

def changed(args, opts=None, **props):
    return pulumi.ResourceTransformResult({**args.props, **props}, opts or args.opts)

def things(f):
    return lambda args: f(args) if args.type_.startswith("pulumi-python") else None
"""


def entry(yard, name):
    return next(r for r in yard.state() if str(r["urn"]).endswith(f"::{name}"))


def test_a_transform_sees_what_those_before_it_made_own_first_then_parents_then_the_stacks(yard):
    add = "things(lambda a: changed(a, body=a.props['body'] + '{}'))"
    program = f"""
pulumi.runtime.register_resource_transform({add.format("S")})
far = Box('far', O(transforms=[{add.format("f")}]))
near = Box('near', O(parent=far, transforms=[{add.format("n")}]))
Thing('x', body='-', opts=O(parent=near, transforms=[{add.format("1")}, {add.format("2")}]))
"""
    assert yard.up(HEAD + program).exit_code == 0, yard.said()
    assert yard.world()["x-1"]["body"] == "-12nfS"
    assert yard.up().summary == {"same": 4}


def test_a_transform_changes_options_too(yard):
    options = "protect=True, retain_on_delete=True, ignore_changes=['body'], delete_before_replace=True"
    program = f"""
a = Thing('a')
merged = lambda args: O.merge(args.opts, O({options}, depends_on=[a]))
Thing('x', body=1, opts=O(transforms=[lambda args: changed(args, merged(args))]))
"""
    assert yard.up(HEAD + program).exit_code == 0, yard.said()
    x = entry(yard, "x")
    assert (x["protect"], x["retainOnDelete"], x["ignoreChanges"]) == (True, True, ["body"])
    assert x["dependencies"] == [entry(yard, "a")["urn"]]
    yard.calls()
    assert yard.up(HEAD + program.replace("body=1", "body=2")).summary == {"same": 3}


def test_secrets_and_dependencies_outlast_a_transform(yard):
    program = """
a = Thing('a')
hidden = pulumi.Output.secret('whisper')
Thing('x', body=hidden, kind=a.serial, opts=O(transforms=[lambda args: changed(args, zone='north')]))
"""
    result = yard.up(HEAD + program)
    assert result.exit_code == 0, yard.said()
    x = entry(yard, "x")
    assert yard.world()["x-1"] == {"name": "x", "body": "whisper", "kind": "a-1", "zone": "north"}
    assert "whisper" not in yard.checkpoint.read_text() and "ciphertext" in x["inputs"]["body"]
    assert x["dependencies"] == [entry(yard, "a")["urn"]]


def test_a_transform_that_has_nothing_to_say_changes_nothing(yard):
    program = "a = Thing('a')\nThing('x', body=a.serial, kind=pulumi.Output.secret('k'), opts=O(depends_on=[a]{}))\n"
    yard.up(HEAD + program.format(""))
    before = entry(yard, "x")
    assert yard.up(HEAD + program.format(", transforms=[lambda args: None]")).summary == {"same": 3}
    after = entry(yard, "x")
    for key in ("dependencies", "propertyDependencies", "outputs", "parent", "provider"):
        assert after.get(key) == before.get(key), key


def test_a_preview_gives_transforms_unknowns_and_takes_them_back(yard):
    yard.program(HEAD + "a = Thing('a')\nx = Thing('x', body=a.serial, opts=O(transforms=[changed]))\npulumi.export('x', x.body)\n")
    result = preview(yard.stack)
    assert result.exit_code == 0 and result.outputs == {"x": UNKNOWN}


@pytest.mark.parametrize("where", ["Thing('x', opts=O(transforms=[bad]))", "pulumi.runtime.register_resource_transform(bad)\nThing('x')"])
def test_a_transform_that_raises_is_one_error_with_its_words_and_nothing_is_made(yard, where):
    result = yard.up(HEAD + f"def bad(args):\n    raise Exception('not in this house')\n{where}\n")
    assert result.exit_code == 1 and yard.calls() == []
    assert len(result.errors) == 1 and "not in this house" in result.errors[0] and "transform" in result.errors[0], result.errors


def test_children_have_what_a_transform_gave_their_parent(yard):
    program = "box = Box('box', O(transforms=[lambda args: changed(args, O(retain_on_delete=True)) if not args.custom else None]))\n"
    assert yard.up(HEAD + program + "Thing('x', opts=O(parent=box))\n").exit_code == 0, yard.said()
    assert entry(yard, "x")["retainOnDelete"] is True


def test_an_invoke_is_made_as_its_transforms_want_it(yard, gadget):
    program = """
from gadgets import look, town
there = town('there', town='Bruges')
def elsewhere(args):
    return pulumi.InvokeTransformResult({**args.args, 'at': args.args['at'] + '!'}, pulumi.InvokeOptions(provider=there))
pulumi.runtime.register_invoke_transform(elsewhere)
pulumi.export('seen', pulumi.Output.from_input(there.id).apply(lambda _: look('moon')))
"""
    result = yard.up(program)
    assert result.exit_code == 0, yard.said()
    assert result.outputs["seen"] == {"seen": "moon!", "town": "Bruges"}
