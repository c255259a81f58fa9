"""The dispatcher's way to Envoy's policy: the policy server, from when the secrets that it needs have been read.

Used by `identity` and `dispatcher`. Until it is started Envoy keeps what it was last told, so adopted sessions keep their
allowlists, and a session that ends by then is simply not in the first policy that is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Protocol

import structlog

from domicile_host.dispatcher.errors import EgressAway

log = structlog.get_logger(__name__)


class PolicyServing(Protocol):
    """What is needed of `domicile_host.egress.PolicyServer`."""

    @property
    def connected(self) -> bool: ...

    async def start(self, admitted: Mapping[str, str]) -> None: ...

    async def stop(self) -> None: ...

    async def admit(self, source: str, session_id: str) -> None: ...

    async def withdraw(self, source: str) -> None: ...

    async def replace_credentials(self, credentials: Mapping[str, str]) -> None: ...


class Egress:
    """Admits and withdraws addresses; its failures are `EgressAway`."""

    def __init__(self) -> None:
        self._server: PolicyServing | None = None

    @property
    def connected(self) -> bool:
        return self._server is not None and self._server.connected

    async def serve(self, server: PolicyServing, admitted: Mapping[IPv4Address, str]) -> None:
        """From now on `server` speaks to Envoy, first of the sessions in hand."""
        self._server = server  # before it starts, so that a session ending meanwhile is withdrawn from it
        await server.start({str(source): session_id for source, session_id in admitted.items()})

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()

    async def admit(self, source: IPv4Address, session_id: str) -> None:
        """Returns once Envoy lets the session's allowlist out from `source`."""
        from domicile_host.egress import PolicyRefused, PolicyUnconfirmed

        if self._server is None:
            raise EgressAway("the egress policy isn't served yet")
        try:
            await self._server.admit(str(source), session_id)
        except (PolicyRefused, PolicyUnconfirmed) as error:
            raise EgressAway(f"the egress proxy doesn't confirm {source}: {error}") from error

    async def withdraw(self, source: IPv4Address) -> None:
        """Returns once Envoy refuses `source` and its live connections are cut."""
        from domicile_host.egress import PolicyUnconfirmed
        from domicile_host.egress.tunnels import TunnelsAliveError

        if self._server is None:
            return
        try:
            await self._server.withdraw(str(source))
        except PolicyUnconfirmed as error:
            raise EgressAway(f"the egress proxy doesn't confirm that {source} is out: {error}") from error
        except TunnelsAliveError as error:  # the link goes before the address is another's, and with it what they carry
            log.error("egress.tunnels-not-cut", source=str(source), problem=str(error))

    async def replace_credentials(self, credentials: Mapping[str, str]) -> None:
        from domicile_host.egress import PolicyRefused, PolicyUnconfirmed

        if self._server is None:
            return
        try:
            await self._server.replace_credentials(credentials)
        except (PolicyRefused, PolicyUnconfirmed) as error:
            raise EgressAway(f"the egress proxy doesn't confirm new credentials: {error}") from error
