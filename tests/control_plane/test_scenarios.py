"""What a scenario may say, and how its brain judges: with a worker played by plain HTTP."""

from __future__ import annotations

import pytest

from domicile_control_plane import ControlPlane, ScenarioError, load, shipped


def scenario(*turns, **more):
    return {"name": "test", "turns": list(turns), **more}


def bash(command, **more):
    return {"tool": "bash", "input": {"command": command}, **more}


async def take(api):
    """Claim, ack and start the item, as a worker does."""
    item = await api.claim()
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    await api.beat(item["id"], "NO_HEARTBEAT")
    return item


def open_call(api, session_id):
    events = {event["id"]: event for event in api.plane.sessions.events(session_id)}
    return events[api.plane.sessions.unresolved(session_id)[0]]


async def answer(api, session_id, text, is_error=False):
    call = open_call(api, session_id)
    content = [{"type": "text", "text": text}]
    event = {"type": "user.tool_result", "tool_use_id": call["id"], "content": content, "is_error": is_error}
    assert (await api.call("POST", f"/v1/sessions/{session_id}/events", body={"events": [event]}))[0] == 200
    return call


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"name": "x", "turns": []}, "turns"),
        ({"name": "Not A Slug", "turns": [{}]}, "name"),
        (scenario({"calls": [{"tool": "bash", "inputs": {}}]}), "turns.0.calls.0.inputs"),
        (scenario({"calls": [{"input": {}}]}), "turns.0.calls.0"),
        (scenario({"calls": [{"tool": "bash", "answer": {"text": "x"}}]}), "turns.0.calls.0"),
        (scenario({"calls": [{"tool": "bash", "expect": {"matches": "("}}]}), "turns.0.calls.0.expect.matches"),
        (scenario({"calls": [{"tool": "bash", "permission": "maybe"}]}), "turns.0.calls.0.permission"),
        (scenario({"user": "hello"}), "scenario"),
        (scenario({"calls": [bash("a", id="x"), bash("b", id="x")]}), "scenario"),
        (scenario({}, finally_memory=[{"store": "none", "path": "/a"}]), "scenario"),
        ("a: [", "not YAML"),
        ("no-such-scenario", "can't read"),
    ],
)
def test_a_wrong_scenario_is_refused_with_the_place_of_the_error(wrong, where):
    text = wrong if isinstance(wrong, dict) or wrong != "a: [" else "a: [\n"
    with pytest.raises(ScenarioError, match=where.replace(".", r"\.")):
        load(text)


def test_every_scenario_shipped_is_valid():
    assert "demonstration" in shipped()
    assert {load(name).name for name in shipped()} == set(shipped())


async def test_captured_values_and_call_ids_fill_later_calls_and_shell_variables_stay(api):
    session_id = api.plane.start(
        api.environment_id,
        scenario(
            {"calls": [bash("echo ${HOME} ${{who}}", id="first", capture={"token": r"token=(\w+)"})]},
            {"calls": [bash("use ${{token}} of ${{calls.first.event_id}} in ${{session.id}} and ${{work.id}}")]},
        ),
        {"who": "me"},
    )
    item = await take(api)
    first = await answer(api, session_id, "token=abc123 rest")
    assert first["input"] == {"command": "echo ${HOME} me"}
    second = await answer(api, session_id, "fine")
    assert second["input"] == {"command": f"use abc123 of {first['id']} in {session_id} and {item['id']}"}
    assert (await api.plane.finished(session_id, 5)).verdict == "passed"


@pytest.mark.parametrize(
    ("expect", "text", "is_error", "passes"),
    [
        ({"exact": "out"}, "out\n", False, True),
        ({"exact": "out"}, "outer", False, False),
        ({"contains": ["a", "b"]}, "b a", False, True),
        ({"contains": ["a", "b"]}, "a", False, False),
        ({"excludes": "secret"}, "no secret", False, False),
        ({"matches": "^b.$"}, "a\nbc\n", False, True),
        ({"is_error": True}, "x", True, True),
        ({"is_error": False}, "x", True, False),
    ],
)
async def test_expectations_decide_the_verdict_and_name_what_failed(api, expect, text, is_error, passes):
    session_id = api.plane.start(api.environment_id, scenario({"calls": [bash("x", id="probe", expect=expect)]}))
    await take(api)
    await answer(api, session_id, text, is_error)
    outcome = await api.plane.finished(session_id, 5)
    assert outcome.verdict == ("passed" if passes else "failed")
    assert all("probe" in reason for reason in outcome.reasons)


