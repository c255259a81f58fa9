"""`domicile drill`: proof that a perimeter still holds, asked for now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from domicile.cli import report
from domicile.cli.drills_reported import reported
from domicile.cli.exit import CliError, ExitCode, print_json, wrong_input
from domicile.cli.progress import Progress
from domicile.cli.project import Environment, Json, Stack, configuration, one_of, places
from domicile.cli.services import ask
from domicile.cli.session import follow, start

if TYPE_CHECKING:
    from domicile.config import PerimeterConfig
    from domicile.places import StackPlaces

HOST_SECONDS, SESSION_SECONDS = 200.0, 90.0
SESSION = {
    "name": "drill",
    "description": "The smallest session: one call, in the session's own sandbox.",
    "prompt": "Say that you are there.",
    "turns": [{"calls": [{"tool": "bash", "input": {"command": "echo served as $(id -u)"}, "expect": {"exact": "served as 65532"}}]}],
    "ends": "terminated",
    "limit_seconds": 60,
}


def drill(stack: Stack = "local", environment: Environment = None, json: Json = False) -> None:
    """Prove that the perimeter still holds: serve a small session, and try from inside a sandbox what must fail and what must work.

    The session needs the stand-in; with a real control plane the rest is tried. The result is recorded and counted by the dispatcher.
    In a region each worker host holds drills by itself: the verb tells what they reported lately. Exit code 0 only if everything held; a
    drill that can't be held has failed, and so have hosts that report none.
    """
    config, where = one_of(configuration(stack, json), environment), places(stack)
    if config.platform not in ("local", "aws"):
        raise wrong_input(f"stack {stack} is of platform {config.platform}: this version holds drills on `local` and on `aws` only")
    found = reported(config, environment) if config.aws is not None else _held(config, where, json)
    if json:
        print_json(found)
    else:
        _show(stack, found)
    if not found["passed"]:
        raise typer.Exit(ExitCode.FAILED)


def _held(config: PerimeterConfig, where: StackPlaces, json: bool) -> dict[str, Any]:
    with Progress(quiet=json) as progress:
        served = {"session": _session(config, where, progress)} if config.is_stand_in else {}
        progress.detail("trying what must fail and what must work")
        host = _host(where)
    passed = host["passed"] and all(each["passed"] for each in served.values())
    return {"stack": where.stack, "passed": passed, **served, **{key: value for key, value in host.items() if key != "passed"}}


def _session(config: PerimeterConfig, where: StackPlaces, progress: Progress) -> dict[str, Any]:
    try:
        session_id = start(where, config.only_environment.id, SESSION)
        told = report.of(where, follow(where, session_id, SESSION_SECONDS, progress))
    except CliError as error:
        return {"passed": False, "problem": str(error)}
    strays = [f"no record shows that {call.tool} ran in the session's sandbox" for call in told.strays]
    return {"passed": told.passed, "session_id": session_id, "problem": "; ".join([*told.reasons, *strays])}


def _host(where: StackPlaces) -> dict[str, Any]:
    try:
        return dict(ask(where.dispatcher_status, "POST", "/drill", seconds=HOST_SECONDS))
    except CliError as error:
        return {"passed": False, "problem": str(error), "proofs": []}


def _show(stack: str, found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    verdict = Text("passed", "bold green") if found["passed"] else Text("failed", "bold red")
    console.print(Text.assemble((f"drill of stack {stack}: ", "bold"), verdict))
    if (session := found.get("session")) is not None:
        console.print(Text(f"  {'holds' if session['passed'] else 'FAILS':<6} session served  {session['problem']}"), soft_wrap=True)
    for proof in found.get("proofs") or []:
        must = "refused" if proof["must"] == "fail" else "works"
        tried = proof["found"] or f"{len(proof['tried'])} tried"
        console.print(Text(f"  {'holds' if proof['holds'] else 'FAILS':<6} {proof['name']} {must}: {tried}"), soft_wrap=True)
    if "hours" in found:
        console.print(f"  within {found['hours']} hours: {found['drills_passed']} passed, {found['drills_failed']} failed")
    if found.get("problem"):
        console.print(Text(f"failed: {found['problem']}", "red"), soft_wrap=True)
