"""The scripted brain: plays a scenario in a session as an agent and its user would, judges every result, and gives a verdict.

`ControlPlane` starts runs here; `sessions` hands in each user event, `work` each change of a work item. Where a run stands is kept in the
store, so that a restarted stand-in goes on with it.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel

from .log import Logger
from .memory import MemoryStores
from .scenario import Answer, Call, Confirmation, Expectation, Scenario, ScenarioError, Turn, fill, fill_pattern
from .sessions import UNRESOLVED, Event, Sessions
from .shapes import (
    Content,
    MemoryCreate,
    MemoryStoreCreate,
    SessionCreate,
    UserCustomToolResult,
    UserEvent,
    UserInterrupt,
    UserToolConfirmation,
    Work,
)
from .skills import Skills
from .store import Store
from .work import WorkQueue

Verdict = Literal["running", "passed", "failed"]
Phase = Literal["calls", "between", "settling", "over"]


class Progress(BaseModel):
    """Where a run stands."""

    turn: int = -1
    phase: Phase = "between"
    calls: dict[str, int] = {}
    scheduled: bool = False
    variables: dict[str, str] = {}
    stores: dict[str, str] = {}


class Outcome(BaseModel):
    """How a run went."""

    session_id: str
    scenario: str
    verdict: Verdict
    reasons: list[str]


class Run:
    """One session's run in memory."""

    def __init__(self, session_id: str, scenario: Scenario, progress: Progress, created_at: float) -> None:
        self.session_id = session_id
        self.scenario = scenario
        self.progress = progress
        self.created_at = created_at
        self.reasons: list[str] = []
        self.finished = asyncio.Event()

    @property
    def turn(self) -> Turn:
        """The turn that is being played."""
        return self.scenario.turns[self.progress.turn]


