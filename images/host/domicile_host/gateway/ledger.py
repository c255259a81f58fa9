"""The tool calls of one session as the control plane tells them, and which result may be posted now.

Pure state: no clock, no network. `session` feeds it events and asks it; the property test drives it alone.

Of two things that the control plane says, the stricter counts, in whatever order they come: a denial is final, an answer is
final, a thread's end is final, and a permission that this gateway doesn't know waits for a confirmation as `ask` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pydantic import JsonValue

from domicile_host.gateway import strict_json
from domicile_host.gateway.refusal import Refused

TOOLSET = frozenset({"bash", "read", "write", "edit", "glob", "grep"})
"""`agent_toolset_20260401`: the tools that run in a self-hosted sandbox; web_search and web_fetch run at Anthropic."""

CALL_EVENTS = {"agent.tool_use": "toolset", "agent.custom_tool_use": "custom"}
RESULT_EVENTS = {"user.tool_result": "tool_use_id", "user.custom_tool_result": "custom_tool_use_id"}
END_EVENTS = frozenset({"session.status_terminated", "session.deleted"})
UNSETTLED = frozenset({"unknown-call", "not-confirmed"})
"""Refusals that an event not yet seen could lift."""


@dataclass(frozen=True)
class ToolCall:
    """A call as the control plane said it."""

    id: str
    kind: str
    """`toolset` or `custom`."""
    tool: str
    permission: str | None
    thread: str | None
    input: JsonValue


class Standing(Enum):
    """What a post of a permitted result is."""

    FIRST = "first"
    RETRY = "retry"
    """The same result was sent before and nobody knows whether it was accepted."""
    ACCEPTED = "accepted"
    """The same result was accepted before: there is nothing to send."""


class Ledger:
    """What is known of one session's calls."""

    def __init__(self, custom_tools: frozenset[str] = frozenset()) -> None:
        self._custom_tools = custom_tools
        self._calls: dict[str, ToolCall] = {}
        self._verdicts: dict[str, bool] = {}
        self._answers: dict[str, str] = {}
        self._attempts: dict[str, str] = {}
        self._ended_threads: set[str] = set()

    def learn(self, event: Mapping[str, JsonValue]) -> ToolCall | None:
        """Takes in one event of the session; says which call is new, if one is. Taking an event in twice changes nothing."""
        kind = text(event, "type")
        if kind in CALL_EVENTS:
            return self._learn_call(CALL_EVENTS[kind], event)
        if kind == "user.tool_confirmation":
            call_id, allowed = text(event, "tool_use_id"), event.get("result") == "allow"
            self._verdicts[call_id] = allowed and self._verdicts.get(call_id, True)
        elif kind in RESULT_EVENTS:
            self._answers.setdefault(text(event, RESULT_EVENTS[kind]), result_digest(event))
        elif kind == "session.thread_status_terminated":
            self._ended_threads.add(text(event, "session_thread_id"))
        return None

    def _learn_call(self, kind: str, event: Mapping[str, JsonValue]) -> ToolCall | None:
        call_id = text(event, "id")
        if not call_id or call_id in self._calls:
            return None
        permission, thread = event.get("evaluated_permission"), event.get("session_thread_id")
        call = ToolCall(
            id=call_id,
            kind=kind,
            tool=text(event, "name"),
            permission=None if permission is None else str(permission),
            thread=None if thread is None else str(thread),
            input=event.get("input"),
        )
        self._calls[call_id] = call
        return call

    def owns(self, call: ToolCall) -> bool:
        """Whether the call's tool runs in this sandbox."""
        return call.tool in (TOOLSET if call.kind == "toolset" else self._custom_tools)

    def answered(self, call_id: str) -> bool:
        """Whether a call has its result."""
        return call_id in self._answers

    def closed(self, call_id: str) -> bool:
        """Whether a call has its answer or can't get one any more."""
        call = self._calls.get(call_id)
        over = call is not None and (call.permission == "deny" or call.thread in self._ended_threads)
        return over or call_id in self._answers or self._verdicts.get(call_id) is False

    def open_calls(self) -> int:
        """How many of this sandbox's calls have no result yet."""
        return sum(1 for call in self._calls.values() if self.owns(call) and not self.closed(call.id))

    def judge(self, kind: str, call_id: str, digest: str) -> Standing:
        """Whether a result of `kind` for `call_id` may be posted. Raises `Refused` when not, naming the rule."""
        call = self._calls.get(call_id)
        if call is None:
            raise Refused("unknown-call", 403, "this session has no such call")
        if call.kind != kind or not self.owns(call):
            raise Refused("not-owned", 403, "the call's tool isn't one that this sandbox serves")
        if call_id in self._answers:
            if self._answers[call_id] == digest:
                return Standing.ACCEPTED
            raise Refused("already-answered", 403, "the call has its result")
        self._check_permission(call)
        if call_id not in self._attempts:
            return Standing.FIRST
        if self._attempts[call_id] != digest:
            raise Refused("different-retry", 403, "another result for this call was sent and may have been accepted")
        return Standing.RETRY

    def _check_permission(self, call: ToolCall) -> None:
        verdict = self._verdicts.get(call.id)
        if call.permission == "deny" or verdict is False:
            raise Refused("denied", 403, "the call was denied")
        if call.permission not in (None, "allow") and verdict is not True:
            raise Refused("not-confirmed", 403, "the call waits for the user's confirmation")
        if call.thread is not None and call.thread in self._ended_threads:
            raise Refused("thread-ended", 403, "the call's thread has ended")

    def attempt(self, call_id: str, digest: str) -> None:
        """A result is about to be sent: until `accept` or `withdraw` nobody knows whether it is accepted."""
        self._attempts[call_id] = digest

    def accept(self, call_id: str) -> None:
        """The control plane has taken the result that was sent."""
        self._answers[call_id] = self._attempts.pop(call_id)

    def withdraw(self, call_id: str) -> None:
        """The control plane has refused the result that was sent: the call is as open as before."""
        self._attempts.pop(call_id, None)


def result_digest(event: Mapping[str, JsonValue]) -> str:
    """What two results must have in common to be the same one."""
    return strict_json.digest({"content": event.get("content") or [], "is_error": bool(event.get("is_error"))})


def text(event: Mapping[str, JsonValue], name: str) -> str:
    """A field of an event, empty when it isn't a text."""
    value = event.get(name)
    return value if isinstance(value, str) else ""
