"""The stand-in and the official workers as plain processes, for the conformance tests."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from domicile_control_plane import ControlPlane

HERE = Path(__file__).parent
WORKERS = ["python"]


@dataclass
class Bench:
    """A stand-in that answers, an environment in it, and the official worker under test."""

    plane: ControlPlane
    url: str
    environment_id: str
    key: str
    name: str
    command: list[str]
    folder: Path

    @asynccontextmanager
    async def worker(self, *, idle_seconds: float = 1.0) -> AsyncIterator[asyncio.subprocess.Process]:
        """The worker's process, terminated at the end; its log is `folder/worker.log`."""
        (self.folder / "work").mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_") and "proxy" not in name.lower()}
        place = {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_ENVIRONMENT_ID": self.environment_id, "ANTHROPIC_ENVIRONMENT_KEY": self.key}
        with (self.folder / "worker.log").open("ab") as log:
            command = [*self.command, str(self.folder / "work"), str(idle_seconds)]
            process = await asyncio.create_subprocess_exec(
                *command, env={**kept, **place}, stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 10)
                except TimeoutError:
                    process.kill()
                    await process.wait()

    async def until(self, condition, within_seconds: float = 20.0) -> None:
        """Wait for the first request after which a condition holds."""
        async with asyncio.timeout(within_seconds):
            while not condition():
                await asyncio.sleep(0.02)


def _command(name: str) -> list[str]:
    return [sys.executable, str(HERE / "workers/python/main.py")]


@pytest.fixture(params=WORKERS)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    plane = ControlPlane(tmp_path / "control-plane.sqlite", ttl_seconds=4)
    command = _command(request.param)
    async with plane.serve() as url:
        environment_id, key = plane.new_environment()
        yield Bench(plane, url, environment_id, key, request.param, command, tmp_path)
    plane.close()
