"""`stack` and its actions: make, list, select, show, export, import and remove stacks."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import display, workspace
from ..errors import EngineError, StackError, StateError
from ..events import shown
from ..project import Project
from ..stack import Stack
from .flags import add_action, add_stack, must_confirm, stack_of, table


def declare(verbs: Any) -> None:
    parser = verbs.add_parser("stack", help="make, list, show and remove stacks", description=summary.__doc__, allow_abbrev=False)
    add_stack(parser)
    parser.add_argument("--show-urns", action="store_true", help="each resource's URN below it")
    parser.add_argument("--show-ids", action="store_true", help="each resource's id below it")
    parser.add_argument("--show-secrets", action="store_true", help="show secret outputs in clear")
    parser.set_defaults(run=summary)
    actions = parser.add_subparsers(metavar="ACTION")
    init = add_action(actions, _init)
    init.add_argument("name", nargs="?")
    init.add_argument("--no-select", action="store_true", help="leave the selected stack as it is")
    ls = add_action(actions, _ls)
    ls.add_argument("--all", "-a", action="store_true", help="the stacks of all projects")
    ls.add_argument("--json", "-j", action="store_true")
    rm = add_action(actions, _rm)
    rm.add_argument("name", nargs="?")
    rm.add_argument("--force", "-f", action="store_true", help="leave the resources behind")
    rm.add_argument("--preserve-config", action="store_true", help="keep Pulumi.STACK.yaml")
    rm.add_argument("--yes", "-y", action="store_true", help="don't ask")
    export = add_action(actions, _export)
    export.add_argument("--file", help="where to write; else standard output")
    export.add_argument("--show-secrets", action="store_true", help="with the secrets in clear")
    take = add_action(actions, _import)
    take.add_argument("--file", help="what to read; else standard input")
    take.add_argument("--force", "-f", action="store_true", help="in spite of what is wrong with it")
    output = add_action(actions, _output)
    output.add_argument("property", nargs="?", metavar="NAME")
    form = output.add_mutually_exclusive_group()
    form.add_argument("--json", "-j", action="store_true")
    form.add_argument("--shell", action="store_true", help="as assignments that a shell reads")
    output.add_argument("--show-secrets", action="store_true", help="show secrets in clear")
    history = add_action(actions, _history)
    history.add_argument("--json", "-j", action="store_true")
    history.add_argument("--show-secrets", action="store_true", help="show secret configuration in clear")
    history.add_argument("--page-size", type=int, default=10, metavar="N")
    history.add_argument("--page", type=int, default=1, metavar="N")
    select = add_action(actions, _select)
    select.add_argument("name", nargs="?")
    select.add_argument("--create", "-c", action="store_true", help="make the stack if it isn't there")
    add_action(actions, _unselect)


def summary(a: argparse.Namespace) -> int:
    """Show a stack: its resources and outputs. Its actions make, list, select, export, import and remove stacks."""
    stack = stack_of(a)
    latest = stack.backend.read(stack.project.name, stack.name)
    rows = [("TYPE", "NAME")]
    for entry in latest.get("resources") or []:
        rows.append((entry["type"], entry["urn"].rpartition("::")[2]))
        rows += [(f"  URN: {entry['urn']}", "")] if a.show_urns else []
        rows += [(f"  ID: {entry['id']}", "")] if a.show_ids and entry.get("id") else []
    print(f"Current stack is {stack.name}:\nCurrent stack resources ({len(latest.get('resources') or [])}):")
    print(table(rows, "    ") if len(rows) > 1 else "    No resources currently in this stack")
    print()
    _print_outputs(shown(stack.outputs(), a.show_secrets))
    return 0


def _init(a: argparse.Namespace) -> int:
    """Make an empty stack, and select it."""
    stack = stack_of(a, name=a.name)
    stack.init()
    if not a.no_select:
        workspace.select(stack.project, stack.name)
    print(f"Created stack '{stack.name}'")
    return 0


def _ls(a: argparse.Namespace) -> int:
    """List the project's stacks."""
    project = Project.load(Path.cwd())
    backend = Stack.of(project, "any", passphrase="").backend
    current = workspace.selected(project).rpartition("/")[2]
    found = []
    for owner in backend.projects() if a.all else [project.name]:
        for name in backend.stacks(owner):
            latest = backend.read(owner, name)
            full = name if owner == project.name else f"organization/{owner}/{name}"
            found.append((full, full == current, (latest.get("manifest") or {}).get("time"), len(latest.get("resources") or [])))
    if a.json:
        print(json.dumps([_stack_json(*each) for each in found], indent=2))
    else:
        rows = [(f"{n}*" if current else n, time or "n/a", str(count) if time else "n/a") for n, current, time, count in found]
        print(table([("NAME", "LAST UPDATE", "RESOURCE COUNT"), *rows]))
    return 0


def _stack_json(name: str, current: bool, time: str | None, count: int) -> dict[str, Any]:
    return {"name": name, "current": current, **({"lastUpdate": time[:19] + ".000Z", "resourceCount": count} if time else {})}


