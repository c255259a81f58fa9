"""Resource hooks: functions of the program round a resource's steps."""

from __future__ import annotations

import pytest

from domicile.engine import Secret, destroy, preview

HEAD = """
import os
from pathlib import Path

B = pulumi.ResourceHookBinding

def call(line):
    with open(Path(os.environ["THINGS"]) / "calls.log", "a") as log:
        log.write(line + "\\n")

def hook(name, bad=False, **options):
    def f(args):
        had, has = ((ps or {}).get("body") for ps in (args.old_inputs, args.new_inputs))
        call(f"hook {name} {args.name} {args.id or '-'} {had}>{has} {(args.new_outputs or {}).get('serial')}")
        if bad:
            raise Exception(f"{name} says no")
    return pulumi.ResourceHook(name, f, pulumi.ResourceHookOptions(**options))
"""


@pytest.fixture
def log(yard):
    """The provider's calls and the hooks', in their order."""

    def read():
        file = yard.things / "calls.log"
        lines = file.read_text().splitlines()
        file.write_text("")
        return [x for x in lines if x.split()[0] in ("create", "update", "delete", "hook")]

    return read


def test_hooks_come_round_their_step_and_know_what_it_does(yard, log):
    all_of_them = (
        "B(before_create=[hook('bc')], after_create=[hook('ac')], before_update=[hook('bu')], after_update=[hook('au')], "
        "before_delete=[hook('bd')], after_delete=[hook('ad')])"
    )
    program = HEAD + "Thing('a', body=BODY, opts=O(hooks=" + all_of_them + "))\n"
    assert yard.up(program.replace("BODY", "1")).exit_code == 0, yard.said()
    assert log() == ["hook bc a - None>1.0 None", "create a", "hook ac a a-1 None>1.0 a-1"]
    assert yard.up(program.replace("BODY", "2")).exit_code == 0, yard.said()
    assert log() == ["hook bu a a-1 1.0>2.0 None", "update a", "hook au a a-1 1.0>2.0 a-1"]
    gone = yard.up(HEAD + "hook('bd')\nhook('ad')\n")
    assert gone.exit_code == 0 and gone.summary["delete"] == 1, yard.said()
    assert log() == ["hook bd a a-1 2.0>None None", "delete a", "hook ad a a-1 2.0>None None"]


def test_a_hook_before_that_fails_stops_its_step(yard, log):
    program = "a = Thing('a', opts=O(hooks=B(before_create=[hook('bc', bad=True)])))\nThing('b', opts=O(depends_on=[a]))\n"
    result = yard.up(HEAD + program)
    assert result.exit_code == 1 and yard.names() == [] and yard.world() == {}
    assert len(result.errors) == 1 and "bc says no" in result.errors[0], result.errors


def test_after_a_hook_after_that_fails_what_was_made_stays_and_nothing_new_starts(yard, log):
    program = "a = Thing('a', opts=O(hooks=B(after_create=[hook('ac', bad=True)])))\nThing('b', opts=O(depends_on=[a]))\n"
    result = yard.up(HEAD + program)
    assert result.exit_code == 1 and yard.names() == ["a"] and list(yard.world()) == ["a-1"]
    assert result.summary["create"] == 2 and len(result.errors) == 1 and "ac says no" in result.errors[0], result.errors


def test_a_hook_whose_errors_are_ignored_only_warns(yard):
    result = yard.up(HEAD + "Thing('a', opts=O(hooks=B(before_create=[hook('bc', bad=True, ignore_errors=True)])))\n")
    assert result.exit_code == 0 and yard.names() == ["a"]
    assert [e.message for e in yard.events if e.severity == "warning"] == ['before hook "bc" failed: bc says no']


def test_a_preview_calls_only_hooks_that_want_it(yard, log):
    yard.program(HEAD + "Thing('a', opts=O(hooks=B(before_create=[hook('never'), hook('always', on_dry_run=True)])))\n")
    assert preview(yard.stack).exit_code == 0
    assert log() == ["hook always a - None>None None"]


def test_a_delete_whose_hook_the_program_no_longer_makes_is_refused(yard):
    yard.up(HEAD + "Thing('a', opts=O(hooks=B(before_delete=[hook('bd')])))\n")
    result = yard.up("")
    assert result.exit_code == 1 and 'hook "bd" was not registered' in yard.said() and list(yard.world()) == ["a-1"]


