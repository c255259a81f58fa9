"""Whole sessions, served by the unmodified official workers directly at the stand-in."""

from __future__ import annotations


async def test_a_session_with_the_six_tools_runs_to_its_end(bench):
    scenario = {
        "name": "six-tools",
        "turns": [
            {"calls": [{"tool": "write", "input": {"file_path": "notes.txt", "content": "one\ntwo\n"}, "expect": {"is_error": False}}]},
            {"calls": [{"tool": "read", "input": {"file_path": "notes.txt"}, "expect": {"is_error": False, "contains": ["one", "two"]}}]},
            {
                "calls": [
                    {
                        "tool": "edit",
                        "input": {"file_path": "notes.txt", "old_string": "two", "new_string": "three"},
                        "expect": {"is_error": False},
                    }
                ]
            },
            {"calls": [{"tool": "grep", "input": {"pattern": "thr.e"}, "expect": {"is_error": False, "contains": "notes.txt"}}]},
            {"calls": [{"tool": "glob", "input": {"pattern": "*.txt"}, "expect": {"is_error": False, "contains": "notes.txt"}}]},
            {"calls": [{"tool": "bash", "input": {"command": "cat notes.txt"}, "expect": {"is_error": False, "exact": "one\nthree"}}]},
        ],
    }
    session_id = bench.plane.start(bench.environment_id, scenario)
    async with bench.worker():
        outcome = await bench.plane.finished(session_id, 60)
        await bench.until(lambda: bench.plane.queue.live_item(session_id) is None)
    assert (outcome.verdict, outcome.reasons) == ("passed", [])