def _rm(a: argparse.Namespace) -> int:
    """Remove a stack that has no resources, with its history and configuration."""
    stack = stack_of(a, secrets=False, name=a.name)
    stack.backend.read(stack.project.name, stack.name)
    must_confirm(a, f"This removes the stack '{stack.name}' for good.")
    stack.remove(a.force, a.preserve_config)
    if workspace.selected(stack.project).rpartition("/")[2] == stack.name:
        workspace.select(stack.project, "")
    print(f"Stack '{stack.name}' has been removed!")
    return 0


def _export(a: argparse.Namespace) -> int:
    """Write the stack's state as one document."""
    text = json.dumps(stack_of(a, secrets=a.show_secrets).export(a.show_secrets), indent=4, ensure_ascii=False) + "\n"
    if a.file:
        Path(a.file).write_text(text)
    else:
        sys.stdout.write(text)
    return 0


def _import(a: argparse.Namespace) -> int:
    """Put an exported state in the place of the stack's, once it has been checked as a whole."""
    try:
        text = Path(a.file).read_text() if a.file else sys.stdin.read()
    except OSError as e:
        raise StateError(f"--file {a.file}: {e.strerror}; name a readable file") from e
    for fault in stack_of(a).import_(text, a.file or "standard input", a.force):
        print(f"warning: {fault}", file=sys.stderr)
    print("Import complete.")
    return 0


def _output(a: argparse.Namespace) -> int:
    """Show the stack's outputs, or one of them."""
    outputs: Any = shown(stack_of(a).outputs(), a.show_secrets)
    if a.property is not None:
        if a.property not in outputs:
            raise StackError(f"current stack does not have output property '{a.property}'; it has: {', '.join(outputs) or 'none'}")
        outputs = {a.property: outputs[a.property]}
    if a.json:
        print(json.dumps(outputs if a.property is None else outputs[a.property], indent=2, sort_keys=True, ensure_ascii=False))
    elif a.shell:
        for name in sorted(outputs):
            print(f"{name}={shlex.quote(display.text_of(outputs[name]))}")
    elif a.property is not None:
        print(display.text_of(outputs[a.property]))
    else:
        _print_outputs(outputs)
    return 0


def _print_outputs(outputs: dict[str, Any]) -> None:
    print(f"Current stack outputs ({len(outputs)}):")
    rows = [("OUTPUT", "VALUE"), *((name, display.text_of(outputs[name])) for name in sorted(outputs))]
    print(table(rows, "    ") if outputs else "    No output values currently in this stack")


def _history(a: argparse.Namespace) -> int:
    """Show the stack's updates, the latest first."""
    stack = stack_of(a, secrets=a.show_secrets)
    stack.backend.read(stack.project.name, stack.name)
    if a.page_size < 1 or a.page < 1:
        raise EngineError("--page and --page-size: use whole numbers from 1")
    records = stack.backend.history(stack.project.name, stack.name)[(a.page - 1) * a.page_size : a.page * a.page_size]
    if a.json:
        print(json.dumps([_record_json(stack, r, a.show_secrets) for r in records], indent=2, ensure_ascii=False))
        return 0
    for r in records:
        changes = r.get("resourceChanges") or {}
        print(f"Version: {r.get('version', 0)}\nUpdateKind: {r.get('kind')}\nStatus: {r.get('result')}\nMessage: {r.get('message') or ''}")
        counts = "".join(f"{sign}{changes.get(op, 0)}" for sign, op in (("+", "create"), ("-", "delete"), ("~", "update"), (" ", "same")))
        print(f"{counts} Updated {_time(r['startTime'])} took {r['endTime'] - r['startTime']}s")
        print("".join(f"    {k}: {v}\n" for k, v in sorted((r.get("environment") or {}).items()) if v))
    if not records:
        print("Stack has never been updated" if a.page == 1 else f"No stack updates found on page '{a.page}'")
    return 0


def _record_json(stack: Stack, record: dict[str, Any], show_secrets: bool) -> dict[str, Any]:
    entries = stack.shown_config(record.get("config") or {}, show_secrets)
    return {
        **{k: record.get(k) for k in ("version", "kind")},
        "startTime": _time(record["startTime"]), "message": record.get("message") or "", "environment": record.get("environment") or {},
        "config": {k: display.config_json(e, show_secrets) for k, e in entries.items()},
        "result": record.get("result"), "endTime": _time(record["endTime"]), "resourceChanges": record.get("resourceChanges") or {},
    }  # fmt: skip


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _select(a: argparse.Namespace) -> int:
    """Choose the stack that verbs without --stack are for."""
    stack = stack_of(a, secrets=a.create, name=a.name)
    if not stack.exists:
        if not a.create:
            raise StackError(f"no stack named '{stack.name}' found; make it with `stack init {stack.name}`")
        stack.init()
    workspace.select(stack.project, stack.name)
    return 0


def _unselect(a: argparse.Namespace) -> int:
    """Forget the chosen stack."""
    workspace.select(Project.load(Path.cwd()), "")
    print("Stack was unselected")
    return 0
