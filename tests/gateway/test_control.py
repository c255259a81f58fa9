"""The dispatcher's door: bindings, the item, heartbeats, events, health; and who can open the sockets."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import signal
import socket
import ssl
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from gateway_lab import (
    OTHER_SOURCE,
    SOURCE,
    GatewayLab,
    ToldPlane,
    gateway_lab,
    scrubbed_environment,
    stream,
    told_plane,
    work_secret_token,
)
from gateway_lab import settings as lab_settings

from domicile_host.gateway import Binding
from domicile_host.gateway.service import listener

WORK = "/v1/environments/env_lab/work/work_own"


async def test_a_waiting_sandbox_gets_its_item_when_it_is_bound(lab: GatewayLab, plane: ToldPlane) -> None:
    async def item() -> Any:
        async with lab.sandbox.get("http://gateway/domicile/v1/item", headers={"x-domicile-source": SOURCE}) as response:
            return response.status, await response.json()

    async with lab.events() as events:
        waiting = asyncio.create_task(item())
        await lab.gateway.register.waited.wait()
        binding = await lab.bind(idle_seconds=7.5)
        status, got = await waiting
        assert (await anext(events)).event == "item-taken"
    assert status == 200
    assert work_secret_token(got.pop("work_secret")) == binding.capability.get_secret_value()
    assert got == {"environment_id": "env_lab", "session_id": "sesn_own", "work_id": "work_own", "max_idle_seconds": 7.5}


async def test_a_sandbox_that_nothing_is_bound_for_asks_again(lab: GatewayLab, plane: ToldPlane) -> None:
    """After the wait, and at once when a newer request of the same sandbox takes over."""
    headers = {"x-domicile-source": SOURCE}

    async def item() -> int:
        async with lab.sandbox.get("http://gateway/domicile/v1/item", headers=headers) as response:
            return response.status

    earlier = asyncio.create_task(item())
    await lab.gateway.register.waited.wait()
    lab.gateway.sandbox_side.item_wait_seconds = 0.05
    assert await item() == 204
    assert await earlier == 204


async def test_an_item_isnt_lost_to_a_worker_that_hung_up(lab: GatewayLab, plane: ToldPlane) -> None:
    _, writer = await asyncio.open_unix_connection(str(lab.settings.places.gateway_sandbox))
    writer.write(f"GET /domicile/v1/item HTTP/1.1\r\nhost: x\r\nx-domicile-source: {SOURCE}\r\n\r\n".encode())
    await lab.gateway.register.waited.wait()
    writer.transport.abort()
    binding = await lab.bind()
    assert (await lab.ask(binding, "GET", "/domicile/v1/item")).status == 200


async def test_binding_again_with_the_same_capability_keeps_the_state(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    assert (await lab.ask(binding, "GET", "/domicile/v1/item")).status == 200
    async with stream(lab, plane, binding) as events:
        await lab.bind_again(binding)
        plane.call()
        assert (await events.event())[0] == "agent.tool_use"
    assert (await lab.statuses())[0]["state"] == "taken"
    assert (await lab.ask(binding, "GET", "/domicile/v1/item")).rule == "item-taken"


async def test_a_renewed_token_is_used_from_then_on(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    await lab.bind_again(binding.model_copy(update={"token": type(binding.token)("renewed")}))
    assert (await lab.ask(binding, "GET", "/v1/sessions/sesn_own")).status == 200
    assert plane.arrivals[-1].headers["authorization"] == "Bearer renewed"


async def test_another_capability_replaces_a_binding_and_cuts_its_streams(lab: GatewayLab, plane: ToldPlane) -> None:
    old = await lab.bind()
    async with stream(lab, plane, old) as events:
        new = await lab.bind()
        with pytest.raises(EOFError):
            await events.event()
    assert (await lab.ask(old, "GET", "/v1/sessions/sesn_own")).rule == "capability"
    assert (await lab.ask(new, "GET", "/v1/sessions/sesn_own")).status == 200


async def test_unbinding_cuts_the_streams_before_it_answers(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    async with stream(lab, plane, binding) as events:
        await lab.unbind()
        assert lab.gateway.metrics.registry.get_sample_value("domicile_gateway_streams") == 0
        with pytest.raises(EOFError):
            await events.event()
    await lab.unbind()
    assert await lab.statuses() == []


async def test_a_session_is_bound_at_one_source_only(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    other = binding.model_copy(update={"source": type(binding.source)(OTHER_SOURCE)})
    async with lab.control.put(f"http://gateway/bindings/{OTHER_SOURCE}", data=other.request_body()) as response:
        assert (response.status, SOURCE in (await response.json())["error"]) == (409, True)


@pytest.mark.parametrize(
    "change", [{"session_id": "a/b"}, {"session_id": "a%2fb"}, {"work_id": ".."}, {"capability": "short"}, {"token": ""}, {"extra": 1}]
)
async def test_a_binding_that_could_mean_something_else_is_refused(lab: GatewayLab, plane: ToldPlane, change: dict[str, Any]) -> None:
    good = json.loads(
        Binding.model_validate(
            {
                "source": SOURCE,
                "sandbox_id": "s",
                "session_id": "s",
                "work_id": "w",
                "environment_id": "e",
                "token": "t",
                "capability": "c" * 32,
            }
        ).request_body()
    )
    async with lab.control.put(f"http://gateway/bindings/{SOURCE}", json=good | change) as response:
        assert response.status == 400
        assert "c" * 32 not in await response.text()
    async with lab.control.put(f"http://gateway/bindings/{OTHER_SOURCE}", json=good) as response:
        assert response.status == 400


async def test_heartbeats_follow_each_other_as_opaque_strings(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()

    async def beat(expected: str) -> Any:
        return await lab.ask(binding, "POST", f"{WORK}/heartbeat?expected_last_heartbeat={expected.replace(':', '%3A')}")

    first = (await beat("NO_HEARTBEAT")).json
    assert (first["type"], first["lease_extended"], first["state"], first["ttl_seconds"]) == ("work_heartbeat", True, "active", 300)
    again = (await beat("NO_HEARTBEAT")).json  # its answer got lost
    second = (await beat(again["last_heartbeat"])).json
    lost = await beat("2020-01-01T00:00:00Z")
    assert (lost.status, lost.json["error"]["details"]["error_code"]) == (412, "heartbeat_precondition_failed")
    assert lost.json["error"]["details"]["current_state"]["last_heartbeat"] == second["last_heartbeat"]
    assert (await beat("NO_HEARTBEAT")).status == 412
    assert lab.rules() == ["heartbeat-order"] * 2
    assert (await lab.statuses())[0]["heartbeat_age_seconds"] < 60
    await lab.restart()
    await lab.bind_again(binding)
    assert (await beat(second["last_heartbeat"])).status == 200
    assert not any("heartbeat" in arrival.target for arrival in plane.arrivals)


async def test_stopping_and_stop(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    async with lab.events() as events:
        async with lab.control.post(f"http://gateway/bindings/{SOURCE}/stopping") as response:
            assert response.status == 204
        assert (await lab.ask(binding, "POST", f"{WORK}/heartbeat")).json["state"] == "stopping"
        for body in ({"force": True}, {}, None):
            assert (await lab.ask(binding, "POST", f"{WORK}/stop", body)).status == 204
        assert [(await anext(events)).event for _ in range(2)] == ["heartbeat", "worker-stopped"]
        await lab.ask(binding, "POST", f"{WORK}/heartbeat")
    assert (await lab.statuses())[0]["state"] == "stopped"
    async with lab.control.post(f"http://gateway/bindings/{OTHER_SOURCE}/stopping") as response:
        assert response.status == 404
    assert not any("stop" in arrival.target for arrival in plane.arrivals)


@pytest.mark.parametrize("body", [b"x", b'{"force":"yes"}', b'{"force":true,"force":false}', b"[]", b'{"a":1}', b" " * 2000])
async def test_a_malformed_stop_stops_nothing(lab: GatewayLab, plane: ToldPlane, body: bytes) -> None:
    binding = await lab.bind()
    assert (await lab.ask(binding, "POST", f"{WORK}/stop", data=body)).status in (400, 413)
    assert (await lab.statuses())[0]["state"] == "bound"


@pytest.mark.parametrize("kind", ["session.status_terminated", "session.deleted"])
async def test_a_sessions_end_is_told_once(lab: GatewayLab, plane: ToldPlane, kind: str) -> None:
    binding = await lab.bind()
    async with lab.events() as told, stream(lab, plane, binding) as events:
        plane.say({"type": kind})
        plane.say({"type": kind})
        assert [(await events.event())[0] for _ in range(2)] == [kind] * 2
        await lab.ask(binding, "POST", f"{WORK}/stop")
        assert [(await anext(told)).event for _ in range(2)] == ["session-ended", "worker-stopped"]


async def test_events_pass_the_stream_one_by_one_as_they_come(lab: GatewayLab, plane: ToldPlane) -> None:
    """In any chunks, with comments, several lines of data, and any line ends; an event's name is kept."""
    binding = await lab.bind()
    async with stream(lab, plane, binding) as events:
        for piece in (
            b"event: agent.mess",
            b'age\r\ndata: {"type":\r',
            b'\ndata: "agent.message"}\r\n\r\n: c\n\nevent: ping\rdata: {}\r\r',
        ):
            plane.say_raw(piece)
        assert await events.event() == ("agent.message", {"type": "agent.message"})
        plane.say_raw(b"id: 7\nretry: 1\ndata: 1\n\n")
        assert await events.event() == ("ping", {})
        assert await events.event() == ("message", 1)


