"""A small project for each test: stack programs over `Thing`, a dynamic provider whose world is a folder of files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domicile.engine import Event, Project, Result, Stack, up
from domicile.engine.state.crypter import Crypter

KIT = Path(__file__).with_name("recordings") / "kit"
sys.path.insert(0, str(Path(__file__).parent))

PASSPHRASE = "correct-horse"

THING = """
import json, os, sys, time
from pathlib import Path
import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

KEEP = ("name", "body", "kind", "zone")


def world():
    return Path(os.environ["THINGS"])


def call(verb, name):
    with open(world() / "calls.log", "a") as log:
        log.write(f"{verb} {name}\\n")
    if (world() / f"fail.{verb}.{name}").exists():
        raise Exception(f"{verb} of {name} is not possible today")
    if (world() / f"die.{verb}.{name}").exists():
        print("a last word", file=sys.stderr, flush=True)
        os._exit(9)
    while (world() / f"hang.{verb}.{name}").exists():
        time.sleep(0.02)


class ThingProvider(ResourceProvider):
    def check(self, olds, news):
        bad = [CheckFailure("body", "the body is cursed")] if news.get("body") == "cursed" else []
        return CheckResult({k: v for k, v in news.items() if v is not None}, bad)

    def diff(self, id_, olds, news):
        changed = [k for k in KEEP if olds.get(k) != news.get(k)]
        replaces = [k for k in changed if k in ("kind", "zone")]
        return DiffResult(changes=bool(changed), replaces=replaces, delete_before_replace="zone" in replaces)

    def create(self, props):
        name = props["name"]
        call("create", name)
        n = 1
        while (world() / f"{name}-{n}.json").exists():
            n += 1
        self.write(f"{name}-{n}", props)
        call("created", name)
        return CreateResult(f"{name}-{n}", {**props, "serial": f"{name}-{n}", "token": f"token-of-{name}"})

    def update(self, id_, olds, news):
        call("update", news["name"])
        self.write(id_, news)
        call("updated", news["name"])
        return UpdateResult({**news, "serial": id_, "token": f"token-of-{news['name']}"})

    def read(self, id_, props):
        call("read", props["name"])
        file = world() / f"{id_}.json"
        call("was-read", props["name"])
        if not file.exists():
            return ReadResult(None, {})
        return ReadResult(id_, {**props, **json.loads(file.read_text())}, json.loads(file.read_text()))

    def delete(self, id_, props):
        call("delete", props["name"])
        (world() / f"{id_}.json").unlink(missing_ok=True)
        call("deleted", props["name"])

    def write(self, id_, props):
        (world() / f"{id_}.json").write_text(json.dumps({k: props[k] for k in KEEP if props.get(k) is not None}, sort_keys=True))


class Thing(Resource):
    serial: pulumi.Output[str]
    token: pulumi.Output[str]
    body: pulumi.Output

    def __init__(self, name, body=None, kind=None, zone=None, opts=None, rname=None):
        props = {"name": name, "body": body, "kind": kind, "zone": zone, "serial": None, "token": None}
        super().__init__(ThingProvider(), rname or name, props, opts)
