"""The life of one session, from the claimed item to the closed record. Made by `claims`, and by `adoption` after a restart.

Whatever happens, `run` ends in the same steps: no process of the sandbox left, identity withdrawn, `stop` posted (unless the
lease is someone else's), link and namespace gone, ledger entry removed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import structlog
from pydantic import SecretStr

from domicile_host.audit.event import Event, Outcome, Recorder
from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.errors import DispatcherError, ItemGone, KeyRefused, QueueAway, QueueSlowed
from domicile_host.dispatcher.identity import Identities
from domicile_host.dispatcher.item_secrets import ItemSecrets
from domicile_host.dispatcher.key import EnvironmentKey
from domicile_host.dispatcher.lease import Lease, LeaseEnded
from domicile_host.dispatcher.ledger import Entry, Held, Ledger
from domicile_host.dispatcher.metrics import Metrics
from domicile_host.dispatcher.queue import SIGNED, Beat, WorkQueue
from domicile_host.dispatcher.retry import pauses
from domicile_host.dispatcher.sandboxes import Sandbox, Sandboxes
from domicile_host.gateway.binding import Binding, GatewayEvent
from domicile_host.settings import HostSettings

log = structlog.get_logger(__name__)

State = Literal["claimed", "live", "ending"]
SOON_SECONDS = 10.0


class Cause(StrEnum):
    """Why a session's sandbox was ended."""

    WORKER_STOPPED = "worker-stopped"
    SESSION_ENDED = "session-ended"
    STOPPED = "stopped"
    LEASE_LOST = "lease-lost"
    LEASE_ASSUMED_LOST = "lease-assumed-lost"
    LEASE_REJECTED = "lease-rejected"
    SANDBOX_GONE = "sandbox-gone"
    WORKER_SILENT = "worker-silent"
    TIME_LIMIT = "time-limit"
    OFFERED_AGAIN = "offered-again"
    SUPERSEDED = "superseded"
    DRAINED = "drained"
    NOT_ACKED = "not-acked"
    NOT_BOUND = "not-bound"
    FAILED = "failed"


ORDERLY = frozenset({Cause.WORKER_STOPPED, Cause.SESSION_ENDED, Cause.STOPPED, Cause.TIME_LIMIT, Cause.DRAINED})
NOT_OURS_TO_STOP = frozenset({Cause.LEASE_LOST, Cause.LEASE_ASSUMED_LOST, Cause.OFFERED_AGAIN, Cause.NOT_ACKED})


@dataclass(frozen=True, slots=True)
class Parts:
    """What a session's life is made with; one set a dispatcher."""

    settings: HostSettings
    queue: WorkQueue
    key: EnvironmentKey
    sandboxes: Sandboxes
    identities: Identities
    ledger: Ledger
    recorder: Recorder
    metrics: Metrics
    bounds: Bounds
    gateway_since: Callable[[], float | None]
    """When the gateway's events began to come, on the monotonic clock; None while they don't."""


