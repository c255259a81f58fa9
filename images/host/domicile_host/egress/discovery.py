"""Envoy's aggregated discovery service, state of the world: holds resources, sends what changed, and says when it is in force.

The policy server puts resources in; Envoy connects over a Unix socket. A put has a version, and the ACK of a response that carries
the resource at that version or a later one confirms it. A reconnecting Envoy is sent everything it asks for anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2  # type: ignore[import-untyped]
from google.protobuf import any_pb2, message

EXTENSIONS = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
SECRETS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"


class RefusedError(Exception):
    """Envoy refused a resource; the message is Envoy's reason."""


@dataclass
class _Resource:
    packed: any_pb2.Any
    version: int


@dataclass
class _Stream:
    """One Envoy's connection: what it asked for, what it was sent, and which answers are open."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: dict[str, frozenset[str]] = field(default_factory=dict)
    sent: dict[tuple[str, str], int] = field(default_factory=dict)
    open: dict[str, dict[tuple[str, str], int]] = field(default_factory=dict)
    nonces: Iterator[int] = field(default_factory=count)


class Discovery(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):  # type: ignore[misc]
    """Resources by type and name, and the streams of those who ask for them."""

    def __init__(self) -> None:
        self._resources: dict[str, dict[str, _Resource]] = {}
        self._version = 0
        self._streams: list[_Stream] = []
        self._waiting: dict[asyncio.Future[None], tuple[str, str, int]] = {}

    @property
    def connected(self) -> bool:
        """An Envoy is on the line."""
        return bool(self._streams)

    def put(self, kind: str, name: str, resource: message.Message) -> int:
        """Makes `resource` the current one and returns its version; it is sent at once to whoever asked for it."""
        packed = any_pb2.Any()
        packed.Pack(resource, deterministic=True)
        self._version += 1
        self._resources.setdefault(kind, {})[name] = _Resource(packed, self._version)
        for stream in self._streams:
            stream.wake.set()
        return self._version

    async def confirmed(self, kind: str, name: str, version: int) -> None:
        """Returns when Envoy has acknowledged `version` of the resource or a later one. Raises `RefusedError` if it wouldn't have it."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = (kind, name, version)
        try:
            await future
        finally:
            del self._waiting[future]

    async def StreamAggregatedResources(  # noqa: N802 (gRPC's own name)
        self, requests: AsyncIterator[Any], context: Any
    ) -> None:
        """Serves one Envoy until it goes."""
        stream = _Stream()
        self._streams.append(stream)
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self._send(stream, context))
                async for request in requests:
                    self._take(stream, request)
                sending.cancel()
        finally:
            self._streams.remove(stream)

    def _take(self, stream: _Stream, request: Any) -> None:
        answered = stream.open.pop(request.response_nonce, None)
        if answered:
            self._settle(answered, refusal=request.error_detail.message if request.HasField("error_detail") else None)
        wanted = frozenset(request.resource_names)
        for name in stream.wanted.get(request.type_url, frozenset()) - wanted:
            stream.sent.pop((request.type_url, name), None)
        stream.wanted[request.type_url] = wanted
        stream.wake.set()

    def _settle(self, answered: dict[tuple[str, str], int], refusal: str | None) -> None:
        for future, (kind, name, version) in self._waiting.items():
            if future.done() or version > answered.get((kind, name), 0):
                continue
            if refusal is None:
                future.set_result(None)
            else:
                future.set_exception(RefusedError(refusal))

    async def _send(self, stream: _Stream, context: Any) -> None:
        while True:
            await stream.wake.wait()
            stream.wake.clear()
            for kind in list(stream.wanted):
                if response := self._due(stream, kind):
                    await context.write(response)

    def _due(self, stream: _Stream, kind: str) -> Any:
        """A response with what is newer than was sent; nothing if nothing is."""
        held = self._resources.get(kind, {})
        newer = {(kind, name): held[name].version for name in sorted(stream.wanted[kind] & held.keys())}
        newer = {key: version for key, version in newer.items() if version > stream.sent.get(key, 0)}
        if not newer:
            return None
        version = max(newer.values())
        nonce = f"{version}.{next(stream.nonces)}"
        stream.open[nonce] = newer
        stream.sent.update(newer)
        resources = [held[name].packed for _, name in newer]
        return discovery_pb2.DiscoveryResponse(version_info=str(version), resources=resources, type_url=kind, nonce=nonce)