"""

HEAD = "import pulumi\nfrom pulumi import ResourceOptions as O\nfrom thing import Thing\n"


class Yard:
    """A project, its world and what was seen of both."""

    def __init__(self, root: Path, salt: str) -> None:
        self.root, self.things, self.backend = root / "project", root / "things", root / "backend"
        for folder in (self.root, self.things, self.backend):
            folder.mkdir()
        (self.root / "Pulumi.yaml").write_text("name: yard\nruntime: python\n")
        (self.root / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {salt}\n")
        (self.root / "thing.py").write_text(THING)
        self.events: list[Event] = []
        self.stack = Stack.of(Project.load(self.root), "dev", f"file://{self.backend}", PASSPHRASE)
        self.stack.init()

    def program(self, text: str) -> None:
        (self.root / "__main__.py").write_text(HEAD + text)

    def up(self, text: str | None = None, **options: Any) -> Result:
        if text is not None:
            self.program(text)
        self.events.clear()
        return up(self.stack, self.events.append, **{"preview_first": False, **options})

    def world(self) -> dict[str, object]:
        return {p.stem: json.loads(p.read_text()) for p in sorted(self.things.glob("*.json"))}

    def calls(self) -> list[str]:
        """The providers' calls since this was asked last."""
        log = self.things / "calls.log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        return [x for x in lines if x.split()[0] in ("create", "update", "delete", "read")]

    def state(self) -> list[dict[str, object]]:
        return self.latest().get("resources", [])

    def latest(self) -> dict[str, list[dict[str, object]]]:
        return json.loads(self.checkpoint.read_text())["checkpoint"]["latest"] or {}

    @property
    def checkpoint(self) -> Path:
        return self.backend / ".pulumi/stacks/yard/dev.json"

    def names(self) -> list[str]:
        return sorted(str(r["urn"]).split("::")[-1] for r in self.state() if r["type"] == "pulumi-python:dynamic:Resource")

    def said(self) -> str:
        return "\n".join(e.message for e in self.events)

    def plant(self, name: str) -> Path:
        (self.things / name).write_text("")
        return self.things / name

    def wait_for(self, line: str) -> None:
        log = self.things / "calls.log"
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if log.exists() and line in log.read_text().splitlines():
                return
            time.sleep(0.01)
        raise TimeoutError(line)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The engine as a process of its own, so that it can be killed."""
        env = {**os.environ, "PULUMI_BACKEND_URL": f"file://{self.backend}", "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
        return subprocess.Popen(
            [sys.executable, "-m", "domicile.engine", *arguments, "--stack", "dev"],
            cwd=self.root, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        text = process.communicate(timeout=120)[0]
        return process.returncode, text

    def kill_at(self, line: str, *arguments: str) -> list[int]:
        """Start the engine, and kill -9 it alone once a provider has logged `line`; the process ids it leaves behind."""
        process = self.start(*arguments)
        self.wait_for(line)
        below = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        return below


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


@pytest.fixture(scope="session")
def salt() -> str:
    """One for all stacks: each costs a key, which is made to take its time."""
    return Crypter.new(PASSPHRASE).salt


@pytest.fixture
def yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, salt: str) -> Yard:
    monkeypatch.setenv("THINGS", str(tmp_path / "things"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    return Yard(tmp_path, salt)


@pytest.fixture
def gadget(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recordings' provider plugin where an engine finds it, and its resources as `gadgets` in the program's folder."""
    home = yard.root.parent / "home"
    folder = home / "plugins/resource-gadget-v1.0.0"
    folder.mkdir(parents=True)
    script = folder / "pulumi-resource-gadget"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{KIT}/plugins/gadget.py" "$@"\n')
    script.chmod(0o755)
    shutil.copy(KIT / "gadgets.py", yard.root)
    monkeypatch.setenv("PULUMI_HOME", str(home))
    return script


@pytest.fixture
def gone() -> Callable[[list[int]], None]:
    """Waits until none of these processes runs any more."""

    def wait(pids: list[int]) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if not any(running(p) for p in pids):
                return
            time.sleep(0.02)
        raise TimeoutError(f"still running: {[p for p in pids if running(p)]}")

    return wait


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def odd(yard, monkeypatch):
    """The yard with the odd plugin on PATH."""
    folder = yard.root.parent / "bin"
    folder.mkdir()
    plugin = folder / "pulumi-resource-odd"
    plugin.write_text(f"#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name('odd_plugin.py')}\n")
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    yield yard
    pids = [int(line) for line in (yard.things / "pids").read_text().split()] if (yard.things / "pids").exists() else []
    left = [p for p in pids if running(p)]
    assert not left, f"still running: {left}"
