"""The internet of a local perimeter: a DNS server that knows a table of names, and web origins that say what reached them.

`python -m domicile_control_plane outside` serves it. It shows what a perimeter lets out: every name asked for and every
request is a line of its log, and of each credential only the SHA-256 is shown.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from ..log import Logger
from ..tls import Authority
from .dns import serve_names
from .origins import serve_origins


@dataclass(frozen=True)
class Outside:
    """What there is outside.

    Args:
        names: host name to address; every other name doesn't exist.
        origins_address: where the web origins listen; they answer for the names that lead there.
        tls_folder: where the origins' CA is kept; `ca.pem` in it is what a client must trust.
    """

    names: dict[str, IPv4Address]
    tls_folder: Path
    dns_address: str = "127.0.0.1"
    dns_port: int = 53
    origins_address: str = "127.0.0.1"
    http_port: int = 80
    https_port: int = 443


@dataclass(frozen=True)
class Ports:
    """Where it listens, for those who asked for any free port."""

    dns: int
    http: int
    https: int
    ca_file: Path = field(default_factory=Path)


@asynccontextmanager
async def serve(outside: Outside, log: Logger) -> AsyncIterator[Ports]:
    """Answer as long as the block runs."""
    authority = Authority(outside.tls_folder, "Domicile outside world")
    served = [name for name, address in outside.names.items() if str(address) == outside.origins_address]
    async with AsyncExitStack() as stack:
        dns = await stack.enter_async_context(serve_names(outside.names, outside.dns_address, outside.dns_port, log))
        address = outside.origins_address
        http = await stack.enter_async_context(serve_origins(served, address, outside.http_port, None, log))
        tls = authority.contexts_by_name(*served)
        https = await stack.enter_async_context(serve_origins(served, address, outside.https_port, tls, log))
        yield Ports(dns, http, https, authority.certificate_file)
