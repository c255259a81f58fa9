"""What ran where in one session: the stand-in's transcript held against the audit records. For `domicile session`.

The transcript says what was asked and answered; only the records of dispatcher, gateway and proxy say where it ran.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domicile.cli.exit import CliError, ending_on
from domicile.cli.services import ask

if TYPE_CHECKING:
    from domicile.places import StackPlaces
    from domicile_host.audit import Record

SETTLED_SECONDS = 20.0
"""How long records are waited for after the verdict: the sandbox ends after its idle time, the proxy's log comes through the shipper."""

_RESULTS = {"user.tool_result": "tool_use_id", "user.custom_tool_result": "custom_tool_use_id"}


@dataclass(frozen=True)
class Call:
    """One tool call."""

    call_id: str
    tool: str
    input: str
    outcome: str
    """`ok`, `error`, or why there is no result."""
    result: str
    sandbox: str
    """The sandbox's container by the gateway's record of the result; empty: none recorded."""
    elsewhere: bool
    """Not the sandbox's to run: a custom tool that the brain's side answers, or a call that was never allowed."""


@dataclass(frozen=True)
class Egress:
    """One attempt to reach something, as the proxy decided it."""

    what: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What `domicile session` prints."""

    session_id: str
    scenario: str
    verdict: str
    reasons: list[str]
    calls: list[Call]
    sandboxes: list[str]
    egress: list[Egress]
    refusals: list[str]
    notes: list[str]
    """Why the records may not be all."""
    records: int
    journal: Path
    archive: Path

    @property
    def strays(self) -> list[Call]:
        """Calls that should have run in the session's sandbox and, by the records, didn't."""
        return [call for call in self.calls if not call.elsewhere and call.sandbox not in self.sandboxes]

    @property
    def passed(self) -> bool:
        return self.verdict == "passed" and bool(self.sandboxes) and not self.strays

    def as_json(self) -> dict[str, Any]:
        return {"passed": self.passed, **asdict(self)}


def of(where: StackPlaces, told: Mapping[str, Any]) -> Report:
    """The report of a session whose verdict is there. Raises `CliError` for a journal that can't be read."""
    session_id = str(told["id"])
    transcript = told.get("transcript") or []
    records = _settled(where, session_id, served=any(event.get("type") in _RESULTS for event in transcript))
    results = {str(r.detail.get("call_id")): r.sandbox_id for r in records if r.activity == "gateway.result" and r.outcome == "allowed"}
    owned = {str(r.detail.get("call_id")) for r in records if r.activity == "gateway.call" and r.detail.get("here")}
    return Report(
        session_id=session_id,
        scenario=str(told.get("scenario", "")),
        verdict=str(told["verdict"]),
        reasons=[str(reason) for reason in told.get("reasons") or []],
        calls=_calls(transcript, results, owned),
        sandboxes=sorted({r.sandbox_id for r in records if r.activity == "session.bound" and r.sandbox_id}),
        egress=_egress(records),
        refusals=[f"{r.activity}: {r.reason}" for r in records if r.source == "gateway" and r.outcome == "refused"],
        notes=_notes(where),
        records=len(records),
        journal=where.journal,
        archive=where.archive,
    )


def _settled(where: StackPlaces, session_id: str, served: bool) -> list[Record]:
    """The session's records: of one that was served once the dispatcher has recorded its end and no more come in."""
    from domicile_host.audit import pick
    from domicile_host.audit.record import NotSealedError

    end, before = time.monotonic() + SETTLED_SECONDS, -1
    with ending_on(NotSealedError, OSError):
        while True:
            records = pick(where.journal, session_id=session_id)
            over = any(record.activity == "session.ended" for record in records)
            if not served or (over and len(records) == before) or time.monotonic() > end:
                return records
            before = len(records)
            time.sleep(1.0)


def _notes(where: StackPlaces) -> list[str]:
    """The proxy's decisions are records only once the shipper has taken them in."""
    try:
        ask(where.shipper_status, "GET", "/healthz")
    except CliError as error:
        return [f"egress may be missing here, as the shipper is not well: {error}"]
    return []


