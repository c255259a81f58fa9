"""The two services as processes: `serve` over TLS, killed and restarted; `outside` with its names and origins."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest
from dnslib import RCODE, DNSRecord

SERVICE = [sys.executable, "-m", "domicile_control_plane"]


@asynccontextmanager
async def service(*arguments):
    """A running service: its process, and what its `ready` line says; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(*SERVICE, *map(str, arguments), stderr=asyncio.subprocess.PIPE, limit=1 << 20)
    try:
        yield process, await line(process, "ready")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def line(process, event):
    """The next log line about this event."""
    async with asyncio.timeout(20):
        while True:
            raw = await process.stderr.readline()
            assert raw, "the service has ended"
            found = json.loads(raw)
            if found["event"] == event:
                return found


def stand_in(tmp_path, listen="127.0.0.1:0"):
    admin = f"unix:{tmp_path}/admin.sock"
    return "serve", "--store", tmp_path / "state/cp.sqlite", "--listen", listen, "--tls-folder", tmp_path / "tls", "--admin", admin


async def admin_call(tmp_path, method, path, body=None):
    connector = aiohttp.UnixConnector(f"{tmp_path}/admin.sock")
    async with aiohttp.ClientSession("http://localhost", connector=connector) as client, client.request(method, path, json=body) as answer:
        return await answer.json()


async def test_the_stand_in_survives_a_kill_and_ends_cleanly_on_sigterm(tmp_path):
    async with service(*stand_in(tmp_path)) as (process, _):
        await admin_call(tmp_path, "POST", "/admin/environments", {"name": "local", "id": "env_local"})
        key = (await admin_call(tmp_path, "POST", "/admin/environment-keys", {"environment_id": "env_local"}))["key"]
        order = {"environment_id": "env_local", "scenario": {"name": "kept", "turns": [{"calls": [{"tool": "bash"}]}]}}
        session_id = (await admin_call(tmp_path, "POST", "/admin/scenarios", order))["session_id"]
        ca = (tmp_path / "tls/ca.pem").read_bytes()
        process.kill()
        await process.wait()
    async with service(*stand_in(tmp_path)) as (process, ready):
        assert (tmp_path / "tls/ca.pem").read_bytes() == ca
        trust = ssl.create_default_context(cafile=str(tmp_path / "tls/ca.pem"))
        headers = {
            "authorization": f"Bearer {key}",
            "anthropic-version": "2026-10-21",
            "anthropic-beta": "managed-agents-2026-04-01",
        }
        url = f"{ready['url']}/v1/environments/env_local/work/poll"
        async with aiohttp.ClientSession(headers=headers) as client, client.get(url, ssl=trust) as answer:
            assert (await answer.json())["data"]["id"] == session_id
        assert (await admin_call(tmp_path, "GET", f"/admin/sessions/{session_id}"))["verdict"] == "running"
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
    assert key not in (tmp_path / "state").joinpath("cp.sqlite").read_bytes().decode(errors="replace")


@pytest.fixture
def outside(tmp_path):
    names = {"api.example.com": "127.0.0.1", "packages.example.com": "127.0.0.1", "far.example.com": "203.0.113.99"}
    given = [f"--name={name}={address}" for name, address in names.items()]
    ports = ["--dns", "127.0.0.1:0", "--origins", "127.0.0.1", "--http-port", 0, "--https-port", 0]
    return ["outside", *ports, "--tls-folder", tmp_path / "outside", *given]


async def test_outside_answers_its_names_refuses_others_and_logs_each_question(outside):
    async with service(*outside) as (process, ready):
        for name, kind, code, answers in (
            ("far.example.com", "A", RCODE.NOERROR, ["203.0.113.99"]),
            ("FAR.example.com", "AAAA", RCODE.NOERROR, []),
            ("secret-in-a-name.evil.example", "A", RCODE.NXDOMAIN, []),
        ):
            for tcp in (False, True):
                raw = await asyncio.to_thread(DNSRecord.question(name, kind).send, "127.0.0.1", ready["dns"], tcp=tcp, timeout=10)
                reply = DNSRecord.parse(raw)
                assert (reply.header.rcode, [str(record.rdata) for record in reply.rr]) == (code, answers)
                logged = await line(process, "dns")
                assert (logged["name"], logged["type"]) == (name.lower(), kind)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_outside_origins_tell_what_reached_them_without_the_credentials(outside):
    secret = "Bearer very-secret"
    async with service(*outside) as (process, ready):
        trust = ssl.create_default_context(cafile=ready["ca"])
        url = f"https://api.example.com:{ready['https']}/v1/whoami?x=1"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Loopback())) as client:
            async with client.post(url, ssl=trust, data=b"12345", headers={"authorization": secret, "x-plain": "seen"}) as answer:
                told = await answer.json()
            async with client.get(f"http://far.example.com:{ready['http']}/") as answer:
                assert answer.status == 421
            with pytest.raises(aiohttp.ClientError):
                await client.get(f"https://far.example.com:{ready['https']}/", ssl=trust)
        assert (told["method"], told["path"], told["body_bytes"], told["headers"]["x-plain"]) == ("POST", "/v1/whoami?x=1", 5, "seen")
        assert told["headers"]["authorization"] == "sha256:" + hashlib.sha256(secret.encode()).hexdigest()
        assert "very-secret" not in json.dumps(await line(process, "origin"))


class Loopback(aiohttp.abc.AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    async def close(self):
        pass


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["outside", "--help"]])
async def test_help_explains_each_service(arguments):
    process = await asyncio.create_subprocess_exec(*SERVICE, *arguments, stdout=asyncio.subprocess.PIPE)
    shown, _ = await process.communicate()
    assert (process.returncode, b"--help" in shown) == (0, True)


async def test_an_admin_port_beyond_loopback_is_refused(tmp_path):
    arguments = ["serve", "--store", str(tmp_path / "s"), "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:8080"]
    process = await asyncio.create_subprocess_exec(*SERVICE, *arguments, stderr=asyncio.subprocess.PIPE)
    _, error = await process.communicate()
    assert (process.returncode, b"127.0.0.1" in error) == (2, True)
