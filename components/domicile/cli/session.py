"""`domicile session`: serves a demonstration session and says what ran where."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domicile.cli import report
from domicile.cli.exit import CliError, ExitCode, print_json, wrong_input
from domicile.cli.progress import Progress
from domicile.cli.project import Json, Stack, configuration, places
from domicile.cli.report import input_text, short, text_of
from domicile.cli.services import ask

if TYPE_CHECKING:
    from domicile.places import StackPlaces

POLL_SECONDS = 0.25
DEMONSTRATION = "demonstration"

Scenario = Annotated[
    str, typer.Option("--scenario", metavar="NAME|FILE", help="A scenario that is shipped, or a YAML file of your own.", envvar="SCENARIO")
]
IfStandIn = Annotated[bool, typer.Option("--if-stand-in", help="With a real control plane do nothing, and say what comes next.")]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait for the verdict.")]


def session(
    stack: Stack = "local", scenario: Scenario = DEMONSTRATION, timeout: Timeout = 330, if_stand_in: IfStandIn = False, json: Json = False
) -> None:
    """Serve one session by the stand-in's script, and report what ran where: each tool call, its sandbox, its result, the egress.

    Exit code 0 only if the verdict is passed and, by the audit records, every call ran in the session's sandbox.
    """
    config, where = configuration(stack, json), places(stack)
    if not config.is_stand_in and if_stand_in:
        opened = "" if config.control_plane.kind == "aws" else "put its key in with `domicile key`, "
        print(f"the control plane is a real one: {opened}start sessions there, and follow `domicile status`")
        return
    if not config.is_stand_in:
        raise wrong_input(
            "a scripted session needs the stand-in: with a real control plane, start sessions there and follow `domicile status`"
        )
    script = _script(scenario)
    with Progress(quiet=json) as progress:
        session_id = start(where, config.only_environment.id, script)
        progress.line(f"session {session_id} of {config.only_environment.id}")
        told = follow(where, session_id, timeout, progress)
        progress.detail("reading the audit records")
        result = report.of(where, told)
    if json:
        print_json(result.as_json())
    else:
        report.show(result)
    if not result.passed:
        raise typer.Exit(ExitCode.FAILED)


def _script(scenario: str) -> str | dict[str, Any]:
    """The name of a shipped scenario, or the content of a file."""
    path = Path(scenario or DEMONSTRATION)
    if path.suffix not in (".yaml", ".yml") and "/" not in scenario:
        return str(path)
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise wrong_input(f"scenario {path}: {error}") from error
    if not isinstance(content, dict):
        raise wrong_input(f"scenario {path}: a mapping with `name` and `turns` is expected")
    return content


def start(where: StackPlaces, environment_id: str, script: str | dict[str, Any]) -> str:
    answer = ask(where.control_plane_admin, "POST", "/admin/scenarios", {"environment_id": environment_id, "scenario": script})
    return str(answer["session_id"])


def follow(where: StackPlaces, session_id: str, timeout: float, progress: Progress) -> dict[str, Any]:
    """The session's transcript once its verdict is there; shows each event as it comes."""
    end, seen = time.monotonic() + timeout, 0
    while True:
        told: dict[str, Any] = ask(where.control_plane_admin, "GET", f"/admin/sessions/{session_id}")
        events = told.get("transcript") or []
        for event in events[seen:]:
            if line := _line(event):
                progress.line(line)
        seen = len(events)
        if told.get("verdict") in ("passed", "failed"):
            return told
        if time.monotonic() > end:
            raise CliError(
                f"session {session_id} has no verdict after {timeout:.0f} s: `domicile status` says what the dispatcher waits for"
            )
        time.sleep(POLL_SECONDS)


def _line(event: dict[str, Any]) -> str:
    """What a reader wants to see of an event while it happens."""
    match event.get("type"):
        case "agent.message":
            return "agent: " + short(text_of(event))
        case "agent.tool_use" | "agent.custom_tool_use":
            return f"call {event.get('name')}: {input_text(event)}"
        case "user.tool_result" | "user.custom_tool_result":
            return f"  {'error' if event.get('is_error') else 'result'}: {short(text_of(event))}"
        case "session.status_terminated":
            return "session terminated"
    return ""
