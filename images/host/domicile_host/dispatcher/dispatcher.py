"""The dispatcher: puts its parts together, keeps them running, and ends them in order. `serve` makes one.

Two ways to end it. SIGTERM drains: nothing more is claimed, sessions get `drain_seconds` to end by themselves, then each worker is told
to stop, and after the grace each session is ended and its item stopped. SIGHUP hands over: everything stays as it is for the next
dispatcher, which adopts it within the leases' time to live; that is also what a crash comes to.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

import structlog

from domicile_host.audit.event import Recorder
from domicile_host.dispatcher import start
from domicile_host.dispatcher.adoption import Found, adopt
from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.claims import Claims, Polls
from domicile_host.dispatcher.cloudwatch import tell_sessions
from domicile_host.dispatcher.container import Labels
from domicile_host.dispatcher.drill import Drill
from domicile_host.dispatcher.egress import Egress, PolicyServing
from domicile_host.dispatcher.engine import Engine
from domicile_host.dispatcher.errors import DispatcherError, EngineAway, LinkFailed
from domicile_host.dispatcher.gateway import Gateway
from domicile_host.dispatcher.identity import Identities
from domicile_host.dispatcher.item_secrets import Seal
from domicile_host.dispatcher.key import EnvironmentKey
from domicile_host.dispatcher.ledger import Ledger
from domicile_host.dispatcher.links import Links
from domicile_host.dispatcher.metrics import Metrics
from domicile_host.dispatcher.pool import Pool
from domicile_host.dispatcher.queue import WorkQueue
from domicile_host.dispatcher.retry import pauses
from domicile_host.dispatcher.role import RoleIdentity
from domicile_host.dispatcher.sandboxes import Sandbox, Sandboxes
from domicile_host.dispatcher.secrets_manager import secrets_manager
from domicile_host.dispatcher.session import Parts, Session
from domicile_host.dispatcher.sessions import Sessions
from domicile_host.dispatcher.status import Connected, ControlPlaneStatus, SandboxStatus, Status, StatusServer
from domicile_host.dispatcher.supplies import Supplies
from domicile_host.egress.authority import AuthorityPem
from domicile_host.settings import HostSettings

log = structlog.get_logger(__name__)

PolicyServers = Callable[[HostSettings, AuthorityPem, Mapping[str, str]], PolicyServing]
DRAIN_SPARE_SECONDS = 10.0


class Dispatcher:
    """One host's dispatcher. `run` returns after SIGTERM or SIGHUP."""

    def __init__(self, settings: HostSettings, recorder: Recorder, policy_server: PolicyServers, bounds: Bounds) -> None:
        self._settings, self._bounds, self._policy_server = settings, bounds, policy_server
        places = settings.places
        self._metrics = Metrics()
        self._engine = Engine(places.container_engine)
        self._queue = WorkQueue(settings, bounds)
        self._gateway = Gateway(places.gateway_control)
        self._secrets = secrets_manager(settings)
        signing = settings.signing
        self._key = RoleIdentity(signing, settings.host, self._secrets, bounds) if signing else EnvironmentKey(self._secrets, bounds)
        self._supplies = Supplies(settings, self._secrets, bounds)
        self._links = Links(settings)
        self._egress = Egress()
        ledger = Ledger(places.ledger)
        self._sandboxes = Sandboxes(settings, self._engine, self._links, ledger, recorder, self._metrics, bounds)
        self._pool = Pool(self._sandboxes, settings.sandboxes.warm, bounds)
        self._sessions = Sessions()
        self._parts = Parts(
            settings=settings,
            queue=self._queue,
            key=self._key,
            sandboxes=self._sandboxes,
            identities=Identities(self._egress, self._gateway, bounds),
            ledger=ledger,
            recorder=recorder,
            metrics=self._metrics,
            bounds=bounds,
            gateway_since=lambda: self._gateway_since,
        )
        self._drill = Drill(self._parts, self._pool, self._egress, self._no_drill_because)
        self._claims: Claims | None = None
        self._gateway_since: float | None = None
        self._found = Found()
        self._beginning: str | None = "the container engine"
        self._draining = False
        self._hurried = False
        self._tasks: list[asyncio.Task[None]] = []
        self._taking_on: list[asyncio.Task[None]] = []
        """Those of the tasks that take new work on."""
        self._signal: asyncio.Future[signal.Signals] | None = None

    async def run(self) -> None:
        """Serves until a signal. Raises `StartRefused` for what is set up wrongly, before anything starts."""
        self._signal = asyncio.get_running_loop().create_future()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled, number)
        async with AsyncExitStack() as stack:
            for part in (self._engine, self._queue, self._gateway, self._secrets):
                await stack.enter_async_context(part)
            status = StatusServer(self._settings.places.dispatcher_status, self.status, self._metrics, self._drill.hold)
            await status.start()
            stack.push_async_callback(status.stop)
            stack.push_async_callback(self._cancel_tasks)
            stack.push_async_callback(self._drill.close)
            await self._until_signalled(self._serve())

    # --- beginning ---------------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Checks, adopts, then keeps everything running; ends only by an error or cancelled."""
        start.check_files(self._settings)
        await self._with_engine(self._check)
        self._go(self._key.run())
        self._go(self._follow_gateway())
        self._beginning = "the secrets manager"
        authority = await self._supplies.authority()
        start.write_ca_bundle(self._settings, authority.certificate)
        seal = Seal(authority.key)
        await self._with_engine(lambda: self._adopt(seal))
        server = self._policy_server(self._settings, authority, await self._supplies.credentials())
        await self._egress.serve(server, self._sessions.admitted())
        self._beginning = None
        self._claims = Claims(self._parts, seal, self._pool, self._sessions, self._hindrance)
        self._go(self._follow_engine())
        self._go(self._reconcile())
        self._go(self._supplies.keep(self._egress))
        served = tell_sessions(self._settings, lambda: sum(1 for _ in self._sessions), self._drill.age)
        self._taking_on = [self._go(self._pool.run()), self._go(self._claims.run()), self._go(served)]
        await self._first_failure()

    async def _check(self) -> None:
        await start.check_runtime(self._settings, self._engine)
        self._sandboxes.image_id = await start.image_id(self._settings.sandboxes.image, self._engine)

    async def _adopt(self, seal: Seal) -> None:
        self._found = await adopt(self._parts, seal, self._engine, self._links, self._sessions)

    async def _with_engine(self, step: Callable[[], Awaitable[None]]) -> None:
        """A step that waits for the engine to answer; other failures end the dispatcher."""
        waits = pauses(self._bounds)
        while True:
            try:
                return await step()
            except (EngineAway, LinkFailed) as error:
                self._beginning = str(error)
                log.warning("start.waiting", problem=str(error))
            await asyncio.sleep(next(waits))

    # --- running -----------------------------------------------------------------------------------------------------------

    def _go(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task

    async def _first_failure(self) -> None:
        """A part that ends is a fault: better restarted, and its sessions adopted, than half a dispatcher."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _follow_gateway(self) -> None:
        """Hears the gateway; each time it is back, it is told of the live sessions again."""
        while True:
            try:
                async with self._gateway.events() as events:
                    await self._sessions.bind_again()
                    self._gateway_since = time.monotonic()
                    self._sessions.tell()
                    async for event in events:
                        self._sessions.heard(event)
            except DispatcherError as error:
                if self._gateway_since is not None:
                    log.warning("gateway.away", problem=str(error))
            self._gateway_since = None
            await asyncio.sleep(self._bounds.retry_seconds)

    async def _follow_engine(self) -> None:
        """Hears of sandboxes that ended."""
        while True:
            try:
                async with self._engine.ended(**Labels(self._settings.stack, self._settings.host).of_host()) as names:
                    async for name in names:
                        self._ended(name)
            except DispatcherError as error:
                log.warning("engine.away", problem=str(error))
            await asyncio.sleep(self._bounds.retry_seconds)

    async def _reconcile(self) -> None:
        """Finds what an event missed: an engine that was restarted tells nothing of what ended meanwhile."""
        while True:
            await asyncio.sleep(self._bounds.reconcile_seconds)
            pooled = {each.name for each in self._pool.ready}
            expected = pooled | {each.sandbox.name for each in self._sessions if not each.leaving}
            try:
                running = await self._sandboxes.running()
            except DispatcherError as error:
                log.warning("engine.away", problem=str(error))
            else:
                for name in expected - running:
                    self._ended(name)

    def _ended(self, container_name: str) -> None:
        self._pool.lost(container_name)
        self._sessions.sandbox_ended(container_name)

    def _hindrance(self) -> str | None:
        """What a session couldn't be served without: nothing is claimed while it is away."""
        if self._gateway_since is None:
            return "the session gateway"
        if not self._egress.connected:
            return "the egress proxy"
        return self._pool.problem

    def _no_drill_because(self) -> str | None:
        """Work needn't be claimed for a drill, so no key; what a session would be served with must be there."""
        return f"the dispatcher waits for {self._beginning}" if self._beginning is not None else self._hindrance()

    # --- ending ------------------------------------------------------------------------------------------------------------

    def _signalled(self, number: signal.Signals) -> None:
        if self._signal is not None and not self._signal.done():
            self._signal.set_result(number)
        else:
            self._hurried = True
            self._sessions.tell()

    async def _until_signalled(self, serving: Coroutine[None, None, None]) -> None:
        if self._signal is None:
            raise RuntimeError("run() prepares the signal")
        task = asyncio.create_task(serving)
        ends: list[asyncio.Future[Any]] = [task, self._signal]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not self._signal.done():
            await self._cancel_tasks()
            await self._sessions.hand_over()
            return task.result()
        number = self._signal.result()
        log.info("dispatcher.ending", signal=signal.Signals(number).name)
        self._draining = True
        await self._drill.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await (self._hand_over() if number == signal.SIGHUP else self._drain())
        return None

    async def _drain(self) -> None:
        """Ends everything within the grace and some spare time; what isn't done by then the next dispatcher finds in the ledger."""
        await self._let_finish()
        following = self._tasks[:2]  # key and gateway: sessions need both to end well
        await self._cancel(self._tasks[2:])
        try:
            async with asyncio.timeout(self._bounds.stopping_seconds + DRAIN_SPARE_SECONDS):
                await self._settle()
                await asyncio.gather(self._sessions.drain(), self._pool.close())
        except TimeoutError:
            log.error("dispatcher.not-drained", sessions=self._sessions.count)
            await self._sessions.hand_over()
        await self._cancel(following)
        await self._egress.stop()

    async def _let_finish(self) -> None:
        """Takes nothing new on, and leaves sessions `drain_seconds` to end by themselves; a second signal cuts that short."""
        seconds = self._settings.sandboxes.drain_seconds
        if not seconds:
            return
        deadline = time.monotonic() + seconds
        await self._cancel(self._taking_on)
        await self._settle()
        while self._sessions.count and not self._hurried and (left := deadline - time.monotonic()) > 0:
            await self._sessions.changed(within_seconds=left)

    async def _hand_over(self) -> None:
        await self._cancel_tasks()
        await self._settle()
        await self._sessions.hand_over()
        await self._egress.stop()

    async def _settle(self) -> None:
        if self._claims is not None:
            await self._claims.settle()

    async def _cancel_tasks(self) -> None:
        await self._cancel(self._tasks)

    async def _cancel(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- status ------------------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        polls = self._claims.polls if self._claims else Polls()
        problems = (self._supplies.problem, self._pool.problem, polls.problem)
        return Status(
            host=self._settings.host,
            environment_id=self._settings.environment_id,
            key=self._key.state,
            identity="role" if self._settings.signing else "environment-key",
            control_plane=ControlPlaneStatus(
                url=self._settings.control_plane.url, reachable=polls.reachable, last_poll_at=polls.last_at, problem=polls.problem
            ),
            capacity=self._settings.sandboxes.capacity,
            draining=self._draining,
            sandboxes=tuple(map(_live, self._sessions)) + tuple(map(_warm, self._pool.ready)),
            egress=Connected(connected=self._egress.connected),
            gateway=Connected(connected=self._gateway_since is not None),
            unowned=self._found.unowned,
            problems=tuple(problem for problem in problems if problem),
            last_drill=self._drill.last,
            waiting_for=self._waiting_for(),
        )

    def _waiting_for(self) -> str | None:
        if self._beginning is not None:
            return self._beginning
        return self._key.problem if self._key.state != "present" else self._hindrance()


def _live(session: Session) -> SandboxStatus:
    return SandboxStatus(
        sandbox_id=session.sandbox.name,
        state=session.state,
        session_id=session.held.session_id,
        work_id=session.held.work_id,
        address=str(session.sandbox.address),
        since=session.held.claimed_at,
        worker_heartbeat_age=session.worker_heartbeat_age,
    )


def _warm(sandbox: Sandbox) -> SandboxStatus:
    return SandboxStatus(
        sandbox_id=sandbox.name,
        state="warm",
        session_id=None,
        work_id=None,
        address=str(sandbox.address),
        since=sandbox.made_at,
        worker_heartbeat_age=None,
    )
