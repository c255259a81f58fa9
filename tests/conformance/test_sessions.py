"""Whole sessions, served by the unmodified official workers directly at the stand-in."""

from __future__ import annotations

import asyncio


def bash(command: str, **more):
    return {"tool": "bash", "input": {"command": command}, **more}


async def test_the_six_tools_work(bench):
    fine = {"is_error": False}
    session_id = bench.start(
        {"calls": [{"tool": "write", "input": {"file_path": "notes.txt", "content": "one\ntwo\n"}, "expect": fine}]},
        {"calls": [{"tool": "read", "input": {"file_path": "notes.txt"}, "expect": {"contains": ["one", "two"], **fine}}]},
        {"calls": [{"tool": "edit", "input": {"file_path": "notes.txt", "old_string": "two", "new_string": "three"}, "expect": fine}]},
        {"calls": [{"tool": "grep", "input": {"pattern": "thr.e"}, "expect": {"contains": "notes.txt", **fine}}]},
        {"calls": [{"tool": "glob", "input": {"pattern": "*.txt"}, "expect": {"contains": "notes.txt", **fine}}]},
        {"calls": [bash("cat notes.txt", expect={"exact": "one\nthree", **fine})]},
    )
    async with bench.worker():
        await bench.served(session_id)
    assert bench.count("POST", "/ack") == 1


async def test_a_call_that_asks_runs_only_once_it_is_allowed(bench):
    session_id = bench.start(
        {"calls": [bash("touch allowed; echo yes", permission="ask", confirm={"after_seconds": 0.3}, expect={"exact": "yes"})]},
        {"calls": [bash("touch denied", permission="ask", confirm={"result": "deny", "message": "not today"})]},
        {"calls": [bash("touch refused", permission="deny")]},
        {"calls": [bash("ls", expect={"contains": "allowed", "excludes": ["denied", "refused"]})]},
    )
    async with bench.worker():
        await bench.served(session_id)
    types = [event["type"] for event in bench.plane.sessions.events(session_id)]
    assert types.index("user.tool_confirmation") < types.index("user.tool_result")
    assert len(bench.results(session_id)) == 2


async def test_failures_come_back_as_error_results(bench):
    session_id = bench.start(
        {"calls": [bash("echo before; false", expect={"is_error": True, "contains": "before"})]},
        {"calls": [{"tool": "read", "input": {"file_path": "missing.txt"}, "expect": {"is_error": True}}]},
        {"calls": [{"tool": "read", "input": {"file_path": "/etc/passwd"}, "expect": {"is_error": True, "excludes": "root:"}}]},
        {"calls": [bash("echo after", expect={"is_error": False, "exact": "after"})]},
    )
    async with bench.worker():
        await bench.served(session_id)


async def test_a_skill_is_downloaded_and_can_be_run(bench):
    skill = {"name": "greeter", "description": "Greets.", "files": {"scripts/greet.sh": "#!/bin/bash\necho greeted by a skill\n"}}
    session_id = bench.start(
        {
            "calls": [
                bash("cat skills/greeter/SKILL.md; skills/greeter/scripts/greet.sh", expect={"contains": ["Greets.", "greeted by a skill"]})
            ]
        },
        session={"skills": [skill]},
    )
    async with bench.worker():
        await bench.served(session_id)


async def test_memory_stores_are_mounted_and_only_writable_ones_are_synced_back(bench):
    (bench.folder / "memory").mkdir()
    mounted = "${{folder}}/memory"
    session_id = bench.start(
        {"calls": [bash(f"cat {mounted}/notes/old.md {mounted}/rules/rule.md", expect={"contains": ["remembered", "be kind"]})]},
        {
            "calls": [
                {"tool": "write", "input": {"file_path": f"{mounted}/notes/new.md", "content": "learned"}, "expect": {"is_error": False}}
            ]
        },
        {"calls": [bash(f"echo changed > {mounted}/notes/old.md; echo forged > {mounted}/rules/rule.md || true")]},
        session={
            "memory_stores": [
                {"name": "Notes", "mount_path": f"{mounted}/notes", "memories": {"/old.md": "remembered\n"}},
                {"name": "Rules", "mount_path": f"{mounted}/rules", "access": "read_only", "memories": {"/rule.md": "be kind\n"}},
            ]
        },
        finally_memory=[
            {"store": "Notes", "path": "/new.md", "expect": {"exact": "learned"}},
            {"store": "Notes", "path": "/old.md", "expect": {"exact": "changed"}},
            {"store": "Rules", "path": "/rule.md", "expect": {"exact": "be kind"}},
        ],
    )
    async with bench.worker():
        await bench.served(session_id)