def test_destroy_with_the_program_makes_nothing_and_calls_the_hooks_of_what_goes(yard, log):
    program = HEAD + "a = Thing('a', body=1, opts=O(hooks=B(before_delete=[hook('bd')])))\n"
    yard.up(program)
    log()
    more = "new = Thing('new', body=a.serial)\nclass Box(pulumi.ComponentResource):\n    pass\n"
    yard.program(
        program.replace("body=1", "body=2") + more + "box = Box('x:y:Box', 'box', None, O(depends_on=[new]))\nbox.register_outputs({})\n"
    )
    refused = destroy(yard.stack)
    assert refused.exit_code == 1 and "--run-program" in "".join(refused.errors) and log() == []
    result = destroy(yard.stack, run_program=True)
    assert result.exit_code == 0 and result.summary == {"delete": 2, "same": 4}
    assert log() == ["hook bd a a-1 1.0>None None", "delete a"] and yard.state() == [] and yard.world() == {}


def test_a_components_hook_after_waits_for_its_children_and_outputs(yard, log):
    program = """
class Box(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("rec:index:Box", name, {"body": 1}, opts)
        inner = Thing("inner", opts=O(parent=self))
        self.register_outputs({"serial": inner.serial})
Box('box', O(hooks=B(before_create=[hook('bc')], after_create=[hook('ac')])))
"""
    assert yard.up(HEAD + program).exit_code == 0, yard.said()
    assert log() == ["hook bc box - None>1.0 None", "create inner", "hook ac box - None>1.0 inner-1"]
    assert yard.up().exit_code == 0 and log() == []


def test_secrets_stay_secrets_in_hooks(yard):
    program = """
def f(args):
    call(f"hook {isinstance(args.new_inputs['body'], pulumi.Output)}")
Thing('a', body=pulumi.Output.secret('w'), opts=O(hooks=B(before_create=[pulumi.ResourceHook('bc', f)])))
"""
    assert yard.up(HEAD + program).exit_code == 0, yard.said()
    assert "hook True" in (yard.things / "calls.log").read_text()


AGAIN = """
def again(args):
    call(f"hook {args.failed_operation} {args.name} {len(args.errors)}")
    if len(args.errors) == 2:
        (Path(os.environ["THINGS"]) / "fail.create.a").unlink()
    return True
"""


def test_an_error_hook_can_have_a_failed_step_tried_again(yard, log):
    yard.plant("fail.create.a")
    result = yard.up(HEAD + AGAIN + "Thing('a', opts=O(hooks=B(on_error=[pulumi.ErrorHook('again', again)])))\n")
    assert result.exit_code == 0 and yard.names() == ["a"], yard.said()
    assert log() == ["create a", "hook create a 1", "create a", "hook create a 2", "create a"]


def test_without_its_consent_a_failed_step_fails_once(yard, log):
    yard.plant("fail.create.a")
    never = "def never(args):\n    call('hook ' + args.errors[0].splitlines()[-1])\n    return False\n"
    result = yard.up(HEAD + never + "Thing('a', opts=O(hooks=B(on_error=[pulumi.ErrorHook('never', never)])))\n")
    calls = log()
    assert result.exit_code == 1 and len(result.errors) == 1 and len(calls) == 2 and "create of a is not possible today" in calls[1]


def test_what_was_made_in_part_is_not_made_twice_for_an_error_hook(yard, gadget):
    yard.plant("half.create.g")
    result = yard.up(HEAD + AGAIN + "from gadgets import Gadget\nGadget('g', O(hooks=B(on_error=[pulumi.ErrorHook('again', again)])))\n")
    assert result.exit_code == 1 and "g-1" in yard.world() and "g-2" not in yard.world()
    assert any("not tried again" in e.message for e in yard.events)


def test_two_hooks_of_one_name_are_refused(yard):
    result = yard.up(HEAD + "hook('h')\nhook('h')\n")
    assert result.exit_code == 1 and "'h' is registered already" in "".join(result.errors)


def test_outputs_of_a_program_with_hooks_are_kept(yard):
    result = yard.up(
        HEAD + "a = Thing('a', opts=O(hooks=B(after_create=[hook('ac')])))\npulumi.export('t', pulumi.Output.secret(a.token))\n"
    )
    assert result.outputs == {"t": Secret("token-of-a")} == yard.stack.outputs()
