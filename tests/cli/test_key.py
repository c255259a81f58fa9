"""S6: `domicile key` puts the environment key into a real OpenBao, and shows it nowhere on the way."""

import json
import os
import pty
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domicile.environment_key.openbao import OpenBao, OpenBaoError
from domicile.places import StackPlaces

BAO = Path(sys.executable).parent / "bao"
REAL = """config:
  domicile:jurisdiction: jp
  domicile:controlPlane: {kind: anthropic}
  domicile:environment: {id: env_canary}
  domicile:egress:
    resolvers: [9.9.9.9]
    rules:
      - {host: api.example.com, mode: inspect, http: [{methods: [GET], paths: [/]}], credential: {name: demo-api}}
"""
OPERATOR = """
path "domicile/data/environment-key" { capabilities = ["create", "update"] }
path "domicile/data/credentials/+" { capabilities = ["create", "update"] }
path "domicile/metadata/*" { capabilities = ["read"] }
"""


class Vault:
    """A running OpenBao, with the rights that provisioning gives the operator."""

    def __init__(self, places, root_token):
        self.places, self.root_token = places, root_token

    def read(self, name):
        with OpenBao(self.places.secrets_socket, self.root_token) as bao:
            found = bao.get(f"domicile/data/{name}")
        return found and found["data"]["data"]["value"]


@pytest.fixture
def vault(small_project, request):
    """The stack's secrets manager; `small_project` speaks to a real control plane here."""
    (small_project.project / "stacks" / "Pulumi.local.yaml").write_text(REAL)
    places = StackPlaces.of("local", small_project.environment)
    places.secrets_socket.parent.mkdir(parents=True)
    places.secrets.mkdir(parents=True)
    config = {"storage": {"inmem": {}}, "listener": [{"unix": {"address": str(places.secrets_socket)}}], "disable_mlock": True, "ui": False}
    places.secrets_config.write_text(json.dumps(config))
    server = subprocess.Popen([BAO, "server", f"-config={places.secrets_config}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Vault(places, _provision(places, server))
    finally:
        server.terminate()
        server.wait(10)


def _provision(places, server):
    end = time.monotonic() + 60
    with OpenBao(places.secrets_socket) as bao:
        while True:
            try:
                made = bao.put("sys/init", {"secret_shares": 1, "secret_threshold": 1})
                break
            except OpenBaoError:
                assert server.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)  # a listening socket is no event that another process can await
        bao.put("sys/unseal", {"key": made["keys"][0]})
    with OpenBao(places.secrets_socket, made["root_token"]) as bao:
        while bao.health()["standby"]:
            assert time.monotonic() < end
        bao.put("sys/mounts/domicile", {"type": "kv", "options": {"version": "2"}})
        bao.put("sys/policies/acl/operator", {"policy": OPERATOR})
        token = bao.put("auth/token/create-orphan", {"policies": ["operator"], "ttl": "1h"})["auth"]["client_token"]
        while True:  # the new engine is upgraded to version 2 first
            try:
                bao.write_secret("domicile", "ready", {"value": ""})
                break
            except OpenBaoError:
                assert time.monotonic() < end
    places.operator_token.write_text(token)
    places.operator_token.chmod(0o600)
    return made["root_token"]


def canary():
    return f"sk-ant-oat01-{secrets.token_hex(24)}"


def nowhere(value, command, *outputs):
    assert not any(value in output for output in outputs)
    assert not any(value.encode() in path.read_bytes() for path in command.folder.rglob("*") if path.is_file())


def test_a_piped_key_goes_into_the_secrets_manager_and_nowhere_else(small_project, vault):
    value = canary()
    ran = small_project("key", stdin=f"{value}\n")
    assert ran.returncode == 0, ran.stderr
    assert vault.read("environment-key") == value
    nowhere(value, small_project, ran.stdout, ran.stderr)


def test_a_key_typed_at_a_terminal_is_not_echoed(small_project, vault):
    value = canary()
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(small_project.project)
        os.execve(sys.executable, [sys.executable, "-m", "domicile.cli", "key"], small_project.environment)
    seen = b""
    while b"(not shown)" not in seen:
        seen += os.read(terminal, 1024)
    os.write(terminal, f"{value}\n".encode())
    try:
        while more := os.read(terminal, 1024):
            seen += more
    except OSError:
        pass  # how Linux tells that the other end of a terminal is closed
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert vault.read("environment-key") == value
    nowhere(value, small_project, seen.decode())


def test_a_credential_goes_to_its_own_place(small_project, vault):
    assert small_project("key", "--credential", "demo-api", stdin="s3cr3t").returncode == 0
    assert vault.read("credentials/demo-api") == "s3cr3t"
    assert vault.read("environment-key") is None


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], ""),
        ([], "sk-ant-api03-" + "a" * 40),
        ([], "not-a-key"),
        ([], "sk-ant-oat01-short"),
        ([], f"{'sk-ant-oat01-' + 'a' * 40}\nsecond line"),
        (["--credential", "unknown"], "value"),
        (["--generate"], ""),
        (["--generate", "--credential", "demo-api"], ""),
    ],
)
def test_what_is_no_key_is_refused_before_anything_is_written(small_project, vault, arguments, given):
    ran = small_project("key", *arguments, stdin=given)
    assert ran.returncode == 2
    assert not (given and given in ran.stdout + ran.stderr)
    assert vault.read("environment-key") is None


def test_a_key_cannot_be_an_argument(small_project):
    """What is in argv is in every process list."""
    value = canary()
    ran = small_project("key", "local", value)
    assert ran.returncode == 2
    options = re.findall(r"--[a-z-]+", small_project("key", "--help").stdout)
    assert set(options) == {"--environment", "--credential", "--webhook", "--generate", "--help"}


def test_without_a_secrets_manager_it_says_to_run_up(small_project):
    ran = small_project("key", stdin=canary())
    assert ran.returncode == 1
    assert "domicile up" in ran.stderr
