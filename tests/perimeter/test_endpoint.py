"""A control plane that is not the stand-in of the stack: an endpoint beyond the machine, whose environment key an operator puts in.

It is the stand-in's program, run in a namespace of the test's own behind the machine's own network: the perimeter knows nothing of
that, and goes out through its real uplink and address translation.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from perimeter_lab import Operator

from domicile.machine.waiting import answers, wait_until

pytestmark = pytest.mark.perimeter

SCENARIO = {
    "name": "greeting",
    "turns": [{"calls": [{"tool": "bash", "input": {"command": "echo hello from $(id -u)"}, "expect": {"exact": "hello from 65532"}}]}],
    "ends": "terminated",
}


@dataclass(frozen=True)
class Endpoint:
    """A control plane at an address that only the machine's own network reaches."""

    url: str
    ca_file: Path
    admin: Path

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.admin)), timeout=70) as client:
            answer = client.request(method, f"http://localhost{path}", json=body)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    name, third = f"t{secrets.token_hex(3)}", 4 * secrets.randbelow(60)
    here, there = f"198.51.100.{third + 1}", f"198.51.100.{third + 2}"
    commands = (
        ["ip", "netns", "add", name],
        ["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name],
        ["ip", "address", "add", f"{here}/30", "dev", name],
        ["ip", "link", "set", name, "up"],
        ["ip", "-n", name, "address", "add", f"{there}/30", "dev", "eth0"],
        ["ip", "-n", name, "link", "set", "eth0", "up"],
    )
    admin, tls = Path(f"/run/{name}.sock"), tmp_path / "tls"
    serve = [
        "serve",
        "--store",
        str(tmp_path / "store.db"),
        "--listen",
        f"{there}:443",
        "--tls-folder",
        str(tls),
        "--admin",
        f"unix:{admin}",
    ]
    process = None
    try:
        for command in commands:
            subprocess.run(command, check=True)
        inside = ["ip", "netns", "exec", name, sys.executable, "-m", "domicile_control_plane", *serve]
        process = subprocess.Popen(inside, stderr=subprocess.DEVNULL)
        assert wait_until(lambda: answers(admin, "/healthz"), seconds=60)
        yield Endpoint(f"https://{there}", tls / "ca.pem", admin)
    finally:
        if process is not None:
            process.terminate()
            process.wait(timeout=20)
        subprocess.run(["ip", "link", "del", name], check=False)
        subprocess.run(["ip", "netns", "del", name], check=False)
        admin.unlink(missing_ok=True)


@pytest.fixture
def operator(endpoint: Endpoint, tmp_path: Path) -> Iterator[Operator]:
    """A stack for an environment of that control plane; not up yet."""
    (tmp_path / "project").mkdir()
    operator = Operator.of(
        tmp_path / "project",
        controlPlane={"kind": "url", "url": endpoint.url, "caFile": str(endpoint.ca_file)},
        environment={"id": endpoint.ask("POST", "/admin/environments", {"name": "beyond"})["id"]},
        egress={"rules": [], "resolvers": ["198.51.100.253"]},
    )
    try:
        yield operator
    finally:
        operator.destroy(check=False)


def test_a_stack_without_a_key_comes_up_and_waits_and_serves_once_an_operator_puts_the_key_in(endpoint, operator):
    operator.domicile("up", operator.stack, "--yes")
    environment = operator.status()["dispatcher"]["environment_id"]
    waiting = operator.status()["dispatcher"]
    assert waiting["key"] == "absent"
    assert "key" in waiting["waiting_for"]

    key = endpoint.ask("POST", "/admin/environment-keys", {"environment_id": environment})["key"]
    put = operator.domicile("key", operator.stack, stdin=key + "\n")
    assert key not in put.stdout + put.stderr
    assert wait_until(lambda: operator.status()["dispatcher"]["control_plane"]["reachable"] is True, seconds=30)

    session = endpoint.ask("POST", "/admin/scenarios", {"environment_id": environment, "scenario": SCENARIO})["session_id"]
    told = endpoint.ask("GET", f"/admin/sessions/{session}?wait_seconds=60")
    assert (told["verdict"], told["reasons"]) == ("passed", [])
    refused = operator.domicile("session", operator.stack, check=False)
    assert refused.returncode == 2

    again = json.loads(operator.domicile("up", operator.stack, "--yes", "--json").stdout)
    assert again["unchanged"] is True
    operator.destroy()
    assert operator.leftovers() == []
