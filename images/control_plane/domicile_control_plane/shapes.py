"""The API's objects as pydantic models. Field names and meanings follow the official SDK's types (Python `anthropic` 2.11.0)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

WorkState = Literal["queued", "starting", "active", "stopping", "stopped"]
SessionStatus = Literal["rescheduling", "running", "idle", "terminated"]
Permission = Literal["allow", "ask", "deny"]
Metadata = Annotated[
    dict[Annotated[str, StringConstraints(min_length=1, max_length=64)], Annotated[str, StringConstraints(max_length=512)]],
    Field(max_length=16),
]


class Shape(BaseModel):
    """An object of the API; unknown fields of a request are refused."""

    model_config = ConfigDict(extra="forbid")


class Open(BaseModel):
    """An object of which only some fields matter here; the others are kept."""

    model_config = ConfigDict(extra="allow")


class Page(Shape):
    """One page of a list."""

    data: list[Any]
    next_page: str | None = None


class SelfHosted(Shape):
    """The whole configuration of a self-hosted environment."""

    type: Literal["self_hosted"] = "self_hosted"


class Cloud(Open):
    """A cloud environment: kept, never served by workers."""

    type: Literal["cloud"]


class Environment(Shape):
    """An environment."""

    id: str
    type: Literal["environment"] = "environment"
    name: str
    description: str | None = None
    metadata: dict[str, str] = {}
    config: SelfHosted | Cloud = SelfHosted()
    scope: Literal["organization"] = "organization"
    created_at: str
    updated_at: str
    archived_at: str | None = None


class EnvironmentCreate(Shape):
    """Body of `POST /v1/environments`."""

    name: str = Field(min_length=1, max_length=255)
    config: SelfHosted | Cloud = SelfHosted()
    description: str | None = None
    metadata: Metadata = {}
    scope: Literal["organization"] = "organization"


class EnvironmentUpdate(Shape):
    """Body of `POST /v1/environments/{id}`."""

    name: str | None = None
    config: SelfHosted | Cloud | None = None
    description: str | None = None
    metadata: dict[str, str | None] = {}
    scope: Literal["organization"] | None = None


class Tunnel(Shape):
    """An MCP tunnel."""

    id: str
    type: Literal["tunnel"] = "tunnel"
    display_name: str | None = None
    domain: str
    created_at: str
    archived_at: str | None = None


class TunnelCreate(Shape):
    """Body of `POST /v1/tunnels`."""

    display_name: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None


class TunnelToken(Shape):
    """A tunnel's connector token."""

    id: str
    type: Literal["tunnel_token"] = "tunnel_token"
    tunnel_token: str


class TunnelRotate(Shape):
    """Body of `POST /v1/tunnels/{id}/rotate_token`."""

    reason: str | None = None


class TunnelCertificateCreate(Shape):
    """Body of `POST /v1/tunnels/{id}/certificates`."""

    ca_certificate_pem: str


class TunnelCertificate(Shape):
    """A CA certificate that a tunnel trusts; `fingerprint` is SHA-256 of its DER form."""

    id: str
    type: Literal["tunnel_certificate"] = "tunnel_certificate"
    tunnel_id: str
    fingerprint: str
    created_at: str
    expires_at: str | None
    archived_at: str | None = None


class WorkData(Shape):
    """What a work item is about."""

    type: str
    id: str


class Work(Shape):
    """A work item; `secret` only ever in the answer to a poll."""

    id: str
    type: Literal["work"] = "work"
    environment_id: str
    state: WorkState
    data: WorkData
    metadata: dict[str, str]
    secret: str | None = None
    created_at: str
    acknowledged_at: str | None
    started_at: str | None
    latest_heartbeat_at: str | None
    stop_requested_at: str | None
    stopped_at: str | None


class WorkUpdate(Shape):
    """Body of `POST …/work/{id}`: null deletes a key."""

    metadata: dict[str, str | None]


class WorkStop(Shape):
    """Body of `POST …/stop`."""

    force: bool = False


