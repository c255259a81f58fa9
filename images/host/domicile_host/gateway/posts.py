"""Shapes of the bodies that a sandbox may post. What is forwarded is written anew from these models.

Sizes: the limits of the official toolset (text 256 KiB, image 5 MiB of base64, PDF 20 MiB) with room for JSON's escapes.
Content by URL or by file id never passes: it would make the control plane fetch an address of the sandbox's choice,
or show the session a file of another.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from domicile_host.gateway import strict_json
from domicile_host.gateway.refusal import Refused

RESULT_BYTES = 28 << 20
"""Body of a posted result: a PDF of 20 MiB in base64, and a little."""

SMALL_BYTES = 1 << 20
"""Body of any other call: a memory's content is at most 102,400 bytes (SDK 2.11, memory_update_params)."""

_IMAGE = Annotated[str, StringConstraints(max_length=5 << 20, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
_DOCUMENT = Annotated[str, StringConstraints(max_length=27 << 20, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
_TEXT = Annotated[str, StringConstraints(max_length=1 << 20)]
_LABEL = Annotated[str, StringConstraints(max_length=4096)]
_EVENT_ID = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TextBlock(_Shape):
    type: Literal["text"]
    text: _TEXT


class ImageSource(_Shape):
    type: Literal["base64"]
    media_type: Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
    data: _IMAGE


class ImageBlock(_Shape):
    type: Literal["image"]
    source: ImageSource


class DocumentBytes(_Shape):
    type: Literal["base64"]
    media_type: Literal["application/pdf"]
    data: _DOCUMENT


class DocumentText(_Shape):
    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: _TEXT


class DocumentBlock(_Shape):
    type: Literal["document"]
    source: Annotated[DocumentBytes | DocumentText, Field(discriminator="type")]
    title: _LABEL | None = None
    context: _LABEL | None = None


class Citations(_Shape):
    enabled: bool


class SearchResultBlock(_Shape):
    type: Literal["search_result"]
    source: _LABEL
    title: _LABEL
    content: Annotated[list[TextBlock], Field(max_length=64)]
    citations: Citations


Block = Annotated[TextBlock | ImageBlock | DocumentBlock | SearchResultBlock, Field(discriminator="type")]
Content = Annotated[list[Block], Field(max_length=64)]


class ToolResult(_Shape):
    """The result of a call of the agent toolset."""

    type: Literal["user.tool_result"]
    tool_use_id: _EVENT_ID
    content: Content = []
    is_error: bool | None = None

    @property
    def call_id(self) -> str:
        return self.tool_use_id


class CustomToolResult(_Shape):
    """The result of a call of a custom tool."""

    type: Literal["user.custom_tool_result"]
    custom_tool_use_id: _EVENT_ID
    content: Content = []
    is_error: bool | None = None

    @property
    def call_id(self) -> str:
        return self.custom_tool_use_id


Result = ToolResult | CustomToolResult
Shape = TypeVar("Shape", bound=BaseModel)


class _Post(_Shape):
    events: Annotated[list[Annotated[Result, Field(discriminator="type")]], Field(min_length=1, max_length=1)]


class Force(_Shape):
    """The body of a stop."""

    force: bool = False


class NewMemory(_Shape):
    """The body of a memory's creation."""

    path: Annotated[str, StringConstraints(min_length=2, max_length=1024, pattern=r"^/")]
    content: Annotated[str, StringConstraints(max_length=102_400)]


class Precondition(_Shape):
    type: Literal["content_sha256"]
    content_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ChangedMemory(_Shape):
    """The body of a memory's update: the workers change content, and only on the state they know."""

    content: Annotated[str, StringConstraints(max_length=102_400)]
    precondition: Precondition | None = None


def read_json(body: bytes) -> JsonValue:
    """The body's JSON. Raises `Refused` when it isn't, or isn't of one meaning."""
    try:
        return strict_json.parse_from_sandbox(body)
    except strict_json.MalformedJson as error:
        raise Refused("json", 400, f"the body isn't plain JSON: {error}") from error


def read_result(body: bytes) -> Result:
    """The one result in a post of events. Raises `Refused` for any other event and any other shape."""
    value = read_json(body)
    events = value.get("events") if isinstance(value, dict) else None
    if isinstance(events, list):
        if len(events) != 1:
            raise Refused("one-event", 400, "a post holds one event, as the official workers send them")
        kind = events[0].get("type") if isinstance(events[0], dict) else None
        if kind not in ("user.tool_result", "user.custom_tool_result"):
            raise Refused("results-only", 403, "a sandbox may post tool results only: it doesn't speak for the user")
    return read_shape(_Post, value).events[0]


def read_shape(shape: type[Shape], value: JsonValue) -> Shape:
    """`value` as `shape`. Raises `Refused` naming the first place that doesn't fit, and none of its content."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_input=False, include_context=False)[0]["loc"])
        where = re.sub(r"[^A-Za-z0-9_.]", "?", place)[:120]
        raise Refused("body-shape", 400, f"the body isn't of the documented shape at `{where or 'body'}`") from error


def write(shape: BaseModel) -> JsonValue:
    """The checked body's own fields, to be sent on."""
    value: JsonValue = shape.model_dump(mode="json", exclude_unset=True)
    return value
