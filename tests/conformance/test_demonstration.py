"""The scenario that `make session` shows, served by the official workers on this machine.

A perimeter's egress proxy is played by a few lines: it tunnels to the one allowed host, adds a credential at the other, refuses the rest.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address

from domicile_control_plane import outside
from domicile_control_plane.log import silent


@asynccontextmanager
async def proxy(ports: outside.Ports) -> AsyncIterator[str]:
    """An HTTP proxy for `packages.example.com` (CONNECT) and `api.example.com` (plain, with a credential added)."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = head.split(" ", 2)[1]
        if target == "packages.example.com:443":
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", ports.https)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        elif target.startswith("http://api.example.com/"):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", ports.http)
            far_writer.write(head.replace("\r\n", "\r\nAuthorization: Bearer injected\r\n", 1).encode())
        else:
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            writer.close()
            return
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_the_demonstration_passes(bench):
    names = dict.fromkeys(("packages.example.com", "api.example.com", "denied.example.net"), IPv4Address("127.0.0.1"))
    world = outside.Outside(names, bench.folder / "outside", dns_port=0, http_port=0, https_port=0)
    memory = bench.folder / "memory"
    memory.mkdir()
    async with outside.serve(world, silent) as ports, proxy(ports) as address:
        bench.extra = {"HTTPS_PROXY": address, "HTTP_PROXY": address, "http_proxy": address, "SSL_CERT_FILE": str(ports.ca_file)}
        bench.extra |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        variables = {
            "workspace": str(bench.work),
            "memory": str(memory),
            "uid": str(os.getuid()),
            "credential_url": "http://api.example.com/v1/whoami",
        }
        session_id = bench.plane.start(bench.environment_id, "demonstration", variables)
        async with bench.worker():
            await bench.served(session_id)
    tools = [event["name"] for event in bench.plane.sessions.events(session_id) if event["type"] == "agent.tool_use"]
    assert {"bash", "read", "write", "edit", "glob", "grep"} == set(tools)
