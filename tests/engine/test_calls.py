"""The sockets by which a program's threads call the monitor: whole whatever their size, nobody else's, and gone with the program."""

from __future__ import annotations

import threading
import time

from domicile.engine.language.calls import Calls

RESOURCES = 300


def served() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name in ("call", "calls")]


def settled(at: int) -> int:
    """How many are served, once it is no more than `at`: a thread ends a moment after its socket."""
    end = time.monotonic() + 10
    while len(served()) > at and time.monotonic() < end:
        time.sleep(0.01)
    return len(served())


def test_a_large_registration_arrives_whole(yard):
    body = "'0123456789abcdef' * (1 << 18)"  # 4 MiB: far more than a socket holds
    assert yard.up(f"Thing('a', {body})\n").exit_code == 0
    assert yard.world()["a-1"]["body"] == "0123456789abcdef" * (1 << 18)


def test_many_threads_each_have_their_own_answer(yard):
    text = f"for i in range({RESOURCES}): pulumi.ComponentResource('yard:index:C', f'c{{i}}').register_outputs({{'i': i}})\n"
    assert yard.up(text).exit_code == 0
    kept = {str(r["urn"]).rpartition("::c")[2]: r["outputs"] for r in yard.state() if r["type"] == "yard:index:C"}
    assert kept == {str(i): {"i": i} for i in range(RESOURCES)}


def test_what_a_program_starts_has_no_way_to_the_monitor(yard):
    text = (
        "import subprocess, sys\n"
        'look = \'import os; print(sorted(os.readlink(f"/proc/self/fd/{f}").partition(":")[0] for f in os.listdir("/proc/self/fd")'
        ' if int(f) > 2 and os.path.exists(f"/proc/self/fd/{f}")))\'\n'
        "pulumi.export('open', subprocess.run([sys.executable, '-c', look], capture_output=True, text=True, close_fds=False).stdout)\n"
    )
    result = yard.up("Thing('a')\n" + text)
    assert result.exit_code == 0
    assert "socket" not in result.outputs["open"]


def test_no_thread_is_left_when_the_operation_has_ended(yard):
    before = len(served())
    assert yard.up("Thing('a')\nThing('b')\n").exit_code == 0
    assert yard.up("Thing('a')\nraise Exception('no more')\n").exit_code != 0
    assert settled(before) == before


def test_a_program_that_never_ran_leaves_no_thread():
    before = len(served())
    calls = Calls(None)
    assert len(served()) == before + 1
    calls.close()
    calls.close()
    assert settled(before) == before