async def test_metrics_and_health(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    await lab.ask(binding, "GET", "/v1/agents")
    async with lab.control.get("http://gateway/metrics") as response:
        text = await response.text()
    assert 'domicile_gateway_refusals_total{rule="documented-calls"} 1.0' in text
    assert "domicile_gateway_bindings 1.0" in text
    async with lab.control.get("http://gateway/healthz") as response:
        assert await response.json() == {"status": "ok"}


async def test_no_secret_is_told(lab: GatewayLab, plane: ToldPlane, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in the status, nor in a representation, nor in a log line, nor on record."""
    binding = await lab.bind()
    await lab.ask(binding, "GET", "/v1/agents")
    shown = [str(await lab.statuses()), repr(binding), binding.model_dump_json(), str(lab.records()), *capsys.readouterr()]
    for secret in (binding.token.get_secret_value(), binding.capability.get_secret_value()):
        assert not any(secret in text for text in shown)


async def test_the_control_calls_arent_on_the_sandbox_socket(lab: GatewayLab, plane: ToldPlane) -> None:
    for path in ("/bindings", "/events", "/metrics", "/healthz"):
        async with lab.sandbox.get(f"http://gateway{path}", headers={"x-domicile-source": SOURCE}) as response:
            assert response.status == 404


def test_a_socket_opens_for_owner_and_group_of_its_folder_only(tmp_path: Path) -> None:
    os.chown(tmp_path, -1, 65500)
    path = tmp_path / "s.sock"
    before = os.umask(0)
    try:
        made = listener(path)
    finally:
        os.umask(before)
    found = path.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o660, 65500)
    made.close()
    listener(path).close()  # the socket of a killed run is in the way no longer


@pytest.mark.parametrize("kind", ["file", "link"])
def test_nothing_but_a_socket_is_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s.sock"
    if kind == "file":
        path.write_text("precious")
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        listener(path)
    assert path.is_symlink() or path.read_text() == "precious"


async def test_the_service_ends_in_order_on_sigterm(tmp_path: Path) -> None:
    """As a process of its own, with open connections: exit code 0, sockets closed, journal whole."""
    async with told_plane() as plane:
        plane.session()
        host = lab_settings(tmp_path, plane.url)
        (tmp_path / "settings.json").write_text(host.model_dump_json())
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "domicile_host", "gateway", str(tmp_path / "settings.json")),
            stdout=asyncio.subprocess.PIPE,
            env=scrubbed_environment(),
        )
        try:
            assert process.stdout is not None
            assert [json.loads(await process.stdout.readline())["event"] for _ in range(2)] == ["listening", "listening"]
            with socket.socket(socket.AF_UNIX) as idle:
                idle.connect(str(host.places.gateway_sandbox))
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 20) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_the_control_planes_certificate_must_lead_to_the_authority_that_is_set(tmp_path: Path) -> None:
    """The real token isn't sent to whoever answers."""
    authority, other = _certificate("authority"), _certificate("other authority")
    (tmp_path / "ca.pem").write_bytes(authority[0].public_bytes(serialization.Encoding.PEM))
    heard: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.headers["authorization"])
        return web.json_response({"id": "sesn_own", "agent": {}, "resources": []})

    for issuer, name, expected in ((authority, "localhost", 200), (other, "localhost", 502), (authority, "elsewhere.test", 502)):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(_written(tmp_path / "server.pem", _certificate(name, issuer)))
        application = web.Application()
        application.router.add_get("/v1/sessions/sesn_own", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        heard.clear()
        try:
            async with gateway_lab(f"https://localhost:{runner.addresses[0][1]}", ca_file=tmp_path / "ca.pem") as lab:
                binding = await lab.bind()
                assert (await lab.ask(binding, "GET", "/v1/sessions/sesn_own")).status == expected
        finally:
            await runner.cleanup()
        assert bool(heard) == (expected == 200)


Certified = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _certificate(name: str, issuer: Certified | None = None) -> Certified:
    """An authority's certificate, or a server's that it issued."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name.replace(" ", "-"))]), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def _written(path: Path, certified: Certified) -> Path:
    pem = serialization.Encoding.PEM
    key = certified[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(certified[0].public_bytes(pem) + key)
    return path