class Heartbeat(Shape):
    """A heartbeat that was taken."""

    type: Literal["work_heartbeat"] = "work_heartbeat"
    last_heartbeat: str
    lease_extended: bool
    state: WorkState
    ttl_seconds: int


class LeaseState(Shape):
    """The lease as the server holds it, in a 412."""

    last_heartbeat: str | None
    lease_extended: Literal[False] = False
    state: WorkState
    ttl_seconds: int


class QueueStats(Shape):
    """Numbers of one environment's queue."""

    type: Literal["work_queue_stats"] = "work_queue_stats"
    depth: int
    pending: int
    oldest_queued_at: str | None
    workers_polling: int | None


class MemoryStoreResource(Shape):
    """A memory store attached to a session."""

    type: Literal["memory_store"]
    memory_store_id: str
    access: Literal["read_write", "read_only"] = "read_write"
    instructions: str | None = Field(None, max_length=4096)
    mount_path: str | None = Field(None, description="derived from the store's name by the service; settable here, for tests")


class SkillReference(Shape):
    """A skill of a session's agent."""

    type: Literal["custom", "anthropic"] = "custom"
    skill_id: str
    version: str = "latest"


class TextBlock(Shape):
    """Text content."""

    type: Literal["text"] = "text"
    text: str


class Content(Open):
    """A content block: text, image, document or search result."""

    type: Literal["text", "image", "document", "search_result"]


class UserMessage(Shape):
    """`user.message`."""

    type: Literal["user.message"]
    content: list[Content] = Field(min_length=1)


class UserInterrupt(Shape):
    """`user.interrupt`."""

    type: Literal["user.interrupt"]
    session_thread_id: str | None = None


class UserToolConfirmation(Shape):
    """`user.tool_confirmation`."""

    type: Literal["user.tool_confirmation"]
    tool_use_id: str
    result: Literal["allow", "deny"]
    deny_message: str | None = None
    session_thread_id: str | None = None


class UserToolResult(Shape):
    """`user.tool_result`."""

    type: Literal["user.tool_result"]
    tool_use_id: str
    content: list[Content] = []
    is_error: bool | None = None
    session_thread_id: str | None = None


class UserCustomToolResult(Shape):
    """`user.custom_tool_result`."""

    type: Literal["user.custom_tool_result"]
    custom_tool_use_id: str
    content: list[Content] = []
    is_error: bool | None = None
    session_thread_id: str | None = None


class UserDefineOutcome(Open):
    """`user.define_outcome`: kept, not judged."""

    type: Literal["user.define_outcome"]


UserEvent = Annotated[
    UserMessage | UserInterrupt | UserToolConfirmation | UserToolResult | UserCustomToolResult | UserDefineOutcome,
    Field(discriminator="type"),
]


class SendEvents(Shape):
    """Body of `POST /v1/sessions/{id}/events`."""

    events: list[UserEvent] = Field(min_length=1, max_length=50)


class AgentOverrides(Open):
    """The agent of a session, given inline."""

    id: str = "agent_inline"
    name: str = "agent"
    skills: list[SkillReference] = []
    tools: list[dict[str, Any]] | None = None
    system: str | None = None


class SessionCreate(Shape):
    """Body of `POST /v1/sessions`."""

    agent: str | AgentOverrides
    environment_id: str
    title: str | None = None
    metadata: Metadata = {}
    resources: list[dict[str, Any]] = []
    vault_ids: list[str] = []
    initial_events: list[UserEvent] = Field([], max_length=50)


class MemoryCreate(Shape):
    """Body of `POST …/memories`."""

    path: str
    content: str | None


class Precondition(Shape):
    """What an update expects to find."""

    type: Literal["content_sha256"]
    content_sha256: str | None = None


class MemoryUpdate(Shape):
    """Body of `POST …/memories/{id}`."""

    content: str | None = None
    path: str | None = None
    precondition: Precondition | None = None


class MemoryStoreCreate(Shape):
    """Body of `POST /v1/memory_stores`."""

    name: str = Field(min_length=1, max_length=255)
    description: str = Field("", max_length=1024)
    metadata: Metadata = {}
