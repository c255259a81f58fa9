"""What becomes of a resource: each test is named after the rule that it proves."""

from __future__ import annotations

import json

import pytest

from domicile.engine import UNKNOWN, Secret, destroy, preview, refresh, up

A_AND_B = "a = Thing('a', body=1)\nb = Thing('b', body=a.serial)\npulumi.export('b', b.serial)\n"


def test_a_program_is_made_once_and_then_left_alone(yard):
    first = yard.up(A_AND_B)
    assert first.exit_code == 0 and first.summary == {"create": 3}
    assert yard.calls() == ["create a", "create b"]
    assert yard.world()["b-1"]["body"] == "a-1"
    assert first.outputs == {"b": "b-1"} == yard.stack.outputs()
    assert yard.up().summary == {"same": 3}
    assert yard.calls() == []


def test_a_preview_calls_no_provider_to_change_anything_and_writes_nothing(yard):
    yard.program(A_AND_B)
    before = yard.checkpoint.read_text()
    result = preview(yard.stack)
    assert result.summary == {"create": 3} and result.outputs == {"b": UNKNOWN}
    assert yard.calls() == [] and yard.world() == {} and yard.checkpoint.read_text() == before


def test_a_change_updates_in_place_and_a_dropped_thing_is_deleted_last(yard):
    yard.up(A_AND_B)
    yard.calls()
    assert yard.up("a = Thing('a', body=2)\nc = Thing('c')\n").summary == {"create": 1, "delete": 1, "same": 1, "update": 1}
    calls = yard.calls()
    assert calls[-1] == "delete b" and sorted(calls[:-1]) == ["create c", "update a"]


def test_a_replacement_is_made_before_the_old_thing_goes(yard):
    yard.up("a = Thing('a', kind='oak')\nb = Thing('b', body=a.serial)\n")
    yard.calls()
    assert yard.up("a = Thing('a', kind='elm')\nb = Thing('b', body=a.serial)\n").summary == {"replace": 1, "same": 1, "update": 1}
    assert yard.calls() == ["create a", "update b", "delete a"]
    assert yard.world()["b-1"]["body"] == "a-2"


def test_delete_first_takes_along_the_dependents_that_must_be_replaced(yard):
    program = "a = Thing('a', zone='{}')\nb = Thing('b', kind=a.serial)\nc = Thing('c', body=a.serial)\n"
    yard.up(program.format("north"))
    yard.calls()
    result = yard.up(program.format("south"))
    assert result.summary["replace"] == 2
    calls = yard.calls()
    assert calls[:4] == ["delete b", "delete a", "create a", "create b"] or calls.index("delete a") < calls.index("create a")
    assert calls.index("delete b") < calls.index("delete a") and "delete c" not in calls


def test_a_failure_beside_a_delete_first_spares_what_has_not_gone_yet(yard):
    yard.up("a = Thing('a', zone='north')\nb = Thing('b', kind=a.serial)\n")
    yard.calls()
    yard.program(
        "import asyncio, os\n"
        "async def after(file):\n    while not os.path.exists(file): await asyncio.sleep(0.02)\n    return 'late'\n"
        "a = Thing('a', zone='south')\nb = Thing('b', kind=a.serial)\nz = Thing('z', body=after(os.environ['THINGS'] + '/go'))\n"
    )
    hang = yard.plant("hang.delete.b")
    yard.plant("fail.create.z")
    process = yard.start("up", "--yes", "--skip-preview")
    yard.wait_for("delete b")
    yard.plant("go")
    assert process.stdout
    assert any("create of z" in line for line in process.stdout)
    hang.unlink()
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert "delete a" not in yard.calls() and yard.world()["a-1"] == {"name": "a", "zone": "north"}


def test_destroy_deletes_dependents_before_what_they_lean_on(yard):
    yard.up("a = Thing('a')\nb = Thing('b', opts=O(depends_on=[a]))\nc = Thing('c', opts=O(parent=b))\nd = Thing('d')\n")
    yard.calls()
    result = destroy(yard.stack)
    calls = yard.calls()
    assert result.summary == {"delete": 5} and yard.state() == [] and yard.world() == {}
    assert calls.index("delete c") < calls.index("delete b") < calls.index("delete a")


def test_what_is_protected_is_neither_deleted_nor_replaced(yard):
    yard.up("a = Thing('a', kind='oak', opts=O(protect=True))\n")
    yard.calls()
    for program in ("", "a = Thing('a', kind='elm', opts=O(protect=True))\n"):
        assert yard.up(program).exit_code == 1 and "protect" in yard.said()
    assert destroy(yard.stack).exit_code == 1
    assert "delete a" not in yard.calls() and list(yard.world()) == ["a-1"]


def test_what_is_retained_stays_in_the_world_alone(yard):
    yard.up("a = Thing('a', opts=O(retain_on_delete=True))\n")
    assert destroy(yard.stack).exit_code == 0
    assert yard.state() == [] and list(yard.world()) == ["a-1"]