async def test_a_value_that_was_never_captured_fails_the_session(api):
    session_id = api.plane.start(
        api.environment_id, scenario({"calls": [bash("x", capture={"token": "token=(.*)"})]}, {"calls": [bash("${{token}}")]})
    )
    await take(api)
    await answer(api, session_id, "nothing")
    outcome = await api.plane.finished(session_id, 5)
    assert (outcome.verdict, len(outcome.reasons)) == ("failed", 2)


async def test_a_partial_answer_repeats_the_idle_event_with_the_calls_that_remain(api):
    session_id = api.plane.start(api.environment_id, scenario({"calls": [bash("a"), bash("b")]}))
    await take(api)
    await answer(api, session_id, "a")
    await answer(api, session_id, "b")
    idles = [event["stop_reason"] for event in api.plane.sessions.events(session_id) if event["type"] == "session.status_idle"]
    assert [(idle["type"], len(idle.get("event_ids", []))) for idle in idles] == [
        ("requires_action", 2),
        ("requires_action", 1),
        ("end_turn", 0),
    ]


async def test_a_session_that_nobody_serves_fails_when_its_time_is_over(api):
    session_id = api.plane.start(api.environment_id, scenario({"calls": [bash("a", id="lonely")]}, limit_seconds=0.2))
    outcome = await api.plane.finished(session_id, 5)
    assert outcome.verdict == "failed"
    assert "lonely" in outcome.reasons[0]


async def test_a_restarted_stand_in_goes_on_with_its_sessions(tmp_path, api):
    """The first process is left as a kill leaves it: nothing is closed before the second opens the same file."""
    turns = [{"calls": [bash("a", permission="ask", confirm={})]}, {"calls": [bash("b", expect={"exact": "b"})]}]
    session_id = api.plane.start(api.environment_id, scenario(*turns))
    item = await take(api)
    api.plane.brain.close()
    second = ControlPlane(tmp_path / "control-plane.sqlite")
    async with second.serve() as url:
        api.url, api.plane = url, second
        await second.until(lambda: any(event["type"] == "user.tool_confirmation" for event in second.sessions.events(session_id)))
        await answer(api, session_id, "a")
        await answer(api, session_id, "b")
        assert (await second.finished(session_id, 5)).verdict == "passed"
        assert (await api.call("POST", f"{api.work}/{item['id']}/stop", body={"force": True}))[0] == 204
    second.close()


def test_a_value_that_only_the_starter_can_give_is_asked_for(tmp_path):
    plane = ControlPlane(tmp_path / "other.sqlite")
    environment_id, _ = plane.new_environment()
    with pytest.raises(ScenarioError, match="who"):
        plane.start(environment_id, scenario({"say": "hello"}, prompt="I am ${{who}}."))
    assert plane.sessions.all() == []
    plane.close()


async def test_an_archived_session_fails_its_scenario(api):
    session_id = api.plane.start(api.environment_id, scenario({"calls": [bash("a")]}))
    assert (await api.call("POST", f"/v1/sessions/{session_id}/archive", api.api_key))[1]["status"] == "terminated"
    outcome = await api.plane.finished(session_id, 5)
    assert (outcome.verdict, "archived" in outcome.reasons[0]) == ("failed", True)


async def test_permissions_come_from_the_call_then_the_tool_then_the_default(api):
    calls = [bash("a"), bash("b", permission="allow"), {"tool": "read"}, {"custom": "lookup"}]
    session_id = api.plane.start(
        api.environment_id, scenario({"calls": calls}, session={"permissions": {"default": "deny", "bash": "ask"}})
    )
    events = [event for event in api.plane.sessions.events(session_id) if event["type"].endswith("tool_use")]
    assert [event.get("evaluated_permission") for event in events] == ["ask", "allow", "deny", None]
