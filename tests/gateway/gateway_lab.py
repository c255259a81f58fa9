"""What the gateway's tests share: a real gateway on real sockets with a real journal, the proxy's part played by a small front,
and two control planes: the stand-in with its scripted brain, and one that says exactly what a test tells it to.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
from aiohttp import web
from anthropic import AsyncAnthropic
from anthropic.lib.environments import EnvironmentWorker

from domicile_host.audit import Event, Journal, Recorder
from domicile_host.gateway import Binding, GatewayEvent
from domicile_host.gateway.service import Gateway
from domicile_host.settings import HostSettings, Signing

ENVIRONMENT = "env_lab"
SOURCE = "100.96.0.2"
OTHER_SOURCE = "100.96.0.3"


def settings(folder: Path, url: str, content: str = "digest", ca_file: Path | None = None, network: Any = None) -> HostSettings:
    """A host's settings with all its places in `folder`."""
    places = {
        name: str(folder / f"{name}.sock")
        for name in (
            "container_engine",
            "gateway_sandbox",
            "gateway_control",
            "ads",
            "envoy_admin",
            "egress_log",
            "dispatcher_status",
            "shipper_status",
            "shipper_secrets",
            "ledger",
        )
    }
    image = {"reference": "sandbox", "digest": "sha256:" + "0" * 64, "signature": str(folder / "s"), "public_key": str(folder / "k")}
    return HostSettings.model_validate(
        {
            "stack": "lab",
            "host": "lab-host",
            "environment_id": ENVIRONMENT,
            "control_plane": {"url": url, "ca_file": str(ca_file) if ca_file else None},
            "secrets": {
                "kind": "openbao",
                "socket": str(folder / "x"),
                "role_id_file": str(folder / "r"),
                "secret_id_file": str(folder / "i"),
            },
            "sandboxes": {"image": image, "seccomp_profile": str(folder / "p"), "ca_bundle": str(folder / "b")},
            "egress": {"resolvers": ["192.0.2.1"]},
            "audit": {"content": content, "journal": str(folder / "journal"), "archive": str(folder / "a"), "cursors": str(folder / "c")},
            "places": places,
            "network": network or {},
        }
    )


@dataclass
class Answer:
    """What a sandbox got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def rule(self) -> str:
        """The name of the rule that refused."""
        return str(self.json["error"]["details"]["error_code"]).removeprefix("domicile_").replace("_", "-")


class BreakableRecorder:
    """A journal that a test can break, as a full disk does."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.broken = False

    async def append(self, event: Event) -> None:
        if self.broken:
            raise OSError(28, "No space left on device")
        await self.journal.append(event)


