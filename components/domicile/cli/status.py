"""`domicile status`: the perimeter as it is."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from domicile.cli.containers import containers
from domicile.cli.exit import CliError, ExitCode, print_json
from domicile.cli.project import Environment, Json, Stack, configuration, one_of, places, platform
from domicile.cli.services import ask
from domicile.places import StackPlaces

HOST_SERVICES = ("dispatcher", "gateway", "egress", "shipper", "secrets")


def status(stack: Stack = "local", environment: Environment = None, json: Json = False) -> None:
    """Show the perimeter: services, environment key, control plane, queue, sandboxes, sinks, and what it is waiting for.

    In a region, by AWS's own command: the fleet, the queue's numbers, whether hosts are drained of an old key, and the alarms that sound.
    Exit code 0 when all services run, 1 when one doesn't or the stack isn't up.
    """
    where = places(stack)
    if platform(stack) == "aws":
        report = _of_region(stack, environment, json)
    else:
        if environment is not None:
            one_of(configuration(stack, json), environment)
        report = _report(where)
        print_json(report) if json else _show(report)
    if not report["up"]:
        raise typer.Exit(ExitCode.FAILED)


def _of_region(stack: str, environment: str | None, json: bool) -> dict[str, Any]:
    from rich.console import Console

    from domicile.cli import region_reported

    config = one_of(configuration(stack, json), environment)
    if (aws := config.aws) is None:
        raise CliError(f"stack {stack} has no section `aws`")
    report = region_reported.reported(config, aws, environment)
    print_json(report) if json else region_reported.show(Console(highlight=False, soft_wrap=True).print, report)
    return report


def _report(where: StackPlaces) -> dict[str, Any]:
    found = containers(where.stack)
    services = [state for state in found if state.service != "sandbox"]
    running = {state.service for state in services if state.state == "running"}
    wanted = {*HOST_SERVICES, *(state.service for state in services)}
    return {
        "stack": where.stack,
        "up": wanted <= running,
        "missing": sorted(wanted - running),
        "services": [asdict(state) for state in services],
        "dispatcher": _answer(where.dispatcher_status, "dispatcher" in running),
        "queue": _queue(where),
        "sandboxes": [asdict(state) for state in found if state.service == "sandbox"],
        "shipper": _answer(where.shipper_status, "shipper" in running),
        "archive": str(where.archive),
    }


def _answer(socket: Path, running: bool) -> dict[str, Any]:
    """A service's own words; its problem where it gives none."""
    if not running:
        return {"problem": "not running"}
    try:
        answer = ask(socket, "GET", "/status")
    except CliError as error:
        return {"problem": str(error)}
    return answer if isinstance(answer, dict) else {"problem": f"answered {answer!r}"}


def _queue(where: StackPlaces) -> dict[str, Any] | None:
    """The stand-in's queue. A real control plane tells its own only to an API key, which this host has not."""
    if not where.control_plane_admin.exists():
        return None
    try:
        queues = ask(where.control_plane_admin, "GET", "/admin/queue")["data"]
    except CliError as error:
        return {"problem": str(error)}
    return {queue["environment_id"]: queue["stats"] for queue in queues}


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    words = "[green]up[/]" if report["up"] else f"[red]not up[/]: {', '.join(report['missing'])} not running"
    console.print(f"stack [bold]{report['stack']}[/]: {words}")
    services = Table("service", "state", "since", "image", box=None, pad_edge=False)
    for state in report["services"]:
        services.add_row(state["service"], state["state"], state["status"], state["image"].rpartition("/")[2][:48])
    if report["services"]:
        console.print(services)
    _show_dispatcher(console.print, report["dispatcher"])
    for environment, stats in (report["queue"] or {}).items():
        told = f"{stats['depth']} waiting, {stats['pending']} claimed" if isinstance(stats, dict) else stats
        console.print(f"queue of {environment}: {told}", markup=False)
    _show_sandboxes(console, report["dispatcher"].get("sandboxes") or [])
    _show_shipper(console.print, report["shipper"])
    console.print(f"archive: {report['archive']}")


def _show_dispatcher(say: Any, told: dict[str, Any]) -> None:
    if "problem" in told:
        say(f"dispatcher: {told['problem']}", markup=False)
        return
    plane = told.get("control_plane") or {}
    polled = plane.get("last_poll_at")
    age = f", last poll {max(time.time() - polled, 0):.0f} s ago" if isinstance(polled, int | float) else ""
    reachable = {True: "reachable", False: "not reachable", None: "not asked yet"}[plane.get("reachable")]
    say(f"control plane: {plane.get('url', '?')} {reachable}{age}", markup=False)
    identity = "role" if told.get("identity") == "role" else "key"
    say(f"environment: {told.get('environment_id')}, {identity} {told.get('key')}", markup=False)
    for problem in told.get("problems") or []:
        say(f"problem: {problem}", markup=False)
    for name in told.get("unowned") or []:
        say(f"not this host's to remove: {name}", markup=False)
    if told.get("waiting_for"):
        say(f"waiting for: {told['waiting_for']}", markup=False)


def _show_sandboxes(console: Any, sandboxes: list[dict[str, Any]]) -> None:
    from collections import Counter

    counts = Counter(str(sandbox.get("state")) for sandbox in sandboxes)
    console.print("sandboxes: " + (", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none"))
    for sandbox in sandboxes:
        if sandbox.get("session_id"):
            console.print(f"  {sandbox['sandbox_id']} {sandbox['state']} at {sandbox['address']}: {sandbox['session_id']}", markup=False)


def _show_shipper(say: Any, told: dict[str, Any]) -> None:
    if "problem" in told:
        say(f"shipper: {told['problem']}", markup=False)
        return
    journals = ", ".join(f"{journal.get('source')} {journal.get('sequence')}" for journal in told.get("journals") or [])
    say(f"audit records: {journals or 'none yet'}", markup=False)
    for sink in [told.get("archive") or {}, *(told.get("sinks") or [])]:
        problem = f", {sink['last_error']}" if sink.get("last_error") else ""
        refused = f", {sink['refused']} refused" if sink.get("refused") else ""
        say(f"sink {sink.get('name')} ({sink.get('kind')}): {sink.get('lag')} behind{refused}{problem}", markup=False)
