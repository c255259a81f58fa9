"""The environment key: read from the secrets manager, kept in memory, watched for rotation.

`EnvironmentKey.run` is a task of the dispatcher; `claims` and `session` read `value`, and report a refusal.
"""

from __future__ import annotations

import asyncio
from typing import Literal

import structlog
from pydantic import SecretStr

from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.errors import SecretMissing, SecretsAway
from domicile_host.dispatcher.secrets_manager import SecretsManager

log = structlog.get_logger(__name__)

State = Literal["absent", "present", "refused"]


class EnvironmentKey:
    """Holds the key's value. `absent` and `refused` are looked into every few seconds, `present` now and then."""

    def __init__(self, secrets: SecretsManager, bounds: Bounds) -> None:
        self._secrets = secrets
        self._bounds = bounds
        self._value: SecretStr | None = None
        self._look_now = asyncio.Event()
        self.usable = asyncio.Event()
        """Set while there is a value that the control plane hasn't refused."""
        self.state: State = "absent"
        self.problem = "the environment key hasn't been read yet"

    @property
    def value(self) -> SecretStr | None:
        return self._value

    async def wait(self) -> SecretStr:
        """The key, once there is one that isn't refused."""
        while True:
            await self.usable.wait()
            if self._value is not None:
                return self._value

    def accept(self) -> None:
        """The control plane answered a poll. A key that it refused isn't tried again."""

    def refuse(self, value: SecretStr, why: str) -> None:
        """The control plane refused `value`: wait for another. `why` is for the log: what to do is always to put a new one."""
        log.warning("key.refused-by-control-plane", problem=why)
        if value == self._value and self.state != "refused":
            self._become("refused", "the control plane refuses the environment key: put a new one with `domicile key`")
            self._look_now.set()

    async def run(self) -> None:
        """Looks for the key until cancelled."""
        while True:
            await self._look()
            pause = self._bounds.key_reread_seconds if self.state == "present" else self._bounds.key_wait_seconds
            self._look_now.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._look_now.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        try:
            value = SecretStr(await self._secrets.environment_key())
        except SecretMissing:
            return self._lose("there is no environment key yet: put one with `domicile key`")
        except SecretsAway as away:
            return self._away(str(away))
        if not value.get_secret_value():
            return self._lose("the environment key's secret is empty: put one with `domicile key`")
        if value != self._value:
            self._value = value
            self._become("present", "")
        elif self.state == "absent":
            self._become("present", "")
        return None

    def _away(self, problem: str) -> None:
        """A key in memory stays good while the secrets manager is away."""
        if self._value is None:
            self._become("absent", problem)

    def _lose(self, problem: str) -> None:
        self._value = None
        self._become("absent", problem)

    def _become(self, state: State, problem: str) -> None:
        if (state, problem) != (self.state, self.problem):
            log.info("key." + state, problem=problem or None)
        self.state, self.problem = state, problem
        if state == "present":
            self.usable.set()
        else:
            self.usable.clear()
