"""What the dispatcher and the session gateway say to each other over the control socket (`places.gateway_control`).

| call | answer |
| --- | --- |
| `PUT /announced/{source}` with `Binding.request_body()` | 204: nothing is in force, what the worker asks first is being read ahead |
| `PUT /bindings/{source}` with `Binding.request_body()` | 204 once in force; 409 `ControlRefusal`: session bound elsewhere |
| `DELETE /bindings/{source}` | 204, also when there is none; what was announced is forgotten, its open streams are cut before the answer |
| `GET /bindings` | a JSON list of `BindingStatus` |
| `POST /bindings/{source}/stopping` | 204: the worker's next heartbeat is told `stopping`; 404 if there is no such binding |
| `GET /events` | NDJSON, one `GatewayEvent` a line, from now on; a line with a single space every 10 s shows that the stream lives |
| `GET /healthz`, `GET /metrics` | 200 `{"status":"ok"}`; Prometheus text |
"""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")]
"""An id that the control plane gives: opaque, but never one that could change the meaning of a path."""


class Message(BaseModel):
    """A frozen model that refuses fields it doesn't know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Binding(Message):
    """One session's right to pass: who may ask (source and capability), and for what (session and work item)."""

    source: IPv4Address = Field(description="the sandbox's address, as Envoy sees it")
    sandbox_id: str = Field(description="the sandbox's container name, for the audit records")
    session_id: Identifier
    work_id: Identifier
    environment_id: Identifier
    token: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        None, description="the work item's `sessions_token`; leaves the gateway to the control plane only. Not needed by one that signs"
    )
    capability: SecretStr = Field(min_length=32, max_length=256, description="random, made for this binding: all that the sandbox is given")
    idle_seconds: float = Field(60.0, gt=0, description="told to the worker: how long it stays with an idle session")
    custom_tools: frozenset[str] = Field(frozenset(), description="custom tools that this sandbox serves; none unless named")

    def request_body(self) -> bytes:
        """The JSON to send, secrets included: `model_dump_json` hides them so that no log line holds one by accident."""
        plain = self.model_dump(mode="json") | {
            "token": self.token.get_secret_value() if self.token else None,
            "capability": self.capability.get_secret_value(),
            "custom_tools": sorted(self.custom_tools),
        }
        return json.dumps(plain).encode()


class BindingStatus(Message):
    """What the gateway says about one binding; no secret in it."""

    source: IPv4Address
    sandbox_id: str
    session_id: str
    work_id: str
    state: Literal["bound", "taken", "stopping", "stopped"] = Field(
        description="`bound`: the worker hasn't fetched its item; `stopped`: the worker has posted its stop"
    )
    heartbeat_age_seconds: float | None = Field(description="since the worker's last heartbeat; none yet: null")
    streams: int = Field(description="event streams open now")
    open_calls: int = Field(description="tool calls of this sandbox that have no result yet")
    results: int = Field(description="results that the control plane has accepted")
    refusals: int = Field(description="requests refused since the binding")


class GatewayEvent(Message):
    """What the gateway noticed, in its own words: nothing that a sandbox wrote is passed on."""

    event: Literal["item-taken", "heartbeat", "worker-stopped", "session-ended"]
    source: IPv4Address
    session_id: str
    work_id: str


class ControlRefusal(Message):
    """Why a control call wasn't done, and what to do."""

    error: str
