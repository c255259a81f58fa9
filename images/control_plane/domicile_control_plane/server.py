"""The stand-in as one object: rooms, brain and API together. `python -m domicile_control_plane serve` and tests start it here."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from .api import application
from .api.access import Rooms
from .aws import FrontDoor
from .brain import Outcome, ScriptedBrain
from .credentials import Credentials
from .environments import Environments
from .faults import Faults
from .log import Logger, silent
from .memory import MemoryStores
from .scenario import Scenario, load
from .sessions import Sessions
from .shapes import EnvironmentCreate
from .skills import Skills
from .store import Store
from .tunnels import Tunnels
from .webhooks import Webhooks
from .work import WorkQueue

DRAIN_SECONDS = 2.0


class ControlPlane:
    """A stand-in for Anthropic's control plane.

        plane = ControlPlane(tmp_path / "control-plane.sqlite")
        async with plane.serve() as url:
            environment_id, key = plane.new_environment()
            session_id = plane.start(environment_id, "demonstration")
            ...                       # a worker serves it at `url` with `key`
            outcome = await plane.finished(session_id, within_seconds=30)

    Args:
        store_path: the SQLite file that holds all state; `None` keeps it in memory.
        ttl_seconds: lease time of a work item; Anthropic's default is 300.
        keepalive_seconds: pause after which an event stream gets a comment.
        log: takes what happens, as named events with fields.
        door: stand in for Claude Platform on AWS: roles are let in by this, and items come without a secret.
    """

    def __init__(
        self, store_path: Path | None = None, *, ttl_seconds: int = 300, keepalive_seconds: float = 15.0, log: Logger = silent,
        door: FrontDoor | None = None,
    ) -> None:  # fmt: skip
        self.store = Store(store_path)
        self.credentials = Credentials(self.store)
        self.environments = Environments(self.store)
        self.queue = WorkQueue(self.store, self.credentials, ttl_seconds, secrets=door is None)
        self.door = door
        self.sessions = Sessions(self.store, self.queue)
        self.skills = Skills(self.store)
        self.memory = MemoryStores(self.store)
        self.tunnels = Tunnels(self.store)
        self.brain = ScriptedBrain(self.store, self.sessions, self.queue, self.skills, self.memory, log)
        self.faults = Faults()
        self.webhooks = Webhooks(self.store, self.sessions, log)
        self.log = log
        self._waiting: set[asyncio.Event] = set()
        self.queue.watchers.append(self._changed)
        self.sessions.watchers.append(self._changed)
        self._rooms = Rooms(
            self.credentials, self.environments, self.queue, self.sessions, self.skills, self.memory, self.tunnels, keepalive_seconds
        )

    def new_environment(self, name: str = "test") -> tuple[str, str]:
        """A self-hosted environment and its key."""
        environment = self.environments.create(EnvironmentCreate(name=name))
        return environment.id, self.credentials.issue_environment_key(environment.id)

    def start(self, environment_id: str, scenario: Scenario | str | Path | dict[str, Any], variables: dict[str, str] | None = None) -> str:
        """Create a scenario's session, whose work item any worker of the environment may then claim; the session's id.

        Raises:
            ScenarioError: the scenario can't be read.
            NotFoundError: there is no such environment.
        """
        self.environments.get(environment_id)
        played = scenario if isinstance(scenario, Scenario) else load(scenario)
        return self.brain.start(environment_id, played, variables or {})

    async def finished(self, session_id: str, within_seconds: float | None = None) -> Outcome:
        """Wait for a session's verdict.

        Raises:
            TimeoutError: it takes longer than `within_seconds`.
        """
        return await asyncio.wait_for(self.brain.finished(session_id), within_seconds)

    async def until(self, condition: Callable[[], bool], within_seconds: float = 20.0) -> None:
        """Wait until a condition holds; it is looked at after each change of a work item and each event.

        Raises:
            TimeoutError: it takes longer.
        """
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            async with asyncio.timeout(within_seconds):
                while not condition():
                    changed.clear()
                    await changed.wait()
        finally:
            self._waiting.discard(changed)

    def _changed(self, *_: object) -> None:
        for waiting in self._waiting:
            waiting.set()

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        """Answer at this address (port 0: any free one) as long as the block runs; yields the base URL."""
        app = application(self._rooms, self.faults, self.log, self.door)
        runner = web.AppRunner(app, shutdown_timeout=DRAIN_SECONDS, access_log=None, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        address = runner.addresses[0]
        self.brain.resume()
        leases = asyncio.create_task(self.queue.keep_leases())
        try:
            yield f"{'https' if tls else 'http'}://{address[0]}:{address[1]}"
        finally:
            leases.cancel()
            with suppress(asyncio.CancelledError):
                await leases
            self.brain.close()
            self.sessions.cut_streams()
            await self.webhooks.close()
            await runner.cleanup()

    def close(self) -> None:
        """Close the state file; after `serve` has ended."""
        self.store.close()
