"""A DNS server with a table of names: A records for those, NXDOMAIN for all others, a log line for every question."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import IPv4Address
from typing import cast

from dnslib import QTYPE, RCODE, RR, A, DNSError, DNSRecord  # type: ignore[import-untyped]  # the package carries no types

from ..log import Logger

TTL_SECONDS = 5


@asynccontextmanager
async def serve_names(names: Mapping[str, IPv4Address], address: str, port: int, log: Logger) -> AsyncIterator[int]:
    """Answer over UDP and TCP; yields the port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(names, log), local_addr=(address, port))
    chosen: int = transport.get_extra_info("sockname")[1]
    try:
        server = await asyncio.start_server(partial(_conversation, names, log), address, chosen)
        async with server:
            yield chosen
    finally:
        transport.close()


def answer(names: Mapping[str, IPv4Address], question: bytes, source: str, log: Logger) -> bytes | None:
    """The answer to one message; none to what isn't DNS."""
    try:
        asked = DNSRecord.parse(question)
    except DNSError:
        log("dns-malformed", source=source, bytes=len(question))
        return None
    reply = asked.reply()
    name = str(asked.q.qname).rstrip(".").lower()
    kind = QTYPE.get(asked.q.qtype)
    address = names.get(name)
    if address is None:
        reply.header.rcode = RCODE.NXDOMAIN
    elif kind == "A":
        reply.add_answer(RR(asked.q.qname, QTYPE.A, rdata=A(str(address)), ttl=TTL_SECONDS))
    log("dns", source=source, name=name, type=kind, answer=None if address is None else str(address))
    packed: bytes = reply.pack()
    return packed


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, names: Mapping[str, IPv4Address], log: Logger) -> None:
        self._names, self._log = names, log
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = answer(self._names, data, addr[0], self._log)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


async def _conversation(names: Mapping[str, IPv4Address], log: Logger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    source = writer.get_extra_info("peername")[0]
    try:
        while True:
            length = int.from_bytes(await reader.readexactly(2))
            reply = answer(names, await reader.readexactly(length), source, log)
            if reply is None:
                return
            writer.write(len(reply).to_bytes(2) + reply)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()
