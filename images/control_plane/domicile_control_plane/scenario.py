"""What a scripted brain plays: a YAML file of session setup, turns with tool calls, and what must come back.

Written by users (`make session SCENARIO=file.yaml`) and tests, read by `brain`. A scenario is validated whole; each error says where it is
and what is allowed there.

`${{name}}` anywhere in a call is replaced: by a variable of the scenario or of the one who starts it, by what an earlier result was
captured as, or by `session.id`, `environment.id`, `work.id` and `calls.<id>.event_id`. Shell's own `${…}` is left alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from .shapes import Metadata, Permission

SHIPPED = Path(__file__).resolve().parent.parent / "scenarios"
PLACEHOLDER = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


def check_pattern(pattern: str) -> None:
    """Refuse what isn't a regular expression."""
    try:
        re.compile(PLACEHOLDER.sub("x", pattern))
    except re.error as error:
        raise ValueError(f"{pattern!r} isn't a regular expression: {error}") from error


class ScenarioError(ValueError):
    """A scenario that can't be played; one line an error: where, what was found, what is allowed."""


class Part(BaseModel):
    """A part of a scenario; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Expectation(Part):
    """What a text must be. All that is given must hold."""

    is_error: bool | None = Field(None, description="whether the result is an error; unset: either")
    exact: str | None = Field(None, description="the whole text, apart from white space at both ends")
    contains: list[str] = []
    excludes: list[str] = Field([], description="what must not occur, such as a credential")
    matches: str | None = Field(None, description="a regular expression found anywhere (multi-line, dot matches all)")

    @field_validator("contains", "excludes", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("matches")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            check_pattern(value)
        return value

    def filled(self, variables: dict[str, str]) -> Expectation:
        """With every `${{name}}` replaced; in a regular expression a value stands for itself.

        Raises:
            KeyError: a name that has no value.
        """
        plain = fill(self.model_dump(exclude={"matches"}), variables)
        return Expectation(**plain, matches=fill_pattern(self.matches, variables) if self.matches is not None else None)

    def failures(self, text: str, is_error: bool = False) -> list[str]:
        """What doesn't hold; empty when all does."""
        shown = text if len(text) <= 300 else text[:300] + "…"
        checks = [
            (self.is_error is None or self.is_error == is_error, f"is_error is {str(is_error).lower()}"),
            (self.exact is None or text.strip() == self.exact.strip(), f"isn't exactly {self.exact!r}"),
            (self.matches is None or re.search(self.matches, text, re.M | re.S) is not None, f"doesn't match {self.matches!r}"),
            *((part in text, f"lacks {part!r}") for part in self.contains),
            *((part not in text, f"contains {part!r}") for part in self.excludes),
        ]
        return [f"{words}: {shown!r}" for holds, words in checks if not holds]


class Confirmation(Part):
    """What the user says to a call that asks, counted from when a worker holds the session."""

    result: Literal["allow", "deny"] = "allow"
    message: str | None = Field(None, description="reason of a denial")
    after_seconds: float = Field(0.05, ge=0)


class Answer(Part):
    """A custom tool's result from a client of the brain's side."""

    text: str
    is_error: bool = False
    after_seconds: float = Field(0.05, ge=0)


class Call(Part):
    """One tool call."""

    id: str | None = Field(None, pattern=r"^\w[\w-]*$", description="name for `${{calls.<id>.event_id}}` and in reports; unset: its place")
    tool: str | None = Field(None, description="bash, read, write, edit, glob, grep, or any other name")
    custom: str | None = Field(None, description="a custom tool's name, instead of `tool`")
    input: dict[str, Any] = {}
    permission: Permission | None = Field(None, description="unset: as `session.permissions` says")
    confirm: Confirmation | None = Field(None, description="what the user says to `ask`; unset: nothing, ever")
    answer: Answer | None = Field(None, description="the custom tool's result; unset: a worker's")
    expect: Expectation = Expectation()
    capture: dict[str, str] = Field({}, description="name to regular expression: its first group (or the match) becomes a variable")

    @model_validator(mode="after")
    def _one_kind(self) -> Call:
        if (self.tool is None) == (self.custom is None):
            raise ValueError("give either `tool` or `custom`")
        if self.answer is not None and self.custom is None:
            raise ValueError("`answer` belongs to a `custom` call")
        if self.confirm is not None and self.permission == "deny":
            raise ValueError("a call with permission deny can't be confirmed")
        for pattern in self.capture.values():
            check_pattern(pattern)
        return self


