"""What the audit tests share: events, stand-ins for SIEM sinks, a host's settings, and the shipper as a process of its own.

The stand-ins are HTTP servers held to the vendors' documented answers: `FakeHec` to Splunk's HTTP event collector with indexer
acknowledgement, `FakeOtlp` to OTLP/HTTP with JSON bodies, `FakeS3` to what S3 asks of an object under a lock.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from domicile_host.audit import Event, Journal
from domicile_host.settings import HostSettings

DOMICILE = 65500
RUN_SHIPPER = Path(__file__).with_name("run_shipper.py")


class FakeSink:
    """A SIEM on loopback. `outage` is the status it answers everything with; `poison` says which records it won't take."""

    def __init__(self):
        self.received: Counter[str] = Counter()
        self.records: dict[str, dict] = {}
        self.outage: int | None = None
        self.retry_after: str | None = None
        self.poison = lambda record: False
        self.requests = 0
        self.refused = 0
        self.changed = asyncio.Condition()

    async def start(self, port: int = 0) -> str:
        application = web.Application(client_max_size=8 << 20)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self.runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{self.port}"

    async def stop(self):
        await self.runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests += 1
        try:
            if self.outage:
                self.refused += 1
                headers = {"Retry-After": self.retry_after} if self.retry_after else {}
                return web.json_response({"text": "Server is busy", "code": 9}, status=self.outage, headers=headers)
            return await self.answer(request, body)
        finally:
            async with self.changed:
                self.changed.notify_all()

    def take(self, records: list[dict]):
        for record in records:
            self.received[record["id"]] += 1
            self.records[record["id"]] = record

    async def until(self, condition, seconds: float = 60.0):
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(condition)

    def sequences(self, source: str) -> list[int]:
        return sorted(record["sequence"] for record in self.records.values() if record["source"] == source)

    def events(self, key: str = "n", source: str = "gateway") -> Counter:
        mine = [record for record in self.records.values() if record["source"] == source and key in record["detail"]]
        return Counter(record["detail"][key] for record in mine)


class FakeOtlp(FakeSink):
    """OTLP/HTTP: takes what it can of a request and counts the rest in `partialSuccess`."""

    token = "Bearer otlp-secret"

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        if request.path != "/v1/logs" or request.headers["Content-Type"] != "application/json":
            return web.json_response({"code": 5, "message": "not found"}, status=404)
        if request.headers.get("authorization") != self.token:
            return web.json_response({"code": 16, "message": "unauthenticated"}, status=401)
        logs = [log for part in json.loads(body)["resourceLogs"] for scope in part["scopeLogs"] for log in scope["logRecords"]]
        records = [json.loads(log["body"]["stringValue"]) for log in logs]
        good = [record for record in records if not self.poison(record)]
        self.take(good)
        if len(good) == len(records):
            return web.json_response({"partialSuccess": {}})
        told = {"rejectedLogRecords": str(len(records) - len(good)), "errorMessage": "attribute too long"}
        return web.json_response({"partialSuccess": told})


class FakeS3(FakeSink):
    """S3 under Object Lock: takes what bears its checksum and a signature for this service, and keeps each version."""

    def __init__(self):
        super().__init__()
        self.versions = {}

    async def answer(self, request, body):
        scope = r"AWS4-HMAC-SHA256 Credential=ASIACANARY/\d{8}/eu-central-1/s3/aws4_request"
        signed = re.fullmatch(scope + r", SignedHeaders=(\S+), Signature=[0-9a-f]{64}", request.headers["authorization"])
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if not signed or "x-amz-checksum-sha256" not in signed[1] or request.headers["x-amz-checksum-sha256"] != checksum:
            return web.Response(status=403)
        self.versions.setdefault(request.path, []).append(body)
        self.take([json.loads(line) for line in body.splitlines()])
        return web.Response()


