"""A session's identity: its sandbox's address, bound in Envoy and in the session gateway, and withdrawn from both.

Used by `session`.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import structlog

from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.egress import Egress
from domicile_host.dispatcher.errors import GatewayAway, GatewayRefused
from domicile_host.dispatcher.gateway import Gateway
from domicile_host.dispatcher.retry import until_done
from domicile_host.gateway.binding import Binding

log = structlog.get_logger(__name__)


class Identities:
    """Binds and withdraws."""

    def __init__(self, egress: Egress, gateway: Gateway, bounds: Bounds) -> None:
        self._egress = egress
        self._gateway = gateway
        self._bounds = bounds

    async def announce(self, binding: Binding) -> None:
        """Lets the gateway read ahead. Binding doesn't depend on it: a failure is told in the log only."""
        try:
            await self._gateway.announce(binding)
        except (GatewayAway, GatewayRefused) as error:
            log.warning("session.not-announced", session=binding.session_id, problem=str(error))

    async def admit(self, source: IPv4Address, session_id: str) -> None:
        """Returns once Envoy has confirmed. Comes before `bind`, upon which the gateway gives the worker its item.

        Retries within `bind_seconds`, then raises `TimeoutError`, as `bind` does.
        """
        async with asyncio.timeout(self._bounds.bind_seconds):
            await until_done("admit a session at the egress proxy", lambda: self._egress.admit(source, session_id), self._bounds)

    async def bind(self, binding: Binding) -> None:
        """Returns once the gateway has confirmed; the worker may have its item by then."""
        async with asyncio.timeout(self._bounds.bind_seconds):
            await until_done("bind a session at the gateway", lambda: self._gateway.bind(binding), self._bounds)

    async def bind_again(self, binding: Binding) -> None:
        """After the gateway was away: it may have lost its memory."""
        await self._gateway.bind(binding)

    async def stopping(self, source: IPv4Address) -> None:
        await self._gateway.stopping(source)

    async def withdraw(self, source: IPv4Address) -> None:
        """Returns once both refuse the address and have cut what it had open. Retries until done."""
        await asyncio.gather(
            until_done("withdraw a session at the gateway", lambda: self._gateway.unbind(source), self._bounds),
            until_done("withdraw a session at the egress proxy", lambda: self._egress.withdraw(source), self._bounds),
        )