def test_deleted_with_spares_the_call_only_if_the_other_goes_too(yard):
    yard.up("a = Thing('a')\nb = Thing('b', opts=O(deleted_with=a))\nc = Thing('c', opts=O(deleted_with=a))\n")
    yard.calls()
    yard.up("a = Thing('a')\nb = Thing('b', opts=O(deleted_with=a))\n")
    assert yard.calls() == ["delete c"]
    destroy(yard.stack)
    assert yard.calls() == ["delete a"]


def test_ignored_changes_are_not_made(yard):
    program = "Thing('a', body={{'x': {0}, 'y': {0}}}, opts=O(ignore_changes=['body.x']))\n"
    yard.up(program.format(1))
    yard.up(program.format(2))
    assert yard.world()["a-1"]["body"] == {"x": 1, "y": 2}


def test_an_alias_keeps_the_thing_under_its_new_name(yard):
    yard.up("p = Thing('p')\nThing('a', rname='old', opts=O(parent=p))\n")
    result = yard.up("p = Thing('p')\nThing('a', rname='new', opts=O(aliases=[pulumi.Alias(name='old', parent=p)]))\n")
    assert result.summary == {"same": 3} and yard.names() == ["new", "p"]


@pytest.mark.parametrize(("town", "op"), [("Bonn", "replace"), ("Ulm", "same")])
def test_a_move_to_another_provider_replaces_if_that_one_says_so_of_their_configurations(yard, gadget, town, op):
    program = f"from gadgets import Gadget, town\np = town('p', town='Ulm')\nq = town('q', town='{town}')\n"
    yard.up(program + "g = Gadget('g', size=1, opts=O(provider=p))\n")
    expected = {"same": 4} if op == "same" else {"replace": 1, "same": 3}
    assert yard.up(program + "g = Gadget('g', size=1, opts=O(provider=q))\n").summary == expected
    assert sorted(yard.world()) == ["g-1" if op == "same" else "g-2", "serials"]


def test_refresh_takes_in_drift_and_loss_and_up_repairs_them(yard):
    yard.up(A_AND_B)
    (yard.things / "a-1.json").write_text(json.dumps({"name": "a", "body": 7}))
    (yard.things / "b-1.json").unlink()
    before = yard.checkpoint.read_text()
    shown = refresh(yard.stack, preview_only=True)
    assert shown.summary == {"delete": 1, "same": 1, "update": 1} and yard.checkpoint.read_text() == before
    assert refresh(yard.stack).summary == shown.summary
    assert yard.names() == ["a"]
    assert yard.up().summary == {"create": 1, "same": 1, "update": 1}
    assert yard.world()["a-1"]["body"] == 1


def test_after_a_failure_deletes_are_withheld_and_the_next_up_resumes(yard):
    yard.up("Thing('old')\n")
    flaw = yard.plant("fail.create.b")
    program = "a = Thing('a')\nb = Thing('b', body=a.serial)\nc = Thing('c', body=b.serial)\n"
    failed = yard.up(program)
    assert failed.exit_code == 1 and any("create of b is not possible today" in e for e in failed.errors)
    assert yard.names() == ["a", "old"] and "delete old" not in yard.calls()
    flaw.unlink()
    assert yard.up(program).summary == {"create": 2, "delete": 1, "same": 2}
    assert yard.names() == ["a", "b", "c"]


@pytest.mark.parametrize("ending", ["raise ValueError('the program fell over')", "import sys; sys.exit(3)", "Thing('x', body='cursed')"])
def test_a_program_that_fails_deletes_nothing(yard, ending):
    yard.up("Thing('old')\npulumi.export('o', 1)\n")
    yard.calls()
    assert yard.up(ending).exit_code == 1
    assert yard.names() == ["old"] and yard.calls() == [] and yard.stack.outputs() == {"o": 1}


def test_a_program_that_fails_is_heard_while_a_step_is_under_way(yard):
    yard.program("a = Thing('a')\nThing('b')\na.serial.apply(lambda _: 1 / 0)\n")
    knot = yard.plant("hang.create.b")
    process = yard.start("up", "--yes", "--skip-preview")
    yard.wait_for("create b")
    assert any("ZeroDivisionError" in line for line in process.stdout)
    knot.unlink()
    process.communicate(timeout=60)
    assert process.returncode == 1 and yard.names() == ["a", "b"]


def test_a_registration_may_wait_for_the_coroutine_that_the_program_runs(yard):
    program = "import asyncio\nbody = asyncio.get_running_loop().create_future()\nThing('a', body=body)\n"
    program += "async def main():\n    body.set_result('late')\n    return {'told': 1}\npulumi.run(main)\n"
    assert yard.up(program).outputs == {"told": 1} and yard.names() == ["a"]


def test_two_resources_of_one_name_are_refused(yard):
    assert yard.up("Thing('a')\nThing('a')\n").exit_code == 1
    assert "Duplicate" in yard.said()