class Session:
    """One session and its sandbox."""

    def __init__(self, parts: Parts, sandbox: Sandbox, held: Held, item: ItemSecrets | None, adopted: bool = False) -> None:
        self._parts = parts
        self.sandbox = sandbox
        self.held = held
        self._item = item
        self._adopted = adopted
        self._lease = Lease(parts.queue, held, self._credentials, self._beaten, parts.metrics, parts.bounds)
        self._cause: asyncio.Future[Cause] = asyncio.get_running_loop().create_future()
        self._asked: Cause | None = None
        """Why the worker is on its way out, once it is."""
        self._claim_sent = held.acked
        """The control plane may take the item for ours; one that was never acked is offered again by itself."""
        self._worker_at: float | None = None
        self._claimed = time.monotonic()
        self._noting = asyncio.Lock()
        self.state: State = "claimed"
        self.ended = asyncio.Event()
        """Set when nothing of the session is left on this host."""

    @property
    def leaving(self) -> bool:
        """Something has ended it."""
        return self._cause.done()

    @property
    def worker_heartbeat_age(self) -> float | None:
        return None if self._worker_at is None else time.monotonic() - self._worker_at

    def end(self, cause: Cause) -> None:
        """Ends the session; the first cause stands."""
        if not self._cause.done():
            log.info("session.ending", session=self.held.session_id, cause=cause.value)
            self._cause.set_result(cause)

    def heard(self, event: GatewayEvent) -> None:
        """The gateway noticed something about this session."""
        if event.session_id != self.held.session_id or event.work_id != self.held.work_id:
            return
        if event.event == "worker-stopped":
            self.end(self._asked or Cause.WORKER_STOPPED)
        elif event.event == "session-ended":
            self._give_grace(Cause.SESSION_ENDED)
        else:
            self._worker_at = time.monotonic()

    async def ask_to_stop(self, why: Cause) -> None:
        """Tells the worker to stop and waits for no more than the grace; a session that isn't live yet ends at once."""
        if self._asked is not None:
            return
        self._give_grace(why)
        if self.state == "claimed":
            self.end(why)
            return
        try:
            await self._parts.identities.stopping(self.sandbox.address)
        except DispatcherError as error:
            log.warning("session.cannot-ask-worker", session=self.held.session_id, problem=str(error))

    def _give_grace(self, why: Cause) -> None:
        """The worker finishes by itself (it posts what it has and syncs memory), or is ended after the grace."""
        if self._asked is None:
            self._asked = why
            asyncio.get_running_loop().call_later(self._parts.bounds.stopping_seconds, self.end, why)

    async def bind_again(self) -> None:
        """The gateway is back: it is told of this session once more. Raises as `Identities.bind_again`."""
        if self.state == "live":
            await self._parts.identities.bind_again(self._binding())

    async def run(self) -> None:
        """Lives the session to its end. Cancelled, it leaves everything for the next dispatcher to adopt."""
        serving = asyncio.create_task(self._serve())
        try:
            cause = await self._cause
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        self.state = "ending"
        await self._end(cause)
        self.ended.set()

    # --- while it lives ----------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Every way out of here is a cause; none is silent."""
        try:
            await self._begin()
            async with asyncio.TaskGroup() as watching:
                watching.create_task(self._lease.hold(lambda: self.ask_to_stop(Cause.STOPPED)))
                watching.create_task(self._watch_worker())
                watching.create_task(self._watch_time())
        except* LeaseEnded as ended:
            self.end(Cause(str(_first(ended))))
        except* TimeoutError:
            self.end(Cause.NOT_BOUND)
        except* (ItemGone, KeyRefused) as refused:
            log.warning("session.not-acked", session=self.held.session_id, problem=str(_first(refused)))
            self.end(Cause.NOT_ACKED)
        except* Exception as error:
            log.error("session.failed", session=self.held.session_id, exc_info=_first(error))
            self.end(Cause.FAILED)

    async def _begin(self) -> None:
        """Ack, first heartbeat, identity; only then does the worker get its item."""
        if self._item is None:
            self.end(Cause.SANDBOX_GONE)
            return
        async with asyncio.TaskGroup() as confirming:
            confirming.create_task(self._take())
            if not self.held.admitted:
                confirming.create_task(self._parts.identities.admit(self.sandbox.address, self.held.session_id))
        await self._parts.identities.bind(self._binding())
        self.state = "live"
        if not self._adopted:
            self._parts.metrics.bound.observe(time.monotonic() - self._claimed)
        await self._record("session.bound", address=str(self.sandbox.address))
        await self._note(admitted=True)

    async def _take(self) -> None:
        """Ack, then first heartbeat; meanwhile the gateway reads ahead."""
        async with asyncio.TaskGroup() as taking:
            if not self.held.acked:
                await self._ack()
                taking.create_task(self._parts.identities.announce(self._binding()))
                # A dispatcher killed before this is on disk acks again, and learns from the heartbeat whose the item is.
                taking.create_task(self._note(acked=True))
            taking.create_task(self._lease.beat())

    async def _ack(self) -> None:
        """A refusal that follows an unanswered ack may be the echo of that ack: then the heartbeat tells whose the item is."""
        unanswered = self._adopted
        for pause in pauses(self._parts.bounds):
            async with asyncio.timeout(self._parts.bounds.bind_seconds):
                key = await self._parts.key.wait()
            self._claim_sent = True
            try:
                return await self._parts.queue.ack(self.held.work_id, key)
            except KeyRefused as refused:
                self._parts.key.refuse(key, str(refused))
                raise
            except ItemGone:
                if unanswered:
                    return None
                raise
            except (QueueAway, QueueSlowed) as error:
                log.warning("session.ack-failed", session=self.held.session_id, problem=str(error))
                if time.monotonic() - self._claimed > self._parts.bounds.bind_seconds:
                    raise TimeoutError from error
                unanswered = True
            await asyncio.sleep(pause)
        return None

    async def _watch_worker(self) -> None:
        """Silence counts only while the gateway could be heard."""
        most, bound_at = self._parts.bounds.worker_silence_seconds, time.monotonic()
        while True:
            since = self._parts.gateway_since()
            now = time.monotonic()
            heard = max(self._worker_at or bound_at, since if since is not None else now)
            if now - heard >= most:
                return self.end(Cause.WORKER_SILENT)
            await asyncio.sleep(most - (now - heard))

    async def _watch_time(self) -> None:
        left = self.held.claimed_at + self._parts.settings.sandboxes.limits.session_seconds - time.time()
        await asyncio.sleep(max(0.0, left))
        await self.ask_to_stop(Cause.TIME_LIMIT)

    async def _beaten(self, beat: Beat) -> None:
        """The first goes into the ledger with what follows it: after a kill before that, the ack in there tells that a beat may be ours."""
        told = {"last_heartbeat": beat.last_heartbeat, "beat_at": time.time(), "ttl_seconds": beat.ttl_seconds}
        if self.state == "claimed" and not beat.stopped:
            self.held = self.held.model_copy(update=told)
            await self._record("session.leased", adopted=self._adopted)
        else:
            await self._note(**told)

    async def _note(self, **changes: object) -> None:
        """Puts what has changed into the ledger. A full disk doesn't end a session that a restart might not find."""
        self.held = self.held.model_copy(update=changes)
        try:
            async with self._noting:
                await self._parts.ledger.put(self.entry())
        except OSError as error:
            log.error("ledger.not-written", session=self.held.session_id, problem=str(error))

    def entry(self) -> Entry:
        """The session's line in the ledger."""
        sandbox = self.sandbox
        return Entry(
            sandbox_id=sandbox.id, address=sandbox.address, made_at=sandbox.made_at, container_id=sandbox.container_id, held=self.held
        )

    def _binding(self) -> Binding:
        if self._item is None:
            raise RuntimeError("a session without its item's secrets is never bound")
        return Binding(
            source=self.sandbox.address,
            sandbox_id=self.sandbox.name,
            session_id=self.held.session_id,
            work_id=self.held.work_id,
            environment_id=self.held.environment_id,
            token=self._item.token,
            capability=self._item.capability,
            idle_seconds=self._parts.settings.sandboxes.limits.idle_seconds,
        )

    def _credentials(self) -> list[SecretStr]:
        """In the order to try them: the item's own token, then the key to the queue. Where a role signs, nothing else counts."""
        if self._parts.settings.signing is not None:
            return [SIGNED]
        item = [self._item.token] if self._item and self._item.token else []
        key = self._parts.key.value
        return item + ([key] if key else [])

    # --- the end -----------------------------------------------------------------------------------------------------------

    async def _end(self, cause: Cause) -> None:
        """The container goes and the identity is withdrawn at once; `stop` waits for both, but not for ever."""
        parts, sandbox = self._parts, self.sandbox
        if cause in NOT_OURS_TO_STOP:
            await self._note(lost=True)
        leaving = [asyncio.create_task(step) for step in (parts.sandboxes.kill(sandbox), parts.identities.withdraw(sandbox.address))]
        await asyncio.wait(leaving, timeout=SOON_SECONDS)
        stopped = self._claim_sent and not self.held.lost and await self._stop()
        await asyncio.gather(*leaving)
        await parts.sandboxes.clear(sandbox)
        parts.metrics.sessions.labels(cause.value).inc()
        seconds = round(time.time() - self.held.claimed_at, 3)
        await self._record(
            "session.ended", outcome="success" if cause in ORDERLY else "failure", reason=cause.value, stopped=stopped, seconds=seconds
        )

    async def _stop(self) -> bool:
        """Posts the item's forced stop until it is taken, within `stop_seconds`; after that the lapsed lease hands the item back."""
        give_up = time.monotonic() + self._parts.bounds.stop_seconds
        for pause in pauses(self._parts.bounds):
            for credential in self._credentials():
                try:
                    await self._parts.queue.stop(self.held.work_id, credential)
                except (KeyRefused, QueueAway, QueueSlowed) as error:
                    log.warning("session.stop-failed", session=self.held.session_id, problem=str(error))
                except ItemGone as gone:
                    log.warning("session.already-gone", session=self.held.session_id, problem=str(gone))
                    return False
                else:
                    return True
            if time.monotonic() + pause > give_up:
                log.error("session.not-stopped", session=self.held.session_id, work=self.held.work_id)
                return False
            await asyncio.sleep(pause)
        return False

    async def _record(self, activity: str, outcome: Outcome = "success", reason: str = "", **detail: str | float | bool) -> None:
        """A journal that can't be written ends a session that is beginning, and doesn't stop one that is ending."""
        event = Event(
            activity=activity,
            outcome=outcome,
            reason=reason,
            session_id=self.held.session_id,
            work_id=self.held.work_id,
            sandbox_id=self.sandbox.name,
            detail=detail,
        )
        try:
            await self._parts.recorder.append(event)
        except OSError as error:
            log.error("audit.not-recorded", activity=activity, problem=str(error))
            if self.state == "claimed":
                raise


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
