"""What the tests of whole perimeters share: an operator with a stack of their own, and sessions that are watched while they run."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from domicile.cli.exit import CliError
from domicile.cli.services import ask
from domicile.environment_key.openbao import OpenBao
from domicile.machine.waiting import wait_until
from domicile.places import StackPlaces
from domicile_host.audit import Record, pick

PROJECT = Path(__file__).resolve().parents[2]
T = TypeVar("T")

HELD = "until [ -e /tmp/go ]; do sleep 0.1; done; echo released"
"""A command that runs until `Session.release`."""


def bash(command: str, **expected: Any) -> dict[str, Any]:
    """A scenario's turn with one call."""
    return {"calls": [{"tool": "bash", "input": {"command": command}, "expect": {"is_error": False, **expected}}]}


def scenario(name: str, *turns: Mapping[str, Any], limit_seconds: float = 120) -> dict[str, Any]:
    return {"name": name, "prompt": "Begin.", "turns": list(turns), "limit_seconds": limit_seconds}


def held(name: str) -> dict[str, Any]:
    """A session that is in a call until it is released, and then makes another."""
    return scenario(name, bash(HELD, exact="released"), bash("echo and on", exact="and on"))


def until(what: str, look: Callable[[], T], seconds: float = 60) -> T:
    """Asks until the answer is something, and gives it."""
    found: list[T] = []

    def there() -> bool:
        found[:] = [look()]
        return bool(found[0])

    assert wait_until(there, seconds), f"{what}: not within {seconds:.0f} s"
    return found[0]


