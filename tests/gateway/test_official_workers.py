"""Whole sessions of the unmodified official workers through the gateway, which hold nothing but a capability."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from gateway_lab import GatewayLab, front, gateway_lab, python_worker, scrubbed_environment, work_secret_token

from domicile_control_plane import ControlPlane
from domicile_host.gateway import Binding

ROOT = Path(__file__).parents[2]
Worker = Callable[[str, Path], Awaitable[None]]


def go_worker_program() -> Path:
    """The sandbox image's own worker, built with the work directory `.` for the image's `/workspace`."""
    source = ROOT / "images" / "sandbox" / "worker"
    texts = {name: (source / name).read_text() for name in ("main.go", "go.mod", "go.sum")}
    texts["main.go"] = texts["main.go"].replace('workdir     = "/workspace"', 'workdir     = "."')
    assert '"/workspace"' not in texts["main.go"]
    place = ROOT / ".cache" / "gateway" / f"worker-{hashlib.sha256(''.join(texts.values()).encode()).hexdigest()[:16]}"
    place.mkdir(parents=True, exist_ok=True)
    with (place.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "worker").exists():
            for name, text in texts.items():
                (place / name).write_text(text)
            compiler = shutil.which("go") or str(Path(sys.executable).parent / "go")
            environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
            subprocess.run([compiler, "build", "-p", "1", "-trimpath", "-o", "built", "."], cwd=place, check=True, env=environment)
            (place / "built").rename(place / "worker")
    return place / "worker"


async def go_worker(base_url: str, folder: Path) -> None:
    """The Go SDK's worker in the sandbox image's program."""
    process = await asyncio.create_subprocess_exec(
        str(await asyncio.to_thread(go_worker_program)),
        cwd=folder,
        env=scrubbed_environment() | {"ANTHROPIC_BASE_URL": base_url},
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture(params=[python_worker, go_worker], ids=["python", "go"])
def worker(request: pytest.FixtureRequest) -> Worker:
    if request.param is go_worker:
        go_worker_program()
    return request.param


@dataclass
class Bench:
    """The stand-in, the gateway before it, and the dispatcher's part played by the test."""

    plane: ControlPlane
    lab: GatewayLab
    url: str
    environment_id: str
    key: str
    folder: Path

    def start(self, *turns: dict[str, Any], **scenario: Any) -> str:
        content = {"name": "gateway", "ends": "end_turn", "limit_seconds": 60, "turns": list(turns), **scenario}
        return self.plane.start(self.environment_id, content, {"folder": str(self.folder)})

    async def claim(self, source: str) -> Binding:
        """Polls, acks, sends the first heartbeat and binds, as the dispatcher does."""
        headers = {"authorization": f"Bearer {self.key}", "anthropic-beta": "managed-agents-2026-04-01", "anthropic-version": "2026-10-21"}
        work = f"{self.url}/v1/environments/{self.environment_id}/work"
        async with aiohttp.ClientSession(headers=headers) as http:
            item = None
            while item is None:
                async with http.get(f"{work}/poll", params={"block_ms": "900"}) as response:
                    item = await response.json()
            async with http.post(f"{work}/{item['id']}/ack") as response:
                assert response.status == 200
            token = work_secret_token(item["secret"])
            async with http.post(f"{work}/{item['id']}/heartbeat?expected_last_heartbeat=NO_HEARTBEAT") as response:
                assert response.status == 200
        return await self.lab.bind(
            source, session_id=item["data"]["id"], work_id=item["id"], environment_id=self.environment_id, token=token, idle_seconds=0.3
        )

    async def finished(self, session_id: str) -> None:
        outcome = await self.plane.finished(session_id, 60)
        assert (outcome.verdict, outcome.reasons) == ("passed", [])


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    plane = ControlPlane(None)
    environment_id, key = plane.new_environment()
    async with plane.serve() as url, gateway_lab(url) as lab:
        yield Bench(plane, lab, url, environment_id, key, tmp_path)
    plane.close()


