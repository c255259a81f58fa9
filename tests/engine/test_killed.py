"""kill -9 of the engine: the state loads, what it began dies with it, and the next `up` converges."""

from __future__ import annotations

import json
import signal

import pytest

from domicile.engine import LockedError, destroy

PROGRAM = "a = Thing('a')\nb = Thing('b', body=a.serial)\nc = Thing('c', body=b.serial)\n"


@pytest.mark.parametrize("point", ["create a", "created a", "create b", "created b", "create c", "created c"])
def test_up_killed_in_a_create_converges_when_run_again(yard, gone, point):
    verb, name = point.split()
    yard.program(PROGRAM)
    knot = yard.plant(f"hang.{verb}.{name}")
    gone(yard.kill_at(point, "up", "--yes", "--skip-preview"))
    knot.unlink()
    assert [o["type"] for o in yard.latest()["pending_operations"]] == ["creating"]
    result = yard.up(PROGRAM, break_dead_lock=True)
    assert result.exit_code == 0 and yard.names() == ["a", "b", "c"]
    assert "pending operations" in yard.said()
    assert yard.up(PROGRAM).summary == {"same": 4}


@pytest.mark.parametrize("point", ["update b", "updated b"])
def test_up_killed_in_an_update_converges_when_run_again(yard, gone, point):
    yard.up(PROGRAM)
    changed = "a = Thing('a')\nb = Thing('b', body='new')\nc = Thing('c')\n"
    yard.program(changed)
    knot = yard.plant(f"hang.{point.replace(' ', '.')}")
    gone(yard.kill_at(point, "up", "--yes", "--skip-preview"))
    knot.unlink()
    assert yard.up(changed, break_dead_lock=True).exit_code == 0
    assert yard.world()["b-1"]["body"] == "new" and "pending_operations" not in yard.latest()
    assert yard.up(changed).summary == {"same": 4}


@pytest.mark.parametrize("point", ["delete c", "deleted b", "delete a"])
def test_destroy_killed_leaves_nothing_when_run_again(yard, gone, point):
    yard.up(PROGRAM)
    yard.calls()
    knot = yard.plant(f"hang.{point.replace(' ', '.')}")
    gone(yard.kill_at(point, "destroy", "--yes"))
    knot.unlink()
    assert destroy(yard.stack, break_dead_lock=True).exit_code == 0
    assert yard.state() == [] and yard.world() == {}


def test_a_replacement_killed_between_delete_and_create_is_finished_by_the_next_up(yard, gone):
    yard.up("a = Thing('a', zone='north')\nb = Thing('b', kind=a.serial)\n")
    yard.calls()
    south = "a = Thing('a', zone='south')\nb = Thing('b', kind=a.serial)\n"
    yard.program(south)
    knot = yard.plant("hang.create.a")
    gone(yard.kill_at("create a", "up", "--yes", "--skip-preview"))
    knot.unlink()
    assert [r["pendingReplacement"] for r in yard.state() if r["type"].startswith("pulumi-python")] == [True, True]
    assert yard.up(south, break_dead_lock=True).summary["replace"] == 2
    assert yard.world()["a-1"]["zone"] == "south" and yard.up(south).summary == {"same": 3}


def test_a_dead_processes_lock_is_named_and_broken_only_on_demand(yard, gone):
    yard.program(PROGRAM)
    knot = yard.plant("hang.create.a")
    gone(yard.kill_at("create a", "up", "--yes", "--skip-preview"))
    knot.unlink()
    with pytest.raises(LockedError, match=r"cancel(.|\n)*has ended"):
        yard.up(PROGRAM)
    code, text = yard.run("up", "--yes", "--skip-preview")
    assert code == 1 and "lock" in text and yard.names() == []
    assert yard.run("cancel", "--yes")[0] == 0
    assert yard.up(PROGRAM).exit_code == 0


def test_a_living_processes_lock_is_never_broken(yard):
    yard.program(PROGRAM)
    knot = yard.plant("hang.create.a")
    process = yard.start("up", "--yes", "--skip-preview")
    yard.wait_for("create a")
    with pytest.raises(LockedError):
        yard.up(PROGRAM, break_dead_lock=True)
    knot.unlink()
    assert process.wait(60) == 0
    process.stdout.close()
    assert yard.names() == ["a", "b", "c"]


@pytest.mark.parametrize("change", [{"hostname": "another-host"}, {"pidNamespace": "pid:[1]"}, {"boot": ""}])
def test_a_lock_whose_process_cannot_be_judged_from_here_is_kept(yard, change):
    yard.program(PROGRAM)
    with yard.stack.locked():
        (path,) = yard.stack.lock_folder.glob("*.json")
        content = json.loads(path.read_text())
    (yard.stack.lock_folder / "other.json").write_text(json.dumps({**content, "pid": 2**22 + 1, **change}))
    with pytest.raises(LockedError):
        yard.up(break_dead_lock=True)


def test_a_lock_of_before_the_last_boot_counts_as_dead(yard):
    yard.program("")
    with yard.stack.locked():
        (path,) = yard.stack.lock_folder.glob("*.json")
        content = json.loads(path.read_text())
    (yard.stack.lock_folder / "other.json").write_text(json.dumps({**content, "boot": "an-earlier-boot"}))
    assert yard.up(break_dead_lock=True).exit_code == 0


def test_an_interrupt_lets_the_running_step_end_and_starts_no_other(yard):
    yard.program(PROGRAM)
    knot = yard.plant("hang.create.a")
    process = yard.start("up", "--yes", "--skip-preview")
    yard.wait_for("create a")
    process.send_signal(signal.SIGINT)
    assert "interrupted" in next(line for line in process.stdout if "error" in line)
    knot.unlink()
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert yard.names() == ["a"] and "pending_operations" not in yard.latest()
    assert list(yard.stack.lock_folder.iterdir()) == []
    assert yard.up(PROGRAM).summary == {"create": 2, "same": 2}


def test_an_interrupted_destroy_keeps_what_it_did_not_reach(yard):
    yard.up(PROGRAM)
    yard.calls()
    knot = yard.plant("hang.delete.b")
    process = yard.start("destroy", "--yes")
    yard.wait_for("delete b")
    process.send_signal(signal.SIGTERM)
    assert "interrupted" in next(line for line in process.stdout if "error" in line)
    knot.unlink()
    process.communicate(timeout=60)
    assert process.returncode == 1 and yard.names() == ["a"]


def test_a_provider_that_dies_in_a_create_is_named_and_leaves_the_create_in_doubt(yard):
    flaw = yard.plant("die.create.b")
    result = yard.up(PROGRAM)
    assert result.exit_code == 1
    (error,) = result.errors
    assert "b (pulumi-python:dynamic:Resource): provider pulumi-python gave no answer to Create" in error
    assert error.endswith("It ended with exit code 9. Its last words:\na last word")
    assert [o["type"] for o in yard.latest()["pending_operations"]] == ["creating"] and yard.names() == ["a"]
    flaw.unlink()
    assert yard.up(PROGRAM).exit_code == 0 and yard.names() == ["a", "b", "c"]
