"""The shipper: a process of its own that seals Envoy's access log and carries every journal to the archive and to every sink.

Started as `python -m domicile_host shipper SETTINGS.json`; needs no privileges. It reads the journals (by their group), and writes the
archive, the cursors and the journals `egress` and `shipper`. Each pair of journal and destination has a carrier of its own, so that a
sink that is down holds nothing up but itself; the journals are the queue, and keep what any destination still lacks.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field

import structlog

from domicile_host.audit import retention, status
from domicile_host.audit.archive import Archive
from domicile_host.audit.carrier import Carrier, Pulse
from domicile_host.audit.cursor import Cursor, DeadLetters
from domicile_host.audit.egress_log import EgressLog
from domicile_host.audit.event import Event
from domicile_host.audit.follower import Follower
from domicile_host.audit.journal import Journal
from domicile_host.audit.reader import sources
from domicile_host.audit.record import GENESIS
from domicile_host.audit.segments import ChainBrokenError
from domicile_host.audit.sinks import Sink, make
from domicile_host.settings import HostSettings

LOOK_SECONDS = 1.0
RETIRE_SECONDS = 60.0
DRAIN_SECONDS = 8.0
"""After SIGTERM: what sinks get to take what is left, within the 10 s that container engines give. What they don't take waits on disk."""

log = structlog.get_logger("shipper")


async def serve(settings: HostSettings) -> None:
    """Ships until SIGTERM or SIGINT, then drains and returns. Raises `ChainBrokenError` for a journal of its own that was tampered with."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await Shipper(settings).run(stop)


@dataclass(slots=True)
class _Destination:
    """The archive, or a sink."""

    name: str
    sink: Sink | None = None
    pulse: Pulse = field(default_factory=Pulse)


class Shipper:
    """All carriers of one host."""

    def __init__(self, settings: HostSettings) -> None:
        """Opens nothing yet."""
        self._settings = settings
        sinks = [make(sink, settings.places.shipper_secrets, settings.proxy_url) for sink in settings.audit.sinks]
        self.destinations = [_Destination("archive"), *(_Destination(sink.name, sink) for sink in sinks)]
        self.carriers: dict[tuple[str, str], Carrier] = {}
        self.obstacles: dict[tuple[str, str], str] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Ships until `stop` is set."""
        self._own = await Journal.of(self._settings, "shipper")
        self._egress = await Journal.of(self._settings, "egress")
        self._tail = EgressLog(self._settings.places.egress_log, self._egress)
        await self._own.append(Event(activity="service.started"))
        server = await status.start(self)
        try:
            async with asyncio.TaskGroup() as group:
                tailing = group.create_task(self._tail.run())
                others = [group.create_task(self._retire()), group.create_task(self._look(group))]
                await stop.wait()
                await _cancelled(tailing)
                await self._drain()
                await _cancelled(*others, *self._tasks)
        finally:
            await self._close()
            await server.cleanup()

    @property
    def settings(self) -> HostSettings:
        """What the host was told."""
        return self._settings

    @property
    def last_errors(self) -> dict[tuple[str, str], str]:
        """What each pair of source and destination waits for."""
        waiting = {pair: carrier.tally.last_error for pair, carrier in self.carriers.items() if carrier.tally.last_error}
        return {**waiting, **self.obstacles}

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Starts a carrier for each pair of source and destination, as sources appear."""
        while True:
            for source in await asyncio.to_thread(sources, self._settings.audit.journal):
                for destination in self.destinations:
                    if (source, destination.name) not in self.carriers:
                        await self._start(group, source, destination)
            await asyncio.sleep(LOOK_SECONDS)

    async def _start(self, group: asyncio.TaskGroup, source: str, destination: _Destination) -> None:
        pair = (source, destination.name)
        try:
            carrier = await asyncio.to_thread(self._carrier, source, destination)
        except (ChainBrokenError, OSError, ValueError) as error:
            # One pair that can't start must not keep the others; the status shows it, and it is tried again.
            if self.obstacles.get(pair) != str(error):
                log.error("cannot-carry", source=source, destination=destination.name, reason=str(error))
            self.obstacles[pair] = str(error)
            return
        self.obstacles.pop(pair, None)
        self.carriers[pair] = carrier
        self._tasks.append(group.create_task(carrier.run()))

    def _carrier(self, source: str, destination: _Destination) -> Carrier:
        audit = self._settings.audit
        journal = audit.journal / source
        if destination.sink is None:
            archive = Archive(audit.archive / source)
            dead = DeadLetters(audit.archive / source / "damaged.jsonl")
            follower = Follower(journal, archive.head or GENESIS, self._settings.host)
            return Carrier(source, archive, archive, follower, dead, destination.pulse, self._own.append)
        folder = audit.cursors / destination.name
        cursor, dead = Cursor(folder / f"{source}.json"), DeadLetters(folder / f"{source}.refused.jsonl")
        follower = Follower(journal, cursor.head, self._settings.host)
        return Carrier(source, destination.sink, cursor, follower, dead, destination.pulse, self._own.append)

    async def _retire(self) -> None:
        """Removes old segments that every destination has confirmed."""
        while True:
            await asyncio.sleep(RETIRE_SECONDS)
            for source in sources(self._settings.audit.journal):
                places = [self.carriers.get((source, destination.name)) for destination in self.destinations]
                confirmed = [carrier.place.head if carrier else None for carrier in places]
                await asyncio.to_thread(retention.retire, self._settings.audit.journal / source, confirmed)

    async def _drain(self) -> None:
        """Seals what Envoy wrote last, and gives the destinations a bounded time to take all that is in the journals."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while await self._tail.take():
                    pass
                await self._own.append(Event(activity="service.stopped"))
                for carrier in self.carriers.values():
                    carrier.follower.look_again()
                while not all(carrier.idle for carrier in self.carriers.values()):  # noqa: ASYNC110 (many carriers, once in a lifetime)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            log.warning("drain-ended", waiting={" to ".join(pair): error for pair, error in self.last_errors.items()})
        except OSError as error:
            log.error("drain-ended", reason=str(error))

    async def _close(self) -> None:
        self._tail.close()
        for carrier in self.carriers.values():
            if isinstance(carrier.sink, Archive):
                await carrier.sink.close()
        for destination in self.destinations:
            if destination.sink:
                await destination.sink.close()
        await self._egress.close()
        await self._own.close()


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