class FakeHec(FakeSink):
    """Splunk's HTTP event collector. What is received counts as taken only once it is acknowledged."""

    token = "hec-secret"
    acknowledges = True

    def __init__(self):
        super().__init__()
        self.indexing: dict[str, dict[int, list[dict]]] = {}
        self.lose = 0

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        header = request.headers.get("Authorization", "")
        if not header:
            return web.json_response({"text": "Token is required", "code": 2}, status=401)
        if header != f"Splunk {self.token}":
            return web.json_response({"text": "Invalid token", "code": 4}, status=403)
        channel = request.query.get("channel") or request.headers.get("X-Splunk-Request-Channel", "")
        if request.path == "/services/collector/ack":
            return self._acknowledge(channel, json.loads(body))
        if request.path != "/services/collector/event":
            return web.json_response({"text": "not found", "code": 404}, status=404)
        return self._receive(channel, body.decode())

    def _receive(self, channel: str, text: str) -> web.Response:
        events = [item["event"] for item in _concatenated(text)]
        for number, event in enumerate(events):
            if self.poison(event):
                told = {"text": "Error in handling indexed fields", "code": 15, "invalid-event-number": number}
                return web.json_response(told, status=400)
        if not events:
            return web.json_response({"text": "No data", "code": 5}, status=400)
        if not self.acknowledges:
            self.take(events)
            return web.json_response({"text": "Success", "code": 0})
        if not channel:
            return web.json_response({"text": "Data channel is missing", "code": 10}, status=400)
        acks = self.indexing.setdefault(channel, {})
        number = len(acks)
        acks[number] = [] if self.lose else events
        if self.lose:
            self.lose -= 1
            acks[number] = None
        return web.json_response({"text": "Success", "code": 0, "ackId": number})

    def _acknowledge(self, channel: str, body: dict) -> web.Response:
        if not self.acknowledges:
            return web.json_response({"text": "ACK is disabled", "code": 14}, status=400)
        acks, told = self.indexing.get(channel, {}), {}
        for number in body["acks"]:
            indexed = acks.get(number)
            told[str(number)] = indexed is not None
            if indexed:
                self.take(indexed)
                acks[number] = []
        return web.json_response({"acks": told})


def _concatenated(text: str):
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        item, at = decoder.raw_decode(text, at)
        yield item


