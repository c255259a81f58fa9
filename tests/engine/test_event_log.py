"""`--event-log`: what the CLI's own readers of such logs look for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def events(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def of(found: list[dict], kind: str) -> list[dict]:
    return [e[kind] for e in found if kind in e]


@pytest.fixture
def log(yard) -> Path:
    return yard.root / "events.json"


def test_each_step_is_there_with_its_end_and_the_summary_comes_last(yard, log):
    yard.program("Thing('a')\n")
    assert yard.run("up", "--yes", "--skip-preview", "--event-log", str(log))[0] == 0
    found = events(log)
    assert [e["sequence"] for e in found] == list(range(1, len(found) + 1))
    for kind in ("resourcePreEvent", "resOutputsEvent"):
        steps = {(e["metadata"]["op"], e["metadata"]["urn"].split("::")[-1]) for e in of(found, kind)}
        assert steps == {("create", "a"), ("create", "default"), ("create", "yard-dev")} and not any(e["planning"] for e in of(found, kind))
    assert list(found[-1])[-1] == "cancelEvent"
    (summary,) = of(found, "summaryEvent")
    assert summary["resourceChanges"] == {"create": 2} and summary["result"] == "succeeded"


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        ("kind='oak'", "kind='elm'", ["create-replacement", "replace", "delete-replaced"]),
        ("zone='north'", "zone='south'", ["delete-replaced", "replace", "create-replacement"]),
    ],
)
def test_a_replacement_is_three_steps_in_the_order_of_what_it_does(yard, log, first, second, order):
    yard.up(f"Thing('a', {first})\n")
    yard.program(f"Thing('a', {second})\n")
    yard.run("up", "--yes", "--skip-preview", "--event-log", str(log))
    assert [e["metadata"]["op"] for e in of(events(log), "resourcePreEvent") if e["metadata"]["urn"].endswith("::a")] == order


def test_a_preview_says_that_it_only_plans(yard, log):
    yard.program("Thing('a')\n")
    yard.run("preview", "--event-log", str(log))
    steps = of(events(log), "resourcePreEvent")
    assert steps and all(e["planning"] for e in steps)


def test_a_failure_is_a_step_and_a_diagnostic(yard, log):
    yard.program("Thing('a')\n")
    yard.plant("fail.create.a")
    assert yard.run("up", "--yes", "--skip-preview", "--event-log", str(log))[0] == 1
    found = events(log)
    (failed,) = of(found, "resOpFailedEvent")
    assert failed["metadata"]["op"] == "create"
    errors = [e for e in of(found, "diagnosticEvent") if e["severity"] == "error"]
    assert any(e["urn"] == failed["metadata"]["urn"] and "not possible today" in e["message"] for e in errors)
    assert of(found, "summaryEvent")[0]["result"] == "failed"


def test_a_log_that_cannot_be_written_is_refused_before_anything_is_done(yard, log):
    yard.program("Thing('a')\n")
    code, text = yard.run("up", "--yes", "--skip-preview", "--event-log", str(log / "not-a-folder"))
    assert code == 1 and "--event-log" in text and yard.calls() == [] and yard.state() == []
