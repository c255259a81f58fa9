"""Which results pass: for an open, permitted call of a tool that the sandbox owns, once."""

import asyncio
import json

import pytest
from aiohttp import web
from gateway_lab import GatewayLab, ToldPlane, stream, tool_result


async def test_a_result_for_an_open_allowed_call_is_forwarded_with_the_real_token(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    async with stream(lab, plane, binding) as events:
        call = plane.call()
        assert (await events.event())[1]["id"] == call
        answer = await lab.post(binding, tool_result(call))
        assert answer.status == 200
        assert (await events.event())[0] == "user.tool_result"
    arrival = next(arrival for arrival in plane.arrivals if arrival.method == "POST")
    assert arrival.events == [tool_result(call)]
    assert arrival.headers["authorization"] == f"Bearer {binding.token.get_secret_value()}"
    assert binding.capability.get_secret_value() not in str(plane.arrivals)


async def test_after_a_gateway_restart_a_result_passes_by_the_history_alone(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    call = plane.call()
    await lab.restart()
    await lab.control.close()
    lab.control = lab.sandbox.__class__(connector=_unix(lab))
    assert (await lab.control.put(f"http://gateway/bindings/{binding.source}", data=binding.request_body())).status == 204
    assert (await lab.post(binding, tool_result(call))).status == 200


def _unix(lab: GatewayLab) -> object:
    import aiohttp

    return aiohttp.UnixConnector(str(lab.settings.places.gateway_control))