@dataclass
class GatewayLab:
    """A gateway that listens, seen from both of its doors."""

    folder: Path
    gateway: Gateway
    journal: Journal
    recorder: BreakableRecorder
    settings: HostSettings
    sandbox: aiohttp.ClientSession
    control: aiohttp.ClientSession

    def binding(self, source: str = SOURCE, **changes: Any) -> Binding:
        """A binding that nobody has told the gateway of."""
        given = {
            "source": source,
            "sandbox_id": f"sandbox-{source}",
            "session_id": "sesn_own",
            "work_id": "work_own",
            "environment_id": ENVIRONMENT,
            "token": "real-item-token-" + secrets.token_hex(8),
            "capability": secrets.token_urlsafe(32),
            "idle_seconds": 1.0,
        } | changes
        return Binding.model_validate(given)

    async def bind(self, source: str = SOURCE, **changes: Any) -> Binding:
        """Puts a new binding in force through the control socket."""
        binding = self.binding(source, **changes)
        await self.bind_again(binding)
        return binding

    async def bind_again(self, binding: Binding) -> None:
        """Puts this binding in force, as a dispatcher also does after the gateway's restart."""
        async with self.control.put(f"http://gateway/bindings/{binding.source}", data=binding.request_body()) as response:
            assert response.status == 204, await response.text()

    async def announce(self, binding: Binding) -> None:
        async with self.control.put(f"http://gateway/announced/{binding.source}", data=binding.request_body()) as response:
            assert response.status == 204, await response.text()

    async def unbind(self, source: str = SOURCE) -> None:
        async with self.control.delete(f"http://gateway/bindings/{source}") as response:
            assert response.status == 204

    async def statuses(self) -> list[dict[str, Any]]:
        async with self.control.get("http://gateway/bindings") as response:
            return list(await response.json())

    async def ask(
        self,
        binding: Binding,
        method: str,
        target: str,
        body: Any = None,
        *,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        source: str | None = None,
    ) -> Answer:
        """One request as Envoy passes it on: with the source's header and the sandbox's own."""
        given = {
            "x-domicile-source": source or str(binding.source),
            "authorization": f"Bearer {binding.capability.get_secret_value()}",
            "anthropic-version": "2026-10-21",
        }
        sent = data if data is not None else json.dumps(body).encode() if body is not None else None
        if sent is not None:
            given["content-type"] = "application/json"
        url = aiohttp.client.URL("http://gateway" + target, encoded=True)
        async with self.sandbox.request(method, url, data=sent, headers=given | (headers or {}), allow_redirects=False) as response:
            return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, await response.read())

    async def post(self, binding: Binding, *events: Any, **changes: Any) -> Answer:
        """Posts events to the binding's session."""
        return await self.ask(binding, "POST", f"/v1/sessions/{binding.session_id}/events", {"events": list(events)}, **changes)

    async def raw(self, data: bytes, within_seconds: float = 5.0) -> bytes:
        """What comes back on the sandbox socket for exactly these bytes, until the gateway closes."""
        reader, writer = await asyncio.open_unix_connection(str(self.settings.places.gateway_sandbox))
        got = b""
        try:
            writer.write(data)
            await writer.drain()
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(within_seconds):
                    while chunk := await reader.read(65536):
                        got += chunk
        finally:
            writer.close()
        return got

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[GatewayEvent]]:
        """The gateway's events, from now on."""
        async with self.control.get("http://gateway/events", timeout=aiohttp.ClientTimeout(total=None)) as response:
            assert (await response.content.readline()).strip() == b""

            async def lines() -> AsyncIterator[GatewayEvent]:
                async for line in response.content:
                    if line.strip():
                        yield GatewayEvent.model_validate_json(line)

            yield lines()

    def records(self, activity: str | None = None) -> list[Event]:
        """What the journal holds."""
        if not self.journal.head.sequence:
            return []
        found = [record.event if hasattr(record, "event") else record for record in self.journal.read()]
        return [event for event in found if activity in (None, event.activity)]

    def rules(self) -> list[str]:
        """The rules of the refusals on record, in order."""
        return [str(event.detail["rule"]) for event in self.records("gateway.refusal")]

    async def restart(self) -> None:
        """Another gateway in its place, as after a crash: nothing but the journal is left of the first."""
        await self.gateway.stop()
        self.gateway = Gateway(self.settings, self.recorder)
        await self.gateway.start()


@asynccontextmanager
async def gateway_lab(
    url: str, content: str = "digest", ca_file: Path | None = None, network: Any = None, signing: Signing | None = None
) -> AsyncIterator[GatewayLab]:
    folder = Path(tempfile.mkdtemp(prefix="gateway-lab-", dir="/tmp"))
    host = settings(folder, url, content, ca_file, network).model_copy(update={"signing": signing})
    journal = await Journal.of(host, "gateway")
    recorder: Recorder = BreakableRecorder(journal)
    gateway = Gateway(host, recorder)
    await gateway.start()
    sandbox = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(host.places.gateway_sandbox), limit=0))
    control = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(host.places.gateway_control), limit=0))
    lab = GatewayLab(folder, gateway, journal, recorder, host, sandbox, control)
    try:
        yield lab
    finally:
        await sandbox.close()
        await control.close()
        await lab.gateway.stop()
        await journal.close()
        shutil.rmtree(folder)