@dataclass(frozen=True)
class Operator:
    """Runs `domicile` for one stack, as an operator in a project of their own would."""

    stack: str
    project: Path
    environment: dict[str, str]

    @classmethod
    def of(cls, folder: Path, **config: Any) -> Operator:
        """A new project with one stack: the product's own `local` with `config` put over it."""
        stack = f"t{secrets.token_hex(3)}"
        (folder / "stacks").mkdir()
        shutil.copy(PROJECT / "Pulumi.yaml", folder)
        shutil.copy(PROJECT / "stacks" / "__main__.py", folder / "stacks")
        places = {"DOMICILE_HOME": f"/var/lib/domicile-{stack}", "DOMICILE_RUN": f"/run/domicile-{stack}"}
        operator = cls(stack, folder, {**os.environ, **places, "DOMICILE_ENGINE": "embedded", "NO_COLOR": "1"})
        operator.configure(**config)
        return operator

    def configure(self, **config: Any) -> None:
        """Declares the stack anew: the product's own `local` with `config` put over it, a mapping over a mapping."""
        declared = yaml.safe_load((PROJECT / "stacks" / "Pulumi.local.yaml").read_text())["config"]
        for key, value in config.items():
            before = declared.get(f"domicile:{key}")
            declared[f"domicile:{key}"] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
        self.configuration.write_text(yaml.safe_dump({"config": declared}))

    @property
    def configuration(self) -> Path:
        return self.project / "stacks" / f"Pulumi.{self.stack}.yaml"

    # --- the command -----------------------------------------------------------------------------------------------------

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "domicile.cli", *arguments]
        return subprocess.Popen(command, cwd=self.project, env=self.environment, text=True, **options)

    def domicile(self, *arguments: str, check: bool = True, stdin: str = "", timeout: float = 280) -> subprocess.CompletedProcess[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with self.start(*arguments, **pipes) as process:
            try:
                out, err = process.communicate(stdin, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert not check or process.returncode == 0, f"domicile {' '.join(arguments)} ended with {process.returncode}:\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def up(self) -> dict[str, Any]:
        return json.loads(self.domicile("up", self.stack, "--yes", "--json").stdout)

    def refresh(self) -> dict[str, Any]:
        return json.loads(self.domicile("refresh", self.stack, "--json").stdout)

    def drifted(self) -> set[str]:
        """The resources that `refresh` finds to be other than they are recorded, or gone."""
        return set(re.findall(r"^\s*(?:updated|removed) +(\S+)", self.domicile("refresh", self.stack).stderr, re.MULTILINE))

    def destroy(self, check: bool = True) -> None:
        self.domicile("destroy", self.stack, "--yes", check=check)

    def end(self) -> None:
        """Removes everything, the archive too."""
        self.configure()
        done = self.domicile("destroy", self.stack, "--yes", check=False)
        if left := self.leftovers():
            warnings.warn(f"destroy ended with {done.returncode} and left {left}:\n{done.stdout}{done.stderr}", stacklevel=2)
        root = str(self.places.home_root)
        subprocess.run(["chattr", "-R", "-f", "-i", root], check=False)  # the archive's closed segments may be immutable
        shutil.rmtree(root, ignore_errors=True)

    def status(self) -> dict[str, Any]:
        return json.loads(self.domicile("status", "--json", self.stack).stdout)

    # --- what there is ---------------------------------------------------------------------------------------------------

    @property
    def places(self) -> StackPlaces:
        return StackPlaces.of(self.stack, self.environment)

    @property
    def home(self) -> Path:
        return self.places.home

    @property
    def run(self) -> Path:
        return self.places.run

    def container(self, service: str) -> str:
        return f"domicile-{self.stack}-{service}"

    def containers(self) -> list[str]:
        """Names of all of the stack's containers."""
        listed = podman("ps", "--all", "--filter", f"label=domicile.stack={self.stack}", "--format", "{{.Names}}")
        return sorted(listed.split())

    def leftovers(self) -> list[str]:
        """Whatever on this machine bears the stack's name, and runs."""
        prefix = f"domicile-{self.stack}"
        listed = {
            "container": ["podman", "ps", "--all", "--format", "{{.Names}}"],
            "volume": ["podman", "volume", "ls", "--format", "{{.Name}}"],
            "namespace": ["ip", "netns", "list"],
            "link": ["ip", "-o", "link", "show"],
            "rule": ["nft", "list", "tables"],
        }
        names = (prefix, prefix.replace("-", "_"), self.places.uplink_peer)
        found = []
        for kind, command in listed.items():
            lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
            found += [f"{kind} {line}" for line in lines if any(name in line for name in names)]
        found += [f"process {pid}: {line}" for pid, line in processes("cmdline") if prefix.encode() in line]
        found += [f"file {path}" for path in (self.run,) if path.exists()]
        return found

    def files(self) -> list[Path]:
        """What lies in the stack's two roots, but for folders."""
        roots = (self.places.home_root, self.places.run_root)
        return sorted(path for root in roots if root.exists() for path in root.rglob("*") if not path.is_dir())

    # --- services --------------------------------------------------------------------------------------------------------

    def process(self, service: str) -> int:
        """The pid of a service on this machine; 0 while it doesn't run."""
        return pid_of(self.container(service))

    def dispatcher(self) -> dict[str, Any]:
        """The dispatcher's status, by its own socket; empty while it doesn't answer."""
        try:
            return dict(ask(self.places.dispatcher_status, "GET", "/status"))
        except CliError:
            return {}

    def is_well(self) -> bool:
        """Every service runs, and the dispatcher would serve a session now."""
        told = self.dispatcher()
        services = ("dispatcher", "gateway", "egress", "shipper", "secrets", "control-plane", "outside")
        return bool(told) and told["waiting_for"] is None and not told["problems"] and all(map(self.process, services))

    def crash(self, *services: str) -> None:
        """kill -9 of services; returns when they have been started anew and everything is well."""
        before = {service: self.process(service) for service in services}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        until(f"{services} restarted", lambda: all(self.process(name) not in (0, pid) for name, pid in before.items()))
        until(f"all is well after {services} crashed", self.is_well)

    def secret(self, name: str) -> dict[str, str]:
        """A secret, read as only the dispatcher may."""
        places = self.places
        with OpenBao(places.secrets_socket) as bao:
            token = bao.login(places.role_id.read_text(), places.secret_id.read_text())
        with OpenBao(places.secrets_socket, token) as bao:
            found = bao.get(f"domicile/data/{name}")
        assert found is not None
        return dict(found["data"]["data"])

    # --- sessions --------------------------------------------------------------------------------------------------------

    def begin(self, script: Mapping[str, Any]) -> Session:
        """Creates a scenario's session."""
        order = {"environment_id": f"env_{self.stack}".replace("-", "_"), "scenario": dict(script)}
        return Session(self, str(ask(self.places.control_plane_admin, "POST", "/admin/scenarios", order)["session_id"]))

    def assert_serves(self) -> None:
        """A new session passes."""
        session = self.begin(scenario("proof", bash("echo served", exact="served")))
        assert session.verdict() == ("passed", [])
        session.assert_over()

    def unstopped(self) -> list[dict[str, Any]]:
        """Items of the queue that haven't stopped."""
        queues = ask(self.places.control_plane_admin, "GET", "/admin/queue")["data"]
        return [item for queue in queues for item in queue["items"] if item["state"] != "stopped"]


@dataclass(frozen=True)
class Session:
    """One session as control plane, dispatcher and audit records see it."""

    operator: Operator
    id: str

    def told(self, wait_seconds: float = 0) -> dict[str, Any]:
        path = f"/admin/sessions/{self.id}?wait_seconds={wait_seconds}"
        return dict(ask(self.operator.places.control_plane_admin, "GET", path, seconds=wait_seconds + 10))

    def verdict(self) -> tuple[str, list[str]]:
        told = self.told(wait_seconds=60)
        return str(told["verdict"]), list(told["reasons"])

    def calls(self) -> int:
        """How many tool calls the agent has made."""
        return sum(event["type"] == "agent.tool_use" for event in self.told()["transcript"])

    def sandbox(self) -> str:
        """The sandbox that the dispatcher serves it in, once it is live and at work."""

        def live() -> str:
            sandboxes = self.operator.dispatcher().get("sandboxes", [])
            return next((each["sandbox_id"] for each in sandboxes if each["session_id"] == self.id and each["state"] == "live"), "")

        until(f"{self.id} makes a call", lambda: self.calls() > 0)
        return until(f"{self.id} is live", live)

    def release(self) -> None:
        """Ends the held call, and those of later turns that look for the same file."""
        podman("exec", self.sandbox(), "/bin/bash", "-c", "touch /tmp/go")

    def records(self) -> list[Record]:
        return pick(self.operator.places.journal, session_id=self.id)

    def sandboxes(self) -> set[str]:
        """Every sandbox that was ever bound to it."""
        return {record.sandbox_id for record in self.records() if record.activity == "session.bound"}

    def assert_over(self) -> None:
        """Its item has stopped, its sandboxes are gone with all that was theirs, and each was gone before the next was bound."""
        until(f"the item of {self.id} has stopped", lambda: self.told()["work"] is None)
        until(f"the end of {self.id} is recorded", lambda: any(r.activity == "session.ended" for r in self.records()))
        self.assert_never_served_twice()
        for sandbox in self.sandboxes():
            assert not podman("ps", "--all", "--quiet", "--filter", f"name=^{sandbox}$")
            name = sandbox.rpartition("-")[2]
            assert not Path("/run/netns", f"domicile-{self.operator.stack}-{name}").exists()
            assert f"sb{name}" not in output("ip", "-n", f"domicile-{self.operator.stack}", "-o", "link", "show")
            assert name not in {path.stem for path in self.operator.places.ledger.iterdir()}

    def assert_never_served_twice(self) -> None:
        """By the records, no sandbox was bound while another was; by the transcript, no call has two results."""
        live = ""
        for record in self.records():
            if record.activity == "session.bound":
                assert live in ("", record.sandbox_id), f"{self.id} was bound to {record.sandbox_id} beside {live}"
                live = record.sandbox_id
            elif record.activity == "session.ended" and record.sandbox_id == live:
                live = ""
        answered = [event["tool_use_id"] for event in self.told()["transcript"] if event["type"] == "user.tool_result"]
        assert len(answered) == len(set(answered))


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def podman(*arguments: str) -> str:
    return output("podman", *arguments)


def pid_of(container: str) -> int:
    return int(podman("container", "inspect", "--format", "{{.State.Pid}}", container))


def processes(file: str) -> list[tuple[int, bytes]]:
    """`cmdline` or `environ` of every process of this machine but the tests' own."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                found.append((int(folder.name), (folder / file).read_bytes()))
            except OSError:  # it has ended
                continue
    return found