class ScriptedBrain:
    """Plays all scenarios."""

    def __init__(self, store: Store, sessions: Sessions, queue: WorkQueue, skills: Skills, memory: MemoryStores, log: Logger) -> None:
        self._store, self._sessions, self._queue = store, sessions, queue
        self._skills, self._memory, self._log = skills, memory, log
        self._runs: dict[str, Run] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        sessions.brain = self
        queue.watchers.append(self._item_changed)

    def start(self, environment_id: str, scenario: Scenario, variables: dict[str, str]) -> str:
        """Create the scenario's session and begin to play; the session's id."""
        try:
            with self._store.transaction():
                run = self._set_up(environment_id, scenario, {**scenario.variables, **variables})
                self._next_turn(run)
        except KeyError as error:
            raise ScenarioError(f"${{{{{error.args[0]}}}}} has no value: give it among the variables") from error
        self._after(scenario.limit_seconds, self._expire, run)
        return run.session_id

    def resume(self) -> None:
        """Go on with the runs that a former process left."""
        for row in self._store.rows("SELECT * FROM runs WHERE verdict = 'running'"):
            scenario, progress = Scenario.model_validate_json(row["scenario"]), Progress.model_validate_json(row["state"])
            run = self._runs[row["session_id"]] = Run(row["session_id"], scenario, progress, row["created_at"])
            run.reasons = json.loads(row["reasons"])
            self._after(max(row["created_at"] + scenario.limit_seconds - time.time(), 0), self._expire, run)
            item = self._queue.live_item(run.session_id)
            progress.scheduled = False
            if item is not None:
                self._item_changed(item)

    def outcome(self, session_id: str) -> Outcome | None:
        """The verdict on a session so far; `None` if no scenario is played in it."""
        row = self._store.row("SELECT * FROM runs WHERE session_id = ?", session_id)
        if row is None:
            return None
        name = Scenario.model_validate_json(row["scenario"]).name
        return Outcome(session_id=session_id, scenario=name, verdict=row["verdict"], reasons=json.loads(row["reasons"]))

    async def finished(self, session_id: str) -> Outcome:
        """Wait for the verdict."""
        run = self._runs.get(session_id)
        if run is not None:
            await run.finished.wait()
        outcome = self.outcome(session_id)
        if outcome is None:
            raise KeyError(f"no scenario is played in session {session_id}")
        return outcome

    def close(self) -> None:
        """Stop all timers; the runs stay where they are."""
        for timer in self._timers:
            timer.cancel()

    def received(self, session_id: str, event: Event) -> None:
        """A user event has been stored (see `Sessions.receive`)."""
        run = self._runs.get(session_id)
        if run is None or run.finished.is_set():
            self._improvise(session_id, event)
            return
        match event["type"]:
            case "user.tool_result" | "user.custom_tool_result":
                self._judge(run, event)
            case "user.tool_confirmation" if event["result"] == "deny":
                self._resolved(run)
            case "user.interrupt":
                self._interrupted(run)
            case "user.message":
                self._sessions.wake(session_id)

    def _set_up(self, environment_id: str, scenario: Scenario, variables: dict[str, str]) -> Run:
        skills = [{"skill_id": self._skills.create(skill.name, skill.description, skill.files)} for skill in scenario.session.skills]
        stores, resources = self._attach(scenario, variables)
        prompt = fill(scenario.prompt, variables)
        asked = {
            "agent": {"name": scenario.name, "skills": skills},
            "environment_id": environment_id,
            "title": scenario.session.title or scenario.name,
            "metadata": scenario.session.metadata,
        }
        session_id = self._sessions.create(SessionCreate.model_validate(asked), resources)
        known = {**variables, "session.id": session_id, "environment.id": environment_id}
        run = self._runs[session_id] = Run(session_id, scenario, Progress(variables=known, stores=stores), time.time())
        sql = "INSERT INTO runs VALUES (?, ?, '{}', 'running', '[]', ?, NULL)"
        self._store.run(sql, session_id, scenario.model_dump_json(), run.created_at)
        self._sessions.emit(session_id, "user.message", content=_text(prompt))
        return run

    def _attach(self, scenario: Scenario, variables: dict[str, str]) -> tuple[dict[str, str], list[dict[str, Any]]]:
        stores: dict[str, str] = {}
        resources = []
        for store in scenario.session.memory_stores:
            stores[store.name] = self._memory.create(MemoryStoreCreate(name=store.name))
            for path, content in store.memories.items():
                self._memory.add(stores[store.name], MemoryCreate(path=path, content=content))
            resources.append(self._memory.attachment(stores[store.name], store.access, fill(store.mount_path, variables)))
        return stores, resources

    def archived(self, session_id: str) -> None:
        """The session was ended by somebody else; see `Sessions.archive`."""
        run = self._runs.get(session_id)
        if run is not None and not run.finished.is_set():
            run.reasons.append("the session was archived before the scenario's end")
            self._finish(run)

    def _next_turn(self, run: Run) -> None:
        progress = run.progress
        if progress.turn + 1 >= len(run.scenario.turns):
            self._conclude(run)
            return
        progress.turn += 1
        turn = run.turn
        if turn.user is not None and progress.phase != "between":
            self._sessions.emit(run.session_id, "session.status_idle", stop_reason={"type": "end_turn"})
            progress.phase = "between"
        if turn.user is not None and turn.when == "dormant" and self._queue.live_item(run.session_id):
            self._save(run)
            return
        self._play(run)

    def _play(self, run: Run) -> None:
        session_id = run.session_id
        if run.turn.user is not None:
            self._sessions.emit(session_id, "user.message", content=_text(run.turn.user))
        self._sessions.wake(session_id)
        self._sessions.emit(session_id, "session.status_running")
        run.progress.phase, run.progress.scheduled, run.progress.calls = "calls", False, {}
        try:
            self._act(run)
        except KeyError as error:
            run.reasons.append(f"turn {run.progress.turn + 1}: ${{{{{error.args[0]}}}}} has no value")
            self._conclude(run)
            return
        if self._sessions.unresolved(session_id):
            self._wait(run)
        else:
            self._next_turn(run)

    def _act(self, run: Run) -> None:
        """What the agent does in this turn: it speaks, and makes its calls."""
        turn, variables = run.turn, run.progress.variables
        if turn.say is not None:
            self._sessions.emit(run.session_id, "agent.message", content=_text(fill(turn.say, variables)))
        for event in turn.events:
            fields = fill(event, variables)
            self._sessions.emit(run.session_id, fields.pop("type"), **fields)
        for place, call in enumerate(turn.calls):
            fill(call.answer and call.answer.text, variables)
            kind = "agent.tool_use" if call.tool else "agent.custom_tool_use"
            event = self._sessions.emit(run.session_id, kind, input=fill(call.input, variables), **_call_fields(run.scenario, call))
            run.progress.calls[event["id"]] = place
            variables[f"calls.{_name(run, place)}.event_id"] = event["id"]

    def _wait(self, run: Run) -> None:
        """Idle until the open calls are resolved."""
        reason = {"type": "requires_action", "event_ids": self._sessions.unresolved(run.session_id)}
        self._sessions.emit(run.session_id, "session.status_idle", stop_reason=reason)
        self._save(run)
        item = self._queue.live_item(run.session_id)
        if item is not None and item.state == "active":
            self._schedule(run)

    def _schedule(self, run: Run) -> None:
        """Set the clocks of what the user and the user's clients do, once a worker holds the session."""
        if run.progress.scheduled or run.progress.phase != "calls":
            return
        run.progress.scheduled = True
        self._save(run)
        for event_id, place in run.progress.calls.items():
            call, state = run.turn.calls[place], self._sessions.call_state(event_id)
            if call.confirm is not None and state == "ask":
                self._after(call.confirm.after_seconds, self._speak, run, event_id, _confirmation(call.confirm, event_id))
            if call.answer is not None and state == "open":
                text = fill(call.answer.text, run.progress.variables)
                self._after(call.answer.after_seconds, self._speak, run, event_id, _custom_result(call.answer, text, event_id))
        if run.turn.interrupt_after_seconds is not None:
            self._after(run.turn.interrupt_after_seconds, self._interrupt, run, run.progress.turn)

    def _speak(self, run: Run, event_id: str, said: UserEvent) -> None:
        if event_id in run.progress.calls and self._sessions.call_state(event_id) in UNRESOLVED:
            self._sessions.receive(run.session_id, [said])

    def _interrupt(self, run: Run, turn: int) -> None:
        if run.progress.turn == turn and run.progress.phase == "calls":
            self._sessions.receive(run.session_id, [UserInterrupt(type="user.interrupt")])

    def _judge(self, run: Run, event: Event) -> None:
        call_id = event.get("tool_use_id") or event.get("custom_tool_use_id") or ""
        place = run.progress.calls.get(call_id)
        if place is None:
            return
        call, text = run.turn.calls[place], content_text(event)
        name = _name(run, place)
        run.reasons += [f"call {name}: the result {failure}" for failure in _unmet(run, call.expect, text, bool(event.get("is_error")))]
        self._capture(run, call, name, text)
        self._resolved(run)

    def _capture(self, run: Run, call: Call, name: str, text: str) -> None:
        for variable, pattern in call.capture.items():
            found = re.search(fill_pattern(pattern, run.progress.variables), text, re.M)
            if found is None:
                run.reasons.append(f"call {name}: nothing to capture as {variable!r} by {pattern!r} in {text[:200]!r}")
            else:
                run.progress.variables[variable] = found[1] if found.re.groups else found[0]

    def _resolved(self, run: Run) -> None:
        if run.progress.phase != "calls":
            return
        if self._sessions.unresolved(run.session_id):
            self._wait(run)
        else:
            self._next_turn(run)

    def _interrupted(self, run: Run) -> None:
        for event_id in self._sessions.unresolved(run.session_id):
            self._sessions.set_call_state(event_id, "dropped")
        if run.progress.phase == "calls":
            self._sessions.emit(run.session_id, "session.status_idle", stop_reason={"type": "end_turn"})
            run.progress.phase = "between"
            self._next_turn(run)

    def _conclude(self, run: Run) -> None:
        if run.scenario.ends == "terminated":
            self._sessions.emit(run.session_id, "session.status_terminated")
        elif run.progress.phase != "between":
            self._sessions.emit(run.session_id, "session.status_idle", stop_reason={"type": "end_turn"})
        if run.scenario.finally_memory and self._queue.live_item(run.session_id):
            run.progress.phase = "settling"
            self._save(run)
        else:
            self._settle(run)

    def _settle(self, run: Run) -> None:
        for check in run.scenario.finally_memory:
            content = self._memory.contents(run.progress.stores[check.store]).get(check.path)
            where = f"memory {check.path} of {check.store!r}"
            if (content is None) != check.absent:
                run.reasons.append(f"{where} {'is missing' if content is None else 'is still there'}")
            elif content is not None:
                run.reasons += [f"{where} {failure}" for failure in _unmet(run, check.expect, content, False)]
        self._finish(run)

    def _expire(self, run: Run) -> None:
        if run.finished.is_set():
            return
        item, waiting = self._queue.live_item(run.session_id), self._sessions.unresolved(run.session_id)
        names = [_name(run, run.progress.calls[event_id]) for event_id in waiting if event_id in run.progress.calls]
        run.reasons.append(
            f"not finished within {run.scenario.limit_seconds:g} s: turn {run.progress.turn + 1} of {len(run.scenario.turns)}, "
            f"unresolved calls {names}, work item {item.state if item else 'stopped'}"
        )
        self._finish(run)

    def _finish(self, run: Run) -> None:
        run.progress.phase = "over"
        verdict = "failed" if run.reasons else "passed"
        self._save(run)
        self._store.run("UPDATE runs SET verdict = ?, finished_at = ? WHERE session_id = ?", verdict, time.time(), run.session_id)
        run.finished.set()
        self._log("verdict", session_id=run.session_id, scenario=run.scenario.name, verdict=verdict, reasons=run.reasons)

    def _item_changed(self, item: Work) -> None:
        run = self._runs.get(item.data.id)
        if run is None or run.finished.is_set():
            return
        if item.state == "active":
            run.progress.variables["work.id"] = item.id
            self._schedule(run)
        elif item.state == "stopped" and self._queue.live_item(run.session_id) is None:
            if run.progress.phase == "settling":
                self._settle(run)
            elif run.progress.phase == "between":
                self._play(run)

    def _improvise(self, session_id: str, event: Event) -> None:
        """Answer in a session that no scenario is played in (or no longer)."""
        if event["type"] == "user.message":
            self._sessions.wake(session_id)
            self._sessions.emit(session_id, "session.status_running")
            self._sessions.emit(session_id, "agent.message", content=[{"type": "text", "text": "This session has no script."}])
            self._sessions.emit(session_id, "session.status_idle", stop_reason={"type": "end_turn"})
        elif event["type"] == "user.interrupt":
            for event_id in self._sessions.unresolved(session_id):
                self._sessions.set_call_state(event_id, "dropped")
            self._sessions.wake(session_id)
            self._sessions.emit(session_id, "session.status_idle", stop_reason={"type": "end_turn"})

    def _save(self, run: Run) -> None:
        self._store.run(
            "UPDATE runs SET state = ?, reasons = ? WHERE session_id = ?",
            *(run.progress.model_dump_json(), json.dumps(run.reasons), run.session_id),
        )

    def _after(self, seconds: float, action: Callable[..., None], *arguments: Any) -> None:
        def act() -> None:
            self._timers.discard(timer)
            with self._store.transaction():
                action(*arguments)

        timer = asyncio.get_running_loop().call_later(seconds, act)
        self._timers.add(timer)