def _calls(events: Iterable[Mapping[str, Any]], results: Mapping[str, str], owned: set[str]) -> list[Call]:
    answers = {str(event[_RESULTS[event["type"]]]): event for event in events if event.get("type") in _RESULTS}
    calls = []
    for event in events:
        if event.get("type") not in ("agent.tool_use", "agent.custom_tool_use"):
            continue
        call_id, answer = str(event["id"]), answers.get(str(event["id"]))
        outcome = "no result" if answer is None else "error" if answer.get("is_error") else "ok"
        calls.append(
            Call(
                call_id=call_id,
                tool=str(event.get("name")),
                input=input_text(event),
                outcome=outcome,
                result=short(text_of(answer)) if answer else "",
                sandbox=results.get(call_id, ""),
                elsewhere=answer is None or (event["type"] == "agent.custom_tool_use" and call_id not in owned),
            )
        )
    return calls


def _egress(records: Iterable[Record]) -> list[Egress]:
    """One entry a decision: the second record of a CONNECT tells of its end, that of a tunnel repeats the door's."""
    seen: dict[tuple[str, ...], Egress] = {}
    for record in records:
        if record.source != "egress" or record.activity == "egress.tunnel":
            continue
        detail = record.detail
        what = f"{detail.get('method', 'CONNECT')} {detail.get('host', '?')}"
        if record.activity == "egress.request":
            what += str(detail.get("path", ""))
        entry = Egress(what, record.outcome, record.reason)
        seen.setdefault((str(detail.get("tunnel", record.id)), what, record.outcome), entry)
    return list(seen.values())


def show(report: Report) -> None:
    """Prints the report for a reader."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    head = f"session {report.session_id}: scenario {report.scenario} "
    console.print(Text.assemble((head, "bold"), (report.verdict, _colour(report.passed))), soft_wrap=True)
    for call in report.calls:
        where = call.sandbox.rpartition("-")[2] or ("elsewhere" if call.elsewhere else "NOWHERE")
        console.print(Text(f"  {call.tool:<7}{where:<10}{call.input}"), no_wrap=True, overflow="ellipsis")
        console.print(Text(f"  {'':<17}{call.outcome}: {call.result}", "dim"), no_wrap=True, overflow="ellipsis")
    for sandbox in report.sandboxes:
        console.print(Text(f"sandbox: {sandbox}"), soft_wrap=True)
    for entry in report.egress:
        reason = f" ({entry.reason})" if entry.reason else ""
        console.print(Text(f"egress {entry.outcome}: {entry.what}{reason}"), soft_wrap=True)
    for note in report.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)
    for refusal in report.refusals:
        console.print(Text(f"refused by the gateway: {refusal}"), soft_wrap=True)
    for reason in report.reasons:
        console.print(Text(f"failed: {reason}", "red"), soft_wrap=True)
    for call in report.strays:
        told = f"failed: no record shows that {call.tool} ({call.call_id}) ran in the session's sandbox"
        console.print(Text(told, "red"), soft_wrap=True)
    console.print(Text(f"audit: {report.records} records of this session in {report.journal}, kept in {report.archive}"), soft_wrap=True)


def _colour(passed: bool) -> str:
    return "bold green" if passed else "bold red"


def input_text(event: Mapping[str, Any]) -> str:
    """A call's input on one line; an input of one value is that value."""
    given = event.get("input") or {}
    return short(str(*given.values()) if len(given) == 1 else ", ".join(f"{key}={value}" for key, value in given.items()))


def text_of(event: Mapping[str, Any]) -> str:
    """The text of a message or result."""
    return "\n".join(str(block.get("text", "")) for block in event.get("content") or [] if isinstance(block, Mapping))


def short(text: str) -> str:
    """On one line, at most 100 printable characters: what tools say must not command a terminal."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= 100 else line[:99] + "…"
