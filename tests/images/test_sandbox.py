"""The sandbox image as it is run: confined as a sandbox is, its worker waiting for an item."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import uuid
from pathlib import Path

import pytest
from aiohttp import web

pytestmark = pytest.mark.perimeter

CHECKOUT = Path(__file__).parents[2]
CONFINED = [
    "--runtime=runc",
    "--read-only",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    f"--security-opt=seccomp={CHECKOUT / 'images/sandbox/seccomp.json'}",
    "--pids-limit=128",
    "--memory=512m",
    "--ulimit=nofile=4096:4096",
    "--ulimit=nproc=4096:4096",
    *(f"--tmpfs={path}:rw,nosuid,nodev,size=64m,mode=1777" for path in ("/tmp", "/workspace", "/mnt/memory")),
]
SYSCALLS = """
import ctypes, errno, json, os, socket
libc = ctypes.CDLL(None, use_errno=True)
CALLS = {
    "unshare a user namespace": (272, 0x10000000), "join a namespace": (308, 0, 0),
    "clone a user namespace": (56, 0x10000011, 0, 0, 0, 0), "clone a time namespace": (56, 0x91, 0, 0, 0, 0), "clone3": (435, 0, 0),
    "mount": (165, 0, 0, 0, 0, 0), "unmount": (166, 0, 0), "open a file system": (430, 0, 0), "pivot root": (155, 0, 0),
    "change root": (161, 0), "open by handle": (304, 0, 0, 0),
    "ptrace": (101, 0, 0, 0, 0), "read another's memory": (310, 1, 0, 0, 0, 0, 0), "take another's descriptor": (438, 0, 0, 0),
    "keyctl": (250, 0, 0), "add a key": (248, 0, 0, 0, 0, 0), "memfd_secret": (447, 0), "personality": (135, 0x0040000),
    "load bpf": (321, 0, 0, 0), "open perf events": (298, 0, 0, 0, 0, 0), "userfaultfd": (323, 0),
    "io_uring": (425, 1, 0), "io_setup": (206, 1, 0), "load a module": (175, 0, 0, 0), "kexec": (246, 0, 0, 0, 0),
}
def call(number, *arguments):
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        result = libc.syscall(number, *arguments)
        os.write(write, errno.errorcode.get(ctypes.get_errno(), "?").encode() if result < 0 else b"allowed")
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    return os.read(read, 100).decode()
def dial(*kind):
    try:
        socket.socket(*kind).close()
        return "allowed"
    except OSError as error:
        return errno.errorcode[error.errno]
SOCKETS = {"packet": (17, 3, 0), "vsock": (40, 1, 0), "crypto": (38, 5, 0), "netfilter": (16, 3, 12), "raw": (2, 3, 1)}
print(json.dumps({name: call(*c) for name, c in CALLS.items()} | {f"{name} socket": dial(*k) for name, k in SOCKETS.items()}))
"""
AGENT = """
set -euo pipefail
cd /workspace
git init -q work && cd work
printf 'the needle\\n' > hay
git add hay && git -c user.name=a -c user.email=a@b.c commit -qm first
test "$(git log --oneline | wc -l)" = 1
rg -q needle && grep -q needle hay && find . -name hay | xargs sed -i s/needle/thread/ && diff <(echo 'the thread') hay
tar czf /tmp/hay.tgz hay && tar tzf /tmp/hay.tgz
python3 -c 'import ssl, sqlite3, json, asyncio'
python3 -c 'import concurrent.futures as f; print(sum(f.ThreadPoolExecutor(4).map(abs, [-1, -2])))'
python3 -c 'import multiprocessing as m; print(m.Pool(2).map(abs, [-1]))'
git clone -q /workspace/work /workspace/copy
mkdir /mnt/memory/store && touch /mnt/memory/store/note
script="$(mktemp)" && printf '#!/bin/sh\\nexit 7\\n' > "$script" && chmod +x "$script" && { "$script" || test $? = 7; }
python3 -c 'import pty, sys; sys.exit(pty.spawn(["stty", "-echo"]))'
"""

SHELLS = """
import glob
for folder in glob.glob("/proc/[0-9]*"):
    if open(folder + "/comm").read() == "bash\\n":
        print(open(folder + "/environ").read().replace("\\0", " "))
