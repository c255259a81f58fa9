"""The secrets that the dispatcher passes on: the inspecting CA and injected credentials to Envoy, sinks' credentials to the shipper.

Used by `dispatcher`, which waits for `authority` and runs `keep` as a task.
"""

from __future__ import annotations

import asyncio

import structlog

from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.egress import Egress
from domicile_host.dispatcher.errors import DispatcherError, SecretMissing, SecretsAway
from domicile_host.dispatcher.ledger import write_whole
from domicile_host.dispatcher.secrets_manager import SecretsManager
from domicile_host.egress.authority import AuthorityPem
from domicile_host.settings import HostSettings

log = structlog.get_logger(__name__)


class Supplies:
    """Reads those secrets again now and then, and passes on what has changed."""

    def __init__(self, settings: HostSettings, secrets: SecretsManager, bounds: Bounds) -> None:
        self._settings = settings
        self._secrets = secrets
        self._bounds = bounds
        self._injected: dict[str, str] = {}
        self.problem: str | None = "the egress proxy's CA hasn't been read yet"
        """What is missing, for the status."""

    async def authority(self) -> AuthorityPem:
        """The inspecting CA; waits until the secrets manager has it."""
        while True:
            try:
                found = await self._secrets.authority()
            except (SecretMissing, SecretsAway) as error:
                self._wait_for(str(error))
            else:
                self.problem = None
                return found
            await asyncio.sleep(self._bounds.key_wait_seconds)

    async def credentials(self) -> dict[str, str]:
        """Values of the injected credentials by name; one that is missing is reported, and its rule refuses at the proxy."""
        names = {rule.credential.name for rule in self._settings.egress.rules if rule.credential}
        self._injected = await self._values(names)
        return dict(self._injected)

    async def keep(self, egress: Egress) -> None:
        """Passes on credentials, and what has changed of them, until cancelled."""
        while True:
            await self._give_shipper()
            before = dict(self._injected)
            if await self.credentials() != before:
                await self._give_envoy(egress)
            await asyncio.sleep(self._bounds.key_reread_seconds if self.problem is None else self._bounds.key_wait_seconds)

    async def _give_envoy(self, egress: Egress) -> None:
        try:
            await egress.replace_credentials(self._injected)
        except DispatcherError as error:
            self._injected = {}
            log.warning("credentials.not-confirmed", problem=str(error))

    async def _give_shipper(self) -> None:
        names = {
            name
            for sink in self._settings.audit.sinks
            if (name := getattr(sink, "token_from", None) or getattr(sink, "headers_from", None))
        }
        folder = self._settings.places.shipper_secrets
        for name, value in (await self._values(names)).items():
            path = folder / name
            if not path.is_file() or await asyncio.to_thread(path.read_text) != value:
                await asyncio.to_thread(write_whole, path, value.encode(), mode=0o440, sync=False)

    async def _values(self, names: set[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        self.problem = None
        for name in sorted(names):
            try:
                found[name] = await self._secrets.credential(name)
            except (SecretMissing, SecretsAway) as error:
                self._wait_for(str(error))
        return found

    def _wait_for(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("secrets.waiting", problem=problem)
        self.problem = problem