@asynccontextmanager
async def serving(bench: Bench, worker: Worker, source: str = "100.96.0.2") -> AsyncIterator[asyncio.Task[None]]:
    """A sandbox's worker that waits for its item, and serves it."""
    folder = bench.folder / f"workspace-{source}"
    folder.mkdir(exist_ok=True)
    async with front(bench.lab, source) as base_url:
        task = asyncio.create_task(worker(base_url, folder))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_session_with_all_tools_a_skill_and_a_memory_store_runs_to_its_end(bench: Bench, worker: Worker) -> None:
    mount = bench.folder / "memory" / "notes"
    session = {
        "skills": [{"name": "greeting", "files": {"SKILL.md": "# Greeting\nSay hello."}}],
        "memory_stores": [{"name": "notes", "mount_path": str(mount), "memories": {"/first.md": "remember me"}}],
    }
    calls = [
        {"tool": "bash", "input": {"command": "echo from-$((40 + 2))"}, "expect": {"contains": "from-42"}},
        {"tool": "write", "input": {"file_path": "a.txt", "content": "alpha\n"}},
        {"tool": "read", "input": {"file_path": "a.txt"}, "expect": {"contains": "alpha"}},
        {"tool": "edit", "input": {"file_path": "a.txt", "old_string": "alpha", "new_string": "beta"}},
        {"tool": "glob", "input": {"pattern": "*.txt"}, "expect": {"contains": "a.txt"}},
        {"tool": "grep", "input": {"pattern": "beta"}, "expect": {"contains": "a.txt"}},
        {"tool": "bash", "input": {"command": "cat skills/greeting/SKILL.md"}, "expect": {"contains": "Say hello"}},
        {
            "tool": "bash",
            "input": {"command": f"cat {mount}/first.md && echo kept > {mount}/second.md"},
            "expect": {"contains": "remember"},
        },
    ]
    async with bench.lab.events() as events, serving(bench, worker) as task:
        session_id = bench.start(
            *({"calls": [call]} for call in calls),
            session=session,
            finally_memory=[{"store": "notes", "path": "/second.md", "expect": {"contains": "kept"}}],
        )
        binding = await bench.claim("100.96.0.2")
        await asyncio.wait_for(task, 60)
        assert [(await anext(events)).event for _ in range(2)] == ["item-taken", "heartbeat"]
        assert (await anext(events)).event == "worker-stopped"
    bench.plane.queue.stop(bench.environment_id, binding.work_id, force=True)
    await bench.finished(session_id)
    assert bench.lab.rules() == []
    recorded = [event.detail["tool"] for event in bench.lab.records("gateway.call")]
    assert recorded == [call["tool"] for call in calls]
    assert [event.outcome for event in bench.lab.records("gateway.result")] == ["allowed", "success"] * len(calls)
    assert any(event.detail["path"] == "/second.md" for event in bench.lab.records("gateway.memory"))


async def test_an_asking_call_runs_only_after_its_confirmation_and_a_denied_one_never(bench: Bench, worker: Worker) -> None:
    async with serving(bench, worker) as task:
        session_id = bench.start(
            {
                "calls": [
                    {"tool": "bash", "input": {"command": "touch allowed"}, "permission": "ask", "confirm": {"result": "allow"}},
                    {"tool": "bash", "input": {"command": "touch denied"}, "permission": "ask", "confirm": {"result": "deny"}},
                ]
            }
        )
        binding = await bench.claim("100.96.0.2")
        await asyncio.wait_for(task, 60)
    bench.plane.queue.stop(bench.environment_id, binding.work_id, force=True)
    await bench.finished(session_id)
    assert (bench.folder / "workspace-100.96.0.2" / "allowed").exists()
    assert not (bench.folder / "workspace-100.96.0.2" / "denied").exists()
    assert sorted(event.outcome for event in bench.lab.records("gateway.confirmation")) == ["allowed", "refused"]
    assert bench.lab.rules() == []


async def test_a_gateway_restarted_in_mid_session_loses_nothing(bench: Bench, worker: Worker) -> None:
    started, go_on = bench.folder / "started", bench.folder / "go-on"
    os.mkfifo(go_on)
    command = f"touch {started}; read line < {go_on}; echo survived"
    async with serving(bench, worker) as task:
        session_id = bench.start(
            {"calls": [{"tool": "bash", "input": {"command": "echo one"}}]},
            {"calls": [{"tool": "bash", "input": {"command": command}, "expect": {"contains": "survived"}}]},
            {"calls": [{"tool": "bash", "input": {"command": "echo three"}, "expect": {"contains": "three"}}]},
        )
        binding = await bench.claim("100.96.0.2")
        gate = await asyncio.to_thread(os.open, go_on, os.O_WRONLY)  # returns once the command waits for it
        try:
            await bench.lab.restart()
            os.write(gate, b"on\n")
            await bench.lab.bind_again(binding)
            await asyncio.wait_for(task, 60)
        finally:
            os.close(gate)
    bench.plane.queue.stop(bench.environment_id, binding.work_id, force=True)
    await bench.finished(session_id)
    results = [event for event in bench.plane.sessions.events(session_id) if event["type"] == "user.tool_result"]
    assert len(results) == 3


async def test_stopping_is_told_by_the_next_heartbeat(bench: Bench) -> None:
    """The Python worker beats first as it starts: a session that is stopping before its worker came does nothing."""
    bench.start({"calls": [{"tool": "bash", "input": {"command": "touch ran"}}]})
    await bench.claim("100.96.0.2")
    async with bench.lab.control.post("http://gateway/bindings/100.96.0.2/stopping") as response:
        assert response.status == 204
    async with bench.lab.events() as events, serving(bench, python_worker) as task:
        await asyncio.wait_for(task, 60)
        assert [(await anext(events)).event for _ in range(3)] == ["item-taken", "heartbeat", "worker-stopped"]
    assert (await bench.lab.statuses())[0]["state"] == "stopped"