def test_what_the_program_and_its_providers_print_reaches_the_watcher(yard):
    yard.up("print('hello from the program')\npulumi.log.warn('a warning')\n")
    assert "hello from the program" in yard.said()
    assert any(e.severity == "warning" and e.message == "a warning" for e in yard.events)


def test_each_resource_step_is_told_with_its_name_and_op(yard):
    yard.up("Thing('a')\n")
    told = [(e.kind, e.op) for e in yard.events if e.name == "a"]
    assert told == [("resource-started", "create"), ("resource-finished", "create")]


def test_a_preview_before_up_stops_what_would_fail_before_anything_is_touched(yard):
    result = yard.up("a = Thing('a')\nThing('x', body='cursed', opts=O(depends_on=[a]))\n", preview_first=True)
    assert result.exit_code == 1 and "the body is cursed" in yard.said()
    assert yard.calls() == [] and yard.state() == []


def test_secret_outputs_are_flagged(yard):
    result = yard.up("a = Thing('a', opts=O(additional_secret_outputs=['token']))\npulumi.export('t', a.token)\n")
    assert result.outputs == {"t": Secret("token-of-a")}
    assert result.shown_outputs() == {"t": "[secret]"}
    assert result.shown_outputs(show_secrets=True) == {"t": "token-of-a"}


def test_config_reaches_the_program_with_its_secrets_marked(yard):
    yard.stack.set_config("plain", "x")
    yard.stack.set_config("password", "sesame", secret=True)
    yard.stack.set_config("deep.list[0]", "1", nested=True)
    program = "c = pulumi.Config()\npulumi.export('plain', c.require('plain'))\npulumi.export('deep', c.require('deep'))\n"
    program += "pulumi.export('p', c.require_secret('password'))\n"
    assert yard.up(program).outputs == {"plain": "x", "deep": '{"list":[1]}', "p": Secret("sesame")}
    assert "sesame" not in (yard.root / "Pulumi.dev.yaml").read_text()


@pytest.mark.parametrize("bound", [1, 3])
def test_no_more_steps_run_at_once_than_asked_for(yard, bound):
    yard.program("for i in range(9):\n    Thing(f't{i}')\n")
    assert up(yard.stack, parallel=bound, preview_first=False).exit_code == 0
    assert refresh(yard.stack, parallel=bound).exit_code == 0
    assert destroy(yard.stack, parallel=bound).exit_code == 0
    lines = [line.split()[0] for line in (yard.things / "calls.log").read_text().splitlines()]
    assert sorted(set(lines)) == ["create", "created", "delete", "deleted", "read", "was-read"]
    now = most = 0
    for verb in lines:
        now += -1 if verb in ("created", "deleted", "was-read") else 1
        most = max(most, now)
    assert most <= bound


@pytest.mark.parametrize(("verb", "call"), [("up", "create"), ("refresh", "read"), ("destroy", "delete")])
def test_steps_that_do_not_lean_on_each_other_run_beside_each_other(yard, verb, call):
    yard.program("a = Thing('a')\nb = Thing('b')\n")
    if verb != "up":
        yard.up()
    hangs = [yard.plant(f"hang.{call}.{name}") for name in "ab"]
    process = yard.start(verb, "--yes", "--skip-preview", "--parallel", "2")
    for name in "ab":
        yard.wait_for(f"{call} {name}")
    for hang in hangs:
        hang.unlink()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_what_leaned_on_a_renamed_resource_goes_from_world_and_state(yard):
    yard.up("p = Thing('p', rname='old')\nThing('a', opts=O(parent=p))\nThing('b', body=p.serial)\n")
    result = yard.up("Thing('p', rname='new', opts=O(aliases=[pulumi.Alias(name='old')]))\n")
    assert result.summary == {"delete": 2, "same": 2}
    assert yard.names() == ["new"] and list(yard.world()) == ["p-1"]


def test_a_failure_keeps_what_leans_on_a_renamed_resource_under_its_new_name(yard):
    yard.up("p = Thing('p', rname='old')\nThing('b', body=p.serial)\n")
    yard.up("Thing('p', rname='new', opts=O(aliases=[pulumi.Alias(name='old')]))\nraise ValueError\n")
    (b,) = [r for r in yard.state() if str(r["urn"]).endswith("::b")]
    assert [u.split("::")[-1] for u in b["dependencies"]] == ["new"]


def test_a_delete_first_in_the_only_slot_does_not_wait_for_itself(yard):
    program = "a = Thing('a', zone='{0}')\nb = Thing('b', kind=a.serial)\nfor i in range(5):\n    Thing(f't{{i}}', body='{0}')\n"
    yard.up(program.format("north"))
    yard.program(program.format("south"))
    result = up(yard.stack, parallel=1, preview_first=False)
    assert result.exit_code == 0 and result.summary == {"replace": 2, "same": 1, "update": 5}


def test_the_passphrase_is_not_in_the_programs_or_a_providers_environment(yard, monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "correct-horse")
    assert yard.up("import os\nassert 'correct-horse' not in str(os.environ)\n").exit_code == 0