class Host:
    """A host's folders and settings, its journals, and its shipper."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.sinks: list[dict] = []
        self.process: asyncio.subprocess.Process | None = None
        for name in ("journal", "archive", "cursors", "secrets", "egress", "run"):
            (folder / name).mkdir()
            if os.geteuid() == 0:
                os.chown(folder / name, -1, DOMICILE)
            (folder / name).chmod(0o2770)
        folder.chmod(0o755)
        self.egress_log = folder / "egress" / "access.jsonl"
        self.credential("otlp", FakeOtlp.token)
        self.credential("hec", FakeHec.token)

    def credential(self, name: str, value: str):
        (self.folder / "secrets" / name).write_text(value + "\n")

    def otlp(self, url: str, name: str = "collector"):
        self.sinks.append({"kind": "otlp", "name": name, "url": url, "headers_from": "otlp"})

    def hec(self, url: str, name: str = "splunk", **more):
        self.sinks.append({"kind": "splunk-hec", "name": name, "url": url, "token_from": "hec", "index": "audit", **more})

    @property
    def settings(self) -> HostSettings:
        place = {name: self.folder / "run" / f"{name}.sock" for name in ("container_engine", "gateway_sandbox", "gateway_control", "ads")}
        place |= {"envoy_admin": self.folder / "run" / "admin.sock", "dispatcher_status": self.folder / "run" / "d.sock"}
        place |= {"shipper_status": self.folder / "run" / "shipper.sock", "ledger": self.folder / "ledger"}
        place |= {"egress_log": self.egress_log, "shipper_secrets": self.folder / "secrets"}
        image = {"reference": "i", "digest": "sha256:" + "0" * 64, "signature": "/s", "public_key": "/k"}
        return HostSettings.model_validate(
            {
                "stack": "test",
                "host": "host-a",
                "environment_id": "env_1",
                "control_plane": {"url": "http://127.0.0.1:1"},
                "secrets": {"kind": "openbao", "socket": "/s", "role_id_file": "/r", "secret_id_file": "/i"},
                "sandboxes": {"image": image, "seccomp_profile": "/p", "ca_bundle": "/c"},
                "egress": {"resolvers": ["127.0.0.1"]},
                "audit": {
                    "journal": self.folder / "journal",
                    "archive": self.folder / "archive",
                    "cursors": self.folder / "cursors",
                    "sinks": self.sinks,
                },
                "places": place,
            }
        )

    async def journal(self, source: str = "gateway", **more) -> Journal:
        return await Journal.open(self.folder / "journal" / source, source, "host-a", stack="test", **more)

    async def fill(self, numbers, source: str = "gateway", pad: int = 0, at_once: int = 500, **more):
        journal = await self.journal(source, **more)
        events = [Event(activity="gateway.call", session_id="sesn_a", detail={"n": n, "pad": "x" * pad}) for n in numbers]
        for start in range(0, len(events), at_once):
            await journal.append_all(events[start : start + at_once])
        await journal.close()

    async def start(self):
        path = self.folder / "settings.json"
        path.write_text(self.settings.model_dump_json())
        with (self.folder / "shipper.log").open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(sys.executable, str(RUN_SHIPPER), str(path), stdout=output, stderr=output)

    async def kill(self):
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    async def get(self, path: str) -> tuple[int, str]:
        connector = aiohttp.UnixConnector(str(self.folder / "run" / "shipper.sock"))
        async with aiohttp.ClientSession(connector=connector) as session, session.get(f"http://shipper{path}") as answer:
            return answer.status, await answer.text()

    async def status(self) -> dict:
        return json.loads((await self.get("/status"))[1])

    async def until(self, condition, seconds: float = 60.0):
        """Waits until `condition` holds of the status."""
        deadline, state = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            try:
                state = await self.status()
            except (aiohttp.ClientError, OSError):
                state = None
            if state and condition(state):
                return state
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {state}\n{(self.folder / 'shipper.log').read_text()[-2000:]}")

    def unlock(self):
        """Takes the immutable flag off archived segments, as an operator who removes an archive has to."""
        subprocess.run(["chattr", "-R", "-f", "-i", str(self.folder / "archive")], check=False)

    def archived(self, source: str = "gateway") -> list[dict]:
        lines = [line for path in sorted((self.folder / "archive" / source).glob("*/0*.jsonl")) for line in path.read_bytes().splitlines()]
        return [json.loads(line) for line in lines]


@pytest.fixture
def event():
    """Makes the n-th event of a test."""

    def make(n: int = 0, session_id: str = "sesn_a", **more) -> Event:
        return Event(activity="gateway.call", outcome="allowed", session_id=session_id, detail={"method": "GET", "n": n}, **more)

    return make


@pytest.fixture
async def host():
    """A host of its own, below a folder that an unprivileged process can reach."""
    folder = Path(tempfile.mkdtemp(prefix="domicile-audit-"))
    made = Host(folder)
    yield made
    if made.process and made.process.returncode is None:
        await made.kill()
    made.unlock()
    shutil.rmtree(folder)


@pytest.fixture
async def otlp():
    """An OTLP receiver; its address is `otlp.url`."""
    sink = FakeOtlp()
    sink.url = await sink.start()
    yield sink
    await sink.stop()


@pytest.fixture
async def hec():
    """A Splunk collector; its address is `hec.url`."""
    sink = FakeHec()
    sink.url = await sink.start()
    yield sink
    await sink.stop()


@pytest.fixture
async def s3():
    """A locked bucket; its address is `s3.url`."""
    sink = FakeS3()
    sink.url = await sink.start()
    yield sink
    await sink.stop()
