"""`domicile session` passes only if the records of the host, not the transcript, show each call in the session's sandbox."""

import pytest

from domicile.cli import report
from domicile.places import StackPlaces
from domicile_host.audit import Event, Journal

SESSION, SANDBOX, OTHER = "sesn_1", "domicile-local-sandbox-00000001", "domicile-local-sandbox-00000002"


def told(*calls, verdict="passed"):
    transcript = []
    for call_id, tool in calls:
        transcript.append({"type": "agent.tool_use", "id": call_id, "name": tool, "input": {"command": "id"}})
        transcript.append({"type": "user.tool_result", "tool_use_id": call_id, "content": [{"type": "text", "text": "uid=65532"}]})
    return {"id": SESSION, "scenario": "demonstration", "verdict": verdict, "reasons": [], "transcript": transcript}


def ran(call_id, sandbox=SANDBOX, session=SESSION, activity="gateway.result"):
    return "gateway", Event(
        activity=activity, outcome="allowed", session_id=session, sandbox_id=sandbox, detail={"call_id": call_id, "here": True}
    )


def life(activity, sandbox=SANDBOX):
    return "dispatcher", Event(activity=activity, session_id=SESSION, sandbox_id=sandbox)


def egress(outcome, host, tunnel):
    detail = {"method": "CONNECT", "host": host, "tunnel": tunnel}
    reason = "" if outcome == "allowed" else "deny/host-not-allowed"
    return "egress", Event(activity="egress.connect", outcome=outcome, session_id=SESSION, reason=reason, detail=detail)


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "SETTLED_SECONDS", 0.0)
    places = StackPlaces.of("local", {"DOMICILE_HOME": str(tmp_path / "home"), "DOMICILE_RUN": str(tmp_path / "run")})

    async def write(*entries):
        for source in {source for source, _ in entries}:
            journal = await Journal.open(places.journal / source, source, "host-1", stack="local")
            for entry_source, event in entries:
                if entry_source == source:
                    await journal.append(event)
            await journal.close()
        return places

    return write


async def test_calls_recorded_in_the_sessions_sandbox_pass(recorded):
    places = await recorded(life("session.bound"), ran("c1"), ran("c2"), life("session.ended"))
    result = report.of(places, told(("c1", "bash"), ("c2", "read")))
    assert result.passed
    assert [(call.tool, call.sandbox, call.result) for call in result.calls] == [
        ("bash", SANDBOX, "uid=65532"),
        ("read", SANDBOX, "uid=65532"),
    ]


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [life("session.bound")],
        [ran("c1")],
        [life("session.bound"), ran("c1", sandbox=OTHER)],
        [life("session.bound"), ran("c1", session="sesn_2")],
        [life("session.bound"), ran("c1", activity="gateway.call")],
    ],
    ids=["no-records", "no-result", "never-bound", "another-sandbox", "another-session", "only-asked"],
)
async def test_a_call_that_no_record_shows_in_the_sandbox_fails_a_passed_verdict(recorded, entries):
    result = report.of(await recorded(*entries), told(("c1", "bash")))
    assert result.verdict == "passed"
    assert not result.passed


async def test_a_failed_verdict_fails(recorded):
    result = report.of(await recorded(life("session.bound"), ran("c1")), told(("c1", "bash"), verdict="failed"))
    assert not result.passed


async def test_egress_is_told_once_a_decision_and_the_report_is_json(recorded, capsys):
    places = await recorded(
        life("session.bound"),
        ran("c1"),
        egress("allowed", "packages.example.com:443", "t1"),
        egress("allowed", "packages.example.com:443", "t1"),
        egress("refused", "evil.example.net:443", "t2"),
    )
    result = report.of(places, told(("c1", "bash")))
    assert [(entry.what, entry.outcome) for entry in result.egress] == [
        ("CONNECT packages.example.com:443", "allowed"),
        ("CONNECT evil.example.net:443", "refused"),
    ]
    assert result.as_json()["passed"]
    report.show(result)
    shown = capsys.readouterr().out
    assert "evil.example.net" in shown
    assert str(places.archive) in shown


async def test_what_a_tool_printed_cannot_command_the_terminal(recorded, capsys):
    transcript = told(("c1", "bash"))
    transcript["transcript"][1]["content"][0]["text"] = "\x1b]0;owned\x07[bold]x[/bold]\x1b[2J"
    result = report.of(await recorded(life("session.bound"), ran("c1")), transcript)
    report.show(result)
    shown = capsys.readouterr().out
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown
    assert "[bold]x[/bold]" in shown
