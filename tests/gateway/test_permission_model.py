"""For any sequence of events and posts, no result is sent for a call that isn't open and permitted, and none is accepted twice.

The model says what is right from the bare list of events; it shares no code with the gateway's ledger. It is held against the
ledger alone (many sequences) and against a whole gateway before a control plane (fewer).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from gateway_lab import gateway_lab, told_plane, tool_result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domicile_host.gateway.ledger import Ledger, Standing, result_digest
from domicile_host.gateway.refusal import Refused

IDS = ["sevt_a", "sevt_b"]
OWN_TOOLS = {"bash", "read", "write", "edit", "glob", "grep"}

ids = st.sampled_from(IDS)
threads = st.sampled_from([None, "sthr_1", "sthr_2"])
calls = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["agent.tool_use", "agent.tool_use", "agent.custom_tool_use", "agent.mcp_tool_use"]),
        "id": ids,
        "name": st.sampled_from(["bash", "bash", "grep", "web_search", "Bash"]),
        "evaluated_permission": st.sampled_from(["allow", "allow", "ask", "deny", None, "later", True, 1]),
        "session_thread_id": threads,
        "input": st.just({}),
    }
)
verdicts = st.fixed_dictionaries(
    {"type": st.just("user.tool_confirmation"), "tool_use_id": ids, "result": st.sampled_from(["allow", "deny", "maybe", None])}
)
echoes = st.builds(tool_result, ids, st.sampled_from(["one", "two"]))
ends = st.fixed_dictionaries(
    {"type": st.just("session.thread_status_terminated"), "session_thread_id": st.sampled_from(["sthr_1", "sthr_2"])}
)
noise = st.sampled_from([{"type": "session.status_idle"}, {"type": "agent.message"}, {}, {"type": ["agent.tool_use"]}, {"type": 3}])
said = st.one_of(calls, calls, verdicts, echoes, ends, noise)
posted = st.tuples(ids, st.sampled_from(["one", "two"]), st.sampled_from(["accepted", "accepted", "rejected", "unknown", "lost"]))
steps = st.lists(st.one_of(said, posted), max_size=25)


@dataclass
class Model:
    """What is right, by the bare list of what the control plane said and what was sent."""

    said: list[dict[str, Any]] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    uncertain: dict[str, str] = field(default_factory=dict)

    def may_send(self, call_id: str, text: str) -> bool:
        made = [event for event in self.said if str(event.get("type", "")).endswith("tool_use") and event.get("id") == call_id]
        made = [event for event in made if event["type"] in ("agent.tool_use", "agent.custom_tool_use")]
        if not made or made[0]["type"] != "agent.tool_use" or made[0]["name"] not in OWN_TOOLS:
            return False
        call = made[0]
        verdicts = [e["result"] for e in self.said if e.get("type") == "user.tool_confirmation" and e["tool_use_id"] == call_id]
        if call["evaluated_permission"] == "deny" or any(verdict != "allow" for verdict in verdicts):
            return False
        if call["evaluated_permission"] not in ("allow", None) and not verdicts:
            return False
        ended = [e["session_thread_id"] for e in self.said if e.get("type") == "session.thread_status_terminated"]
        answered = any(e.get("type") == "user.tool_result" and e["tool_use_id"] == call_id for e in self.said)
        return call["session_thread_id"] not in ended and not answered and self.uncertain.get(call_id, text) == text


@settings(max_examples=600, deadline=None)
@given(steps)
def test_the_ledger_agrees_with_the_model(sequence: list[Any]) -> None:
    ledger, model = Ledger(), Model()
    for step in sequence:
        if isinstance(step, dict):
            ledger.learn(step)
            model.said.append(step)
            continue
        call_id, text, fate = step
        event = tool_result(call_id, text)
        try:
            standing = ledger.judge("toolset", call_id, result_digest(event))
        except Refused:
            assert not model.may_send(call_id, text)
            continue
        if standing is Standing.ACCEPTED:
            assert not model.may_send(call_id, text)
            continue
        assert model.may_send(call_id, text)
        assert (standing is Standing.RETRY) == (call_id in model.uncertain)
        ledger.attempt(call_id, result_digest(event))
        if fate == "accepted":
            ledger.accept(call_id)
            model.said.append(event)
            model.uncertain.pop(call_id, None)
        elif fate == "rejected":
            ledger.withdraw(call_id)
            model.uncertain.pop(call_id, None)
        else:
            model.uncertain[call_id] = text


@settings(max_examples=200, deadline=None)
@given(st.lists(said, max_size=12), st.randoms(use_true_random=False))
def test_events_learned_twice_or_by_pages_change_nothing(events: list[dict[str, Any]], random: Any) -> None:
    """The history and the stream overlap."""
    once, twice = Ledger(), Ledger()
    for event in events:
        once.learn(event)
    for event in events:
        twice.learn(event)
        twice.learn(random.choice(events[: events.index(event) + 1]))
    for call_id in IDS:
        assert _standing(once, call_id) == _standing(twice, call_id)


def _standing(ledger: Ledger, call_id: str) -> str:
    try:
        return ledger.judge("toolset", call_id, result_digest(tool_result(call_id, "one"))).value
    except Refused as refused:
        return refused.rule


@pytest.mark.timeout(120)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(said, posted, st.just("restart")), max_size=14))
def test_a_whole_gateway_agrees_with_the_model(sequence: list[Any]) -> None:
    asyncio.run(_play(sequence))


async def _play(sequence: list[Any]) -> None:
    from aiohttp import web

    model, fate = Model(), ""

    async def answer(request: web.Request) -> web.StreamResponse | None:
        [event] = (await request.json())["events"]
        call_id, text = event["tool_use_id"], event["content"][0]["text"]
        assert model.may_send(call_id, text)
        if fate == "rejected":
            model.uncertain.pop(call_id, None)
            return web.json_response({}, status=400)
        if fate == "unknown":
            model.uncertain[call_id] = text
            return web.json_response({}, status=500)
        model.said.append(event)
        plane.history["sesn_own"].append({"id": f"sevt_echo_{len(model.said)}", **event})
        return web.json_response({}, status=500) if fate == "lost" else web.json_response({"data": []})

    async with told_plane() as plane, gateway_lab(plane.url) as lab:
        plane.session()
        plane.post_answer = answer
        binding = await lab.bind()
        for step in sequence:
            if step == "restart":
                await lab.restart()
                await lab.bind_again(binding)
                model.uncertain.clear()  # a new gateway knows no outcome but those in the history
            elif isinstance(step, dict):
                plane.history["sesn_own"].append(step)
                model.said.append(step)
            else:
                call_id, text, fate = step
                before = len(plane.posts)
                allowed = model.may_send(call_id, text)
                got = await lab.post(binding, tool_result(call_id, text))
                assert (len(plane.posts) > before) == allowed, got.body