async def test_a_cut_event_stream_loses_no_call_and_repeats_none(bench):
    started, hold = bench.gate("started"), bench.gate("hold")
    session_id = bench.start(
        {"calls": [bash(f"echo 1 >> runs; echo x > {started.path}; read line < {hold.path}; echo done")]},
        {"calls": [bash("echo 2 >> runs"), bash("echo 3 >> runs")]},
        {"calls": [bash("cat runs", expect={"exact": "1\n2\n3"})]},
    )
    async with bench.worker():
        await started.passed()
        assert bench.plane.sessions.cut_streams(session_id) == 1
        hold.open()
        await bench.served(session_id)
    assert bench.count("GET", "/events/stream") >= 2


async def test_a_custom_tool_that_another_client_answers_is_left_alone(bench):
    session_id = bench.start(
        {"calls": [{"custom": "lookup", "input": {"q": 1}, "answer": {"text": "42"}, "expect": {"exact": "42"}}, bash("echo own")]},
        {"events": [{"type": "agent.thinking"}, {"type": "agent.mcp_tool_use", "name": "search", "input": {}}], "calls": [bash("echo on")]},
    )
    async with bench.worker():
        await bench.served(session_id)
    assert [text.strip() for text, _ in bench.results(session_id)] == ["own", "on"]


async def test_after_an_interrupt_the_session_goes_on_with_the_next_message(bench):
    started, hold = bench.gate("started"), bench.gate("hold")
    session_id = bench.start(
        {"calls": [bash(f"echo x > {started.path}; read line < {hold.path}; echo late")], "interrupt_after_seconds": 1.0},
        {"user": "Something else, please.", "calls": [bash("echo next", expect={"exact": "next"})]},
    )
    async with bench.worker(idle_seconds=20):
        await started.passed()
        await bench.plane.until(lambda: any(event["type"] == "user.interrupt" for event in bench.plane.sessions.events(session_id)))
        hold.open()
        await bench.served(session_id)


async def test_a_message_to_a_dormant_session_queues_a_new_item(bench):
    session_id = bench.start(
        {"calls": [bash("echo first", expect={"exact": "first"})]},
        {"user": "And now?", "when": "dormant", "calls": [bash("echo second", expect={"exact": "second"})]},
    )
    async with bench.worker(idle_seconds=0.3):
        await bench.served(session_id)
    items, _ = bench.plane.queue.page(bench.environment_id, 10, 0)
    assert [(item.data.id, item.state) for item in items] == [(session_id, "stopped")] * 2


async def test_a_terminated_session_is_stopped_without_a_call(bench):
    session_id = bench.start({"calls": []})
    async with bench.worker():
        await bench.plane.until(lambda: bench.plane.queue.live_item(session_id) is None)
    assert bench.results(session_id) == []
    assert bench.count("GET", "/events/stream") == 0


async def test_a_healthcheck_item_is_acked_and_stopped(bench):
    work_id = bench.plane.queue.enqueue(bench.environment_id, "hc_1", kind="healthcheck")
    async with bench.worker():
        await bench.plane.until(lambda: bench.plane.queue.get(bench.environment_id, work_id).state == "stopped")
    assert bench.plane.queue.get(bench.environment_id, work_id).acknowledged_at is not None


async def test_a_revoked_key_ends_the_worker(bench):
    session_id = bench.start({"calls": [bash("echo served")]})
    async with bench.worker() as process:
        await bench.served(session_id)
        bench.plane.credentials.revoke_environment_key(bench.environment_id)
        assert await asyncio.wait_for(process.wait(), 30) != 0
    assert bench.count("GET", "/poll", 401) == 1


async def test_results_survive_a_server_that_fails_for_a_while(bench):
    from domicile_control_plane import Fault

    bench.plane.faults.order(Fault(route="events.send", action="answer", status=503, times=2))
    bench.plane.faults.order(Fault(route="work.poll", action="answer", status=429, times=1))
    session_id = bench.start({"calls": [bash("echo x >> runs; cat runs", expect={"exact": "x"})]})
    async with bench.worker():
        await bench.served(session_id)
    assert bench.plane.faults.waiting() == []