class Turn(Part):
    """One step of the agent: it may speak, then makes its calls in parallel; the next turn follows when all are resolved."""

    user: str | None = Field(None, description="a new user message, which ends the exchange before it")
    when: Literal["idle", "dormant"] = Field("idle", description="send it once the session is idle, or once its work item has stopped")
    say: str | None = Field(None, description="an agent.message before the calls")
    events: list[dict[str, Any]] = Field([], description="further events, each with a `type`, such as agent.thinking")
    calls: list[Call] = []
    interrupt_after_seconds: float | None = Field(None, ge=0, description="the user interrupts so long after the calls")

    @field_validator("events")
    @classmethod
    def _typed(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not all(isinstance(event.get("type"), str) for event in value):
            raise ValueError("each event needs a `type`")
        return value


class Skill(Part):
    """A skill of the session's agent."""

    name: Slug
    description: str = "A skill."
    files: dict[str, str] = Field({}, description="path below the skill's folder to text; one that begins with #! is executable")


class Memory(Part):
    """A memory store of the session."""

    name: str = Field(min_length=1)
    access: Literal["read_write", "read_only"] = "read_write"
    mount_path: str | None = Field(None, description="unset: /mnt/memory/<name as a slug>")
    memories: dict[str, str] = {}


class Setup(Part):
    """The session as it is created."""

    title: str | None = None
    metadata: Metadata = {}
    skills: list[Skill] = []
    memory_stores: list[Memory] = Field([], max_length=8)
    permissions: dict[str, Permission] = Field({}, description="tool name, or `default`, to permission")

    def permission(self, tool: str) -> Permission:
        """What a call of this tool needs: allow unless said otherwise."""
        return self.permissions.get(tool, self.permissions.get("default", "allow"))


class MemoryCheck(Part):
    """What a memory must be after the session's work item has stopped."""

    store: str = Field(description="name of the memory store")
    path: str
    absent: bool = False
    expect: Expectation = Expectation()


class Scenario(Part):
    """A whole scenario."""

    name: Slug
    description: str = ""
    session: Setup = Setup()
    variables: dict[str, str] = {}
    prompt: str = Field("Please begin.", description="the first user message")
    turns: list[Turn] = Field(min_length=1)
    ends: Literal["end_turn", "terminated"] = "end_turn"
    finally_memory: list[MemoryCheck] = []
    limit_seconds: float = Field(300, gt=0, description="from the session's creation; then the verdict is `failed`")

    @model_validator(mode="after")
    def _hangs_together(self) -> Scenario:
        stores = {store.name for store in self.session.memory_stores}
        for check in self.finally_memory:
            if check.store not in stores:
                raise ValueError(f"finally_memory names the store {check.store!r}; the session has {sorted(stores)}")
        if self.turns[0].user is not None:
            raise ValueError("the first turn has no `user`: the first user message is `prompt`")
        names = [call.id for turn in self.turns for call in turn.calls if call.id]
        if len(names) != len(set(names)):
            raise ValueError(f"call ids must differ: {sorted(name for name in set(names) if names.count(name) > 1)}")
        return self


def load(source: str | Path | dict[str, Any]) -> Scenario:
    """Read a scenario: a mapping, YAML text, a file, or the name of one shipped with the product.

    Raises:
        ScenarioError: it isn't YAML, or says what a scenario can't.
    """
    if isinstance(source, Path) or (isinstance(source, str) and "\n" not in source):
        source = _file(source)
    try:
        content = yaml.safe_load(source) if isinstance(source, str) else source
        return Scenario.model_validate(content)
    except yaml.YAMLError as error:
        raise ScenarioError(f"not YAML: {error}") from error
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'scenario'}: {item['msg']}" for item in error.errors()]
        raise ScenarioError("\n".join(lines)) from error


def shipped() -> list[str]:
    """Names of the scenarios shipped with the product."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def _file(source: str | Path) -> str:
    path = Path(source)
    if isinstance(source, str) and re.fullmatch(r"[a-z0-9-]+", source):
        path = SHIPPED / f"{source}.yaml"
    try:
        return path.read_text()
    except OSError as error:
        raise ScenarioError(f"can't read {path}: {error.strerror}; shipped scenarios: {', '.join(shipped()) or 'none'}") from error


def fill_pattern(pattern: str, variables: dict[str, str]) -> str:
    """Replace every `${{name}}` in a regular expression by what matches its value literally."""
    return PLACEHOLDER.sub(lambda found: re.escape(variables[found[1]]), pattern)


def fill(value: Any, variables: dict[str, str]) -> Any:
    """Replace every `${{name}}` in a value, at any depth.

    Raises:
        KeyError: a name that has no value.
    """
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: variables[found[1]], value)
    if isinstance(value, dict):
        return {key: fill(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, variables) for item in value]
    return value