@asynccontextmanager
async def front(lab: GatewayLab, source: str = SOURCE) -> AsyncIterator[str]:
    """The proxy's part for one sandbox: plain HTTP on loopback, passed on with the source's header, whatever the sandbox said."""
    http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(lab.settings.places.gateway_sandbox), limit=0), auto_decompress=False)

    async def forward(request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
        headers["x-domicile-source"] = source
        url = aiohttp.client.URL("http://gateway" + request.raw_path, encoded=True)
        body = await request.read()
        timeout = aiohttp.ClientTimeout(total=None)
        async with http.request(request.method, url, headers=headers, data=body, allow_redirects=False, timeout=timeout) as answer:
            response = web.StreamResponse(
                status=answer.status, headers={k: v for k, v in answer.headers.items() if k != "Transfer-Encoding"}
            )
            await response.prepare(request)
            with suppress(aiohttp.ClientError, ConnectionError):
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            return response

    application = web.Application(client_max_size=64 << 20)
    application.router.add_route("*", "/{anything:.*}", forward)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await http.close()
        await runner.cleanup()


@dataclass
class Arrival:
    """A request that reached the control plane."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(json.loads(self.body)["events"])


@dataclass
class ToldPlane:
    """A control plane that says what it is told: sessions, events in its own words, and any answer to a post."""

    url: str = ""
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    memories: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    watchers: dict[str, set[asyncio.Queue[bytes]]] = field(default_factory=dict)
    post_answer: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
    page_size: int = 1000
    archive_cut: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    left: asyncio.Condition = field(default_factory=asyncio.Condition)
    """Told when a reader of a stream is gone."""

    def session(self, session_id: str = "sesn_own", **fields: Any) -> None:
        agent = {"id": "agent_1", "skills": fields.pop("skills", [])}
        self.sessions[session_id] = {"id": session_id, "type": "session", "status": "running", "agent": agent, "resources": [], **fields}
        self.history.setdefault(session_id, [])

    def say(self, event: dict[str, Any], session_id: str = "sesn_own") -> dict[str, Any]:
        """Emits an event: into the history, and to all who listen."""
        event = {"id": f"sevt_{secrets.token_hex(6)}", "processed_at": "2026-11-21T12:00:00Z", **event}
        self.history[session_id].append(event)
        self.say_raw(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode(), session_id)
        return event

    def say_raw(self, data: bytes, session_id: str = "sesn_own") -> None:
        """Sends bytes to all who listen."""
        for queue in self.watchers.get(session_id, ()):
            queue.put_nowait(data)

    def call(self, tool: str = "bash", call_id: str | None = None, **fields: Any) -> str:
        """Emits a tool call; its id."""
        event = {"type": "agent.tool_use", "name": tool, "input": {"command": "true"}, "evaluated_permission": "allow", **fields}
        if call_id:
            event["id"] = call_id
        return str(self.say({name: value for name, value in event.items() if value != "absent"})["id"])

    def confirm(self, call_id: str, result: str = "allow") -> None:
        self.say({"type": "user.tool_confirmation", "tool_use_id": call_id, "result": result})

    @property
    def posts(self) -> list[dict[str, Any]]:
        """Events that reached it."""
        return [
            event
            for arrival in self.arrivals
            if arrival.method == "POST" and arrival.target.endswith("/events")
            for event in arrival.events
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.arrivals.append(Arrival(request.method, request.raw_path, {k.lower(): v for k, v in request.headers.items()}, body))
        async with self.changed:
            self.changed.notify_all()
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["v1", "sessions"] and parts[2] in self.sessions:
            return await self._session(request, parts[2], parts[3:], body)
        if parts[:2] == ["v1", "skills"]:
            if parts[-1] == "content" and self.archive_cut:
                response = web.StreamResponse(headers={"content-length": "1000"})
                await response.prepare(request)
                await response.write(b"PK-arch")
                assert request.transport is not None
                request.transport.abort()
                return response
            if parts[-1] == "content":
                return web.Response(body=b"PK-archive", content_type="application/zip")
            return web.json_response({"id": "skv_7", "type": "skill_version", "skill_id": parts[2], "name": "pdf"})
        if parts[:2] == ["v1", "memory_stores"] and parts[2] in self.memories:
            return self._memory(request, parts[2], parts[4:], body)
        return _missing()

    async def _session(self, request: web.Request, session_id: str, rest: list[str], body: bytes) -> web.StreamResponse:
        if not rest:
            return web.json_response(self.sessions[session_id])
        if rest == ["events"] and request.method == "GET":
            start = int(request.query.get("page", "0"))
            found = self.history[session_id][start : start + self.page_size]
            end = start + len(found)
            return web.json_response({"data": found, "next_page": str(end) if end < len(self.history[session_id]) else None})
        if rest == ["events"] and request.method == "POST":
            answer = await self.post_answer(request) if self.post_answer else None
            if answer is not None:
                return answer
            return web.json_response({"data": [self.say(event, session_id) for event in json.loads(body)["events"]]})
        if rest == ["events", "stream"]:
            return await self._stream(request, session_id)
        return _missing()

    async def _stream(self, request: web.Request, session_id: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.watchers.setdefault(session_id, set()).add(queue)
        try:
            await response.prepare(request)
            await response.write(b": open\n\n")
            while data := await queue.get():
                await response.write(data)
        except ConnectionError:
            pass
        finally:
            self.watchers[session_id].discard(queue)
            async with self.left:
                self.left.notify_all()
        return response

    def _memory(self, request: web.Request, store: str, rest: list[str], body: bytes) -> web.StreamResponse:
        held = self.memories[store]
        if not rest and request.method == "GET":
            return web.json_response({"data": list(held.values()), "next_page": None})
        if not rest:
            made = {"id": f"mem_{len(held) + 1}", "type": "memory", "memory_store_id": store, **json.loads(body)}
            held[made["id"]] = made
            return web.json_response(made)
        if rest[0] not in held:
            return _missing()
        if request.method == "DELETE":
            return web.json_response({"id": held.pop(rest[0])["id"], "type": "memory_deleted"})
        if request.method == "POST":
            held[rest[0]] |= {"content": json.loads(body)["content"]}
        return web.json_response(held[rest[0]])

    async def until(self, condition: Callable[[], bool], within_seconds: float = 60.0) -> None:
        """Waits for a request after which the condition holds."""
        async with asyncio.timeout(within_seconds), self.changed:
            await self.changed.wait_for(condition)


def _missing() -> web.Response:
    return web.json_response({"type": "error", "error": {"type": "not_found_error", "message": "no such thing"}}, status=404)


@asynccontextmanager
async def told_plane() -> AsyncIterator[ToldPlane]:
    plane = ToldPlane()
    application = web.Application(client_max_size=64 << 20)
    application.router.add_route("*", "/{anything:.*}", plane.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    plane.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield plane
    finally:
        for queues in plane.watchers.values():
            for queue in queues:
                queue.put_nowait(b"")
        await runner.cleanup()


@dataclass
class OpenStream:
    """A session's event stream, as the sandbox reads it."""

    response: aiohttp.ClientResponse

    async def event(self, within_seconds: float = 60.0) -> tuple[str, Any]:
        """The next event that isn't a comment: its name and its data. Raises `EOFError` at the stream's end."""
        name, data = "", b""
        async with asyncio.timeout(within_seconds):
            while True:
                try:
                    line = await self.response.content.readline()
                except aiohttp.ClientError as error:
                    raise EOFError from error
                if not line:
                    raise EOFError
                line = line.rstrip(b"\n")
                if line.startswith(b"event: "):
                    name = line[7:].decode()
                elif line.startswith(b"data: "):
                    data += line[6:]
                elif not line and data:
                    return name, json.loads(data)


@asynccontextmanager
async def stream(
    lab: GatewayLab, plane: ToldPlane, binding: Binding, given: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[OpenStream]:
    """The session's event stream through the gateway, open when this returns."""
    headers = {**given, "x-domicile-source": str(binding.source), "authorization": f"Bearer {binding.capability.get_secret_value()}"}
    url = f"http://gateway/v1/sessions/{binding.session_id}/events/stream"
    async with lab.sandbox.get(url, headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as response:
        assert response.status == 200, await response.text()
        assert (await response.content.readline()).startswith(b":")
        yield OpenStream(response)


async def python_worker(base_url: str, folder: Path) -> None:
    """The Python SDK's worker, as its sandbox would run it."""
    async with aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{base_url}/domicile/v1/item") as response:
                if response.status == 200:
                    item = await response.json()
                    break
                assert response.status == 204
    async with AsyncAnthropic(base_url=base_url, api_key="none") as client:
        worker = EnvironmentWorker(client, workdir=str(folder), max_idle=item["max_idle_seconds"])
        await worker.handle_item(
            work_id=item["work_id"], environment_id=item["environment_id"], session_id=item["session_id"], work_secret=item["work_secret"]
        )


def tool_result(call_id: str, text: str = "done", **fields: Any) -> dict[str, Any]:
    return {"type": "user.tool_result", "tool_use_id": call_id, "is_error": False, "content": [{"type": "text", "text": text}], **fields}


def work_secret_token(secret: str) -> str:
    """The bearer inside a work item's secret."""
    return str(json.loads(base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4)))["sessions_token"])


def addresses(count: int) -> list[str]:
    return [str(IPv4Address(SOURCE) + number) for number in range(count)]


def scrubbed_environment() -> dict[str, str]:
    """The environment without anything that would lead a client elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_") and "proxy" not in name.lower()}
