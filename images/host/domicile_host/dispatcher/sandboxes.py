"""Makes sandboxes and takes them away: ledger entry, link, container, in that order, and back.

Used by `pool`, `session` and `adoption`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import structlog

from domicile_host.audit.event import Event, Recorder
from domicile_host.dispatcher import container
from domicile_host.dispatcher.addresses import Addresses
from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.engine import Engine
from domicile_host.dispatcher.errors import DispatcherError
from domicile_host.dispatcher.ledger import Entry, Ledger
from domicile_host.dispatcher.links import Links
from domicile_host.dispatcher.metrics import Metrics
from domicile_host.dispatcher.retry import until_done
from domicile_host.settings import HostSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A started sandbox. `name` is its container's."""

    id: str
    name: str
    address: IPv4Address
    container_id: str
    made_at: float


class Sandboxes:
    """What exists of sandboxes on this host."""

    def __init__(
        self, settings: HostSettings, engine: Engine, links: Links, ledger: Ledger, recorder: Recorder, metrics: Metrics, bounds: Bounds
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._links = links
        self._ledger = ledger
        self._recorder = recorder
        self._metrics = metrics
        self._bounds = bounds
        self._addresses = Addresses(settings.network)
        self.image_id = ""
        """Set by `start`, once the image's signature has been verified."""

    def of(self, entry: Entry) -> Sandbox:
        """The sandbox that a ledger entry of an earlier dispatcher tells of; its address counts as used from here on."""
        self._addresses.hold([entry.address])
        return Sandbox(entry.sandbox_id, self.name(entry.sandbox_id), entry.address, entry.container_id or "", entry.made_at)

    def name(self, sandbox_id: str) -> str:
        return container.name(self._settings.stack, sandbox_id)

    async def make(self) -> Sandbox:
        """A new started sandbox, with no identity yet: it reaches the proxy's address, where everything is refused.

        Raises a `DispatcherError` or `OSError`, and then leaves nothing.
        """
        begun = time.monotonic()
        sandbox_id, address = secrets.token_hex(4), self._addresses.take()
        making = asyncio.create_task(self._make(sandbox_id, address))
        try:
            sandbox = await asyncio.shield(making)
        except BaseException:
            self._metrics.sandbox_failures.inc()
            await asyncio.wait([making])  # the engine goes on with what it was asked; what it makes after a removal would stay
            await self.destroy(Sandbox(sandbox_id, self.name(sandbox_id), address, "", 0.0))
            raise
        self._metrics.made.observe(time.monotonic() - begun)
        return sandbox

    async def _make(self, sandbox_id: str, address: IPv4Address) -> Sandbox:
        entry = Entry(sandbox_id=sandbox_id, address=address, made_at=time.time())
        await self._ledger.put(entry)
        namespace = await self._links.make(sandbox_id, address)
        spec = container.spec(self._settings, sandbox_id, self.image_id, namespace)
        container_id = await self._engine.create(spec)
        await self._recorder.append(self._created(sandbox_id, address))
        await self._engine.start(container_id)
        await self._ledger.put(entry.model_copy(update={"container_id": container_id}))
        return Sandbox(sandbox_id, spec["name"], address, container_id, entry.made_at)

    def _created(self, sandbox_id: str, address: IPv4Address) -> Event:
        sandboxes = self._settings.sandboxes
        detail = {"address": str(address), "image": f"{sandboxes.image.reference}@{sandboxes.image.digest}", "runtime": sandboxes.runtime}
        return Event(activity="sandbox.created", sandbox_id=self.name(sandbox_id), detail=detail)

    async def try_from(self, sandbox: Sandbox, command: Sequence[str]) -> int:
        """The exit code of a command on a sandbox's link: in a container confined as it is, which takes part in its network and in no more.

        Not inside the sandbox itself: a container that commands were run in keeps processes of the engine's for five minutes after its end.
        What the command prints goes nowhere.
        """
        sandbox_id = secrets.token_hex(4)  # of its own, by which a later dispatcher knows it for a stray
        spec = container.spec(self._settings, sandbox_id, self.image_id, self._links.path(sandbox.id))
        try:
            container_id = await self._engine.create({**spec, "entrypoint": [*command], "command": []})
            await self._engine.start(container_id)
            return await self._engine.exit_code(container_id)
        finally:
            await until_done(f"remove container {spec['name']}", lambda: self._engine.remove(spec["name"]), self._bounds)

    async def is_running(self, sandbox: Sandbox) -> bool:
        return await self._engine.running(sandbox.container_id)

    async def running(self) -> set[str]:
        """Names of this host's running sandbox containers."""
        found = await self._engine.containers(**container.Labels(self._settings.stack, self._settings.host).of_host())
        return {each.names[0] for each in found if each.running}

    async def kill(self, sandbox: Sandbox) -> None:
        """Returns once no process of the sandbox is left; its link stays. Retries until done."""
        await until_done(f"remove container {sandbox.name}", lambda: self._engine.remove(sandbox.name), self._bounds)

    async def clear(self, sandbox: Sandbox) -> None:
        """Removes what is left of a killed sandbox, last the ledger entry. Its address may then be another's."""
        await until_done(f"remove link of {sandbox.name}", lambda: self._links.remove(sandbox.id), self._bounds)
        await until_done(f"close ledger entry of {sandbox.name}", lambda: self._ledger.remove(sandbox.id), self._bounds)
        self._addresses.give_back(sandbox.address)

    async def destroy(self, sandbox: Sandbox) -> None:
        await self.kill(sandbox)
        await self.clear(sandbox)


class SandboxUnsure(DispatcherError):
    """No sandbox could be made ready in time."""