def content_text(event: Event) -> str:
    """The text of a result or message."""
    return "\n".join(block["text"] for block in event.get("content") or [] if block.get("type") == "text")


def _unmet(run: Run, expected: Expectation, text: str, is_error: bool) -> list[str]:
    try:
        filled = expected.filled(run.progress.variables)
    except KeyError as error:
        return [f"can't be judged: ${{{{{error.args[0]}}}}} has no value"]
    return filled.failures(text, is_error)


def _name(run: Run, place: int) -> str:
    return run.turn.calls[place].id or f"{run.progress.turn + 1}.{place + 1}"


def _text(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]


def _call_fields(scenario: Scenario, call: Call) -> dict[str, Any]:
    if call.tool is None:
        return {"name": call.custom}
    permission = call.permission or scenario.session.permission(call.tool)
    evaluation = {} if permission == "deny" else {"evaluation": {"type": "always_ask" if permission == "ask" else "always_allow"}}
    return {"name": call.tool, "evaluated_permission": permission, **evaluation}


def _confirmation(confirm: Confirmation, event_id: str) -> UserEvent:
    message = confirm.message if confirm.result == "deny" else None
    return UserToolConfirmation(type="user.tool_confirmation", tool_use_id=event_id, result=confirm.result, deny_message=message)


def _custom_result(answer: Answer, text: str, event_id: str) -> UserEvent:
    content = [Content(type="text", text=text)]
    return UserCustomToolResult(type="user.custom_tool_result", custom_tool_use_id=event_id, content=content, is_error=answer.is_error)