"""


@pytest.fixture
def sandbox(loaded):
    """Starts confined containers of the sandbox image, and removes them."""
    names: list[str] = []

    def start(*arguments: str, options: tuple[str, ...] = ("--network=none",), environment: dict[str, str] | None = None) -> str:
        names.append(f"images-test-{uuid.uuid4().hex[:8]}")
        variables = [f"--env={name}={value}" for name, value in {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", **(environment or {})}.items()]
        podman("run", "--detach", f"--name={names[-1]}", *CONFINED, *options, *variables, *arguments, loaded("sandbox"))
        return names[-1]

    yield start
    for name in names:
        podman("rm", "--force", "--time=1", name)


def podman(*arguments: str, **options) -> str:
    return subprocess.run(["podman", *arguments], check=True, capture_output=True, text=True, **options).stdout


def test_ways_out_of_a_container_are_refused_by_the_kernel(sandbox):
    answers = json.loads(podman("exec", sandbox(), "python3", "-c", SYSCALLS))
    assert {name: answer for name, answer in answers.items() if answer not in {"EPERM", "ENOSYS"}} == {}


def test_a_32_bit_call_ends_the_process(sandbox):
    x32_getpid = "import ctypes; print(ctypes.CDLL(None).syscall(0x40000000 + 39))"
    done = subprocess.run(["podman", "exec", sandbox(), "python3", "-c", x32_getpid], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout == ""


def test_what_agents_do_works(sandbox):
    podman("exec", sandbox(), "bash", "-c", AGENT)


def test_no_file_gives_rights_and_the_root_is_read_only(sandbox):
    name = sandbox()
    assert podman("exec", name, "find", "/", "-xdev", "-path", "/root", "-prune", "-o", "-perm", "/6000", "-print") == ""
    writable = podman("exec", name, "bash", "-c", "for p in / /etc /usr/bin /var /run /root /home; do test -w $p && echo $p; done; true")
    assert writable.strip() == ""
    status = podman("exec", name, "cat", "/proc/self/status")
    assert "CapEff:\t0000000000000000" in status
    assert "CapBnd:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


def test_the_worker_waits_and_the_agent_cannot_look_into_it(sandbox):
    name = sandbox()
    worker = podman("exec", name, "bash", "-c", "until grep -lsx sandbox-worker /proc/[0-9]*/comm; do :; done").split("/")[2]
    for file in ("environ", "mem", "maps", "fd", "cwd", "auxv", "stack"):
        done = subprocess.run(
            ["podman", "exec", name, "bash", "-c", f"cat /proc/{worker}/{file} || ls /proc/{worker}/{file}/"],
            capture_output=True,
            check=False,
        )
        assert done.returncode != 0, file
    assert podman("inspect", "--format={{.State.Running}}", name).strip() == "true"


def test_a_shell_waits_for_the_session_and_knows_nothing_of_the_gateway(sandbox):
    name = sandbox()
    podman("exec", name, "bash", "-c", "until grep -lsx bash /proc/[0-9]*/comm | grep -vqx /proc/$$/comm; do :; done", timeout=20)
    shells = podman("exec", name, "python3", "-c", SHELLS).splitlines()
    assert len(shells) == 1
    assert "ANTHROPIC" not in shells[0]
    assert "HISTFILE=" in shells[0]


def test_orphans_of_the_agents_commands_are_buried(sandbox):
    name = sandbox()
    podman("exec", name, "bash", "-c", "(exec bash -c 'true & exec sleep 0.1') & (sleep 0.2 &) ; wait")
    count = "until test $(grep -lsE '^State:.Z' /proc/[0-9]*/status | wc -l) = 0; do :; done"
    podman("exec", name, "bash", "-c", count, timeout=20)


def test_a_signal_ends_a_waiting_worker_at_once(sandbox):
    name = sandbox()
    podman("stop", "--time=10", name)
    assert podman("inspect", "--format={{.State.ExitCode}}", name).strip() == "0"


class Gateway:
    """What a sandbox's worker talks to, as far as these tests need it: one item, of a session that has ended."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, str]] = []

    async def item(self, _request: web.Request) -> web.Response:
        status = self.answers.pop(0)
        if status != 200:
            return web.Response(status=status)
        secret = base64.urlsafe_b64encode(json.dumps({"sessions_token": "capability-1"}).encode()).decode()
        ids = {"environment_id": "env_1", "session_id": "sesn_1", "work_id": "work_1"}
        return web.json_response({**ids, "work_secret": secret, "max_idle_seconds": 5})

    async def other(self, request: web.Request) -> web.Response:
        self.calls.append((f"{request.method} {request.path}", request.headers.get("authorization", "")))
        if request.path.endswith("/heartbeat"):
            beat = {"type": "work_heartbeat", "last_heartbeat": "1", "lease_extended": True, "state": "active", "ttl_seconds": 60}
            return web.json_response(beat)
        if request.path.endswith("/stop"):
            return web.Response(status=204)
        return web.json_response({"id": "sesn_1", "type": "session", "status": "terminated"})

    async def serve(self) -> tuple[web.AppRunner, int]:
        app = web.Application()
        app.router.add_get("/domicile/v1/item", self.item)
        app.router.add_route("*", "/{path:.*}", self.other)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server
        return runner, site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]


async def ended(gateway: Gateway, sandbox) -> int:
    """Runs a sandbox against the gateway to its end. Returns the exit code."""
    runner, port = await gateway.serve()
    try:
        dead = "http://127.0.0.1:9"
        environment = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}", "HTTP_PROXY": dead, "http_proxy": dead, "HTTPS_PROXY": dead}
        name = await asyncio.to_thread(sandbox, options=("--network=host",), environment=environment)
        return int(await asyncio.to_thread(podman, "wait", name, timeout=60))
    finally:
        await runner.cleanup()


async def test_the_worker_asks_until_there_is_an_item_and_serves_it_with_its_capability(sandbox):
    gateway = Gateway(503, 204, 500, 200)
    assert await ended(gateway, sandbox) == 0
    assert gateway.answers == []
    assert {authorization for _, authorization in gateway.calls} == {"Bearer capability-1"}
    assert "POST /v1/environments/env_1/work/work_1/stop" in {call for call, _ in gateway.calls}


async def test_a_worker_whose_item_another_took_ends_with_2(sandbox):
    gateway = Gateway(204, 409)
    assert await ended(gateway, sandbox) == 2
    assert gateway.calls == []
