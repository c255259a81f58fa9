"""Judging without an engine: what is deferred, what is excepted, what becomes of a rule that falls over; and a stack's live state."""

from __future__ import annotations

import json
from datetime import date

import pytest

from domicile_policies.findings import Findings
from domicile_policies.judge import STACK_TYPE, Judge
from domicile_policies.live import judge_live
from domicile_policies.parameters import settings
from domicile_policies.resource import Resource, Stack, Unknown, normalised
from domicile_policies.rule import Rule, Violation

TODAY = date(2026, 11, 1)
QUEUE, KEY = "aws:sqs/queue:Queue", "aws:kms/key:Key"
URN = "urn:pulumi:dev::p::"


def encrypted(resource, asked):
    if any(each.type == KEY for each in resource.sources("key") or ()):
        return
    if not resource.get("key"):
        yield Violation("key", "is absent")


def short(resource, asked):
    if resource.get("seconds", 600) < 600:
        yield Violation("seconds", "is short")
    if resource.get("other") == "bad":
        yield Violation("other", "is bad")


def crash(resource, asked):
    if resource.name == "crash":
        raise RuntimeError(f"the password is {resource.get('password')}")
    yield from ()


def few(stack, asked):
    if len(stack.of(QUEUE)) > 2:
        yield Violation("", "has too many")


def made(name, check=None, check_stack=None, level="mandatory"):
    return Rule(name, "Title.", "why", "fix", "high", (), level, (QUEUE,), check=check, check_stack=check_stack)


RULES = {
    "DOM-KEY-901": made("DOM-KEY-901", encrypted),
    "DOM-KEY-902": made("DOM-KEY-902", short),
    "DOM-KEY-903": made("DOM-KEY-903", crash, level="advisory"),
    "DOM-KEY-904": made("DOM-KEY-904", check_stack=few),
}


def queue(name, leans_on=None, **inputs) -> Resource:
    given = {"key": "k", **inputs}
    return Resource(QUEUE, name, f"{URN}{QUEUE}::{name}", normalised(given), leans_on=leans_on)


ROOT = Resource(STACK_TYPE, "p-dev", f"{URN}{STACK_TYPE}::p-dev", {})


def judge(document=None, preview=True) -> Judge:
    return Judge(RULES, settings(RULES, document or {}, TODAY), {}, preview, TODAY)


def told(found) -> list[tuple[str, str, str, str]]:
    return [(f.level, f.rule, f.name, f.path) for f in found]


def excepting(rule, resource, expires="2027-01-31"):
    return {rule: {"exceptions": [{"resource": resource, "reason": "it is tried here", "owner": "test", "expires": expires}]}}


# -- what isn't known -------------------------------------------------------------------------------------------------


def test_an_unknown_value_waits_for_the_whole_stack_and_then_fails():
    judging, q = judge(), queue("q", key=Unknown(""))
    assert told(judging.resource(q)) == []
    found = judging.stack(Stack((ROOT, queue("q", {}, key=Unknown("")))))
    assert told(found) == [("mandatory", "DOM-KEY-901", "q", "key")] and found[0].undecided


def test_an_unknown_value_is_decided_by_what_it_is_made_from():
    key = Resource(KEY, "key", f"{URN}{KEY}::key", {})
    judging = judge()
    judging.resource(queue("q", key=Unknown("")))
    assert judging.stack(Stack((ROOT, key, queue("q", {"key": [key]}, key=Unknown(""))))) == []


def test_what_is_found_before_an_unknown_value_is_told_at_once_and_only_once():
    judging, inputs = judge(), {"seconds": 60, "other": Unknown("")}
    assert told(judging.resource(queue("q", **inputs))) == [("mandatory", "DOM-KEY-902", "q", "seconds")]
    assert told(judging.stack(Stack((ROOT, queue("q", {}, **inputs))))) == [("mandatory", "DOM-KEY-902", "q", "other")]


def test_in_an_update_nothing_waits():
    assert told(judge(preview=False).resource(queue("q", key=Unknown("")))) == [("mandatory", "DOM-KEY-901", "q", "key")]


def test_a_deferred_resource_that_the_engine_leaves_out_in_the_end_fails():
    judging = judge()
    judging.resource(queue("q", key=Unknown("")))
    assert told(judging.stack(Stack((ROOT,)))) == [("mandatory", "DOM-KEY-901", "q", "key")]


def test_an_advisory_rule_that_can_not_decide_says_so_too():
    judging = judge({"all": "advisory"})
    judging.resource(queue("q", key=Unknown("")))
    assert told(judging.stack(Stack((ROOT,)))) == [("advisory", "DOM-KEY-901", "q", "key")]


def test_a_resource_judged_anew_counts_once():
    judging = judge()
    judging.resource(queue("q", seconds=60))
    judging.resource(queue("q"))
    assert judging.found == []


# -- a rule's own fault -------------------------------------------------------------------------------------------------


def test_a_rule_that_falls_over_fails_closed_with_its_name_and_without_the_value():
    (found,) = judge().resource(queue("crash", password="hush"))
    assert (found.level, found.rule, found.name) == ("mandatory", "DOM-KEY-903", "crash")
    assert "RuntimeError" in found.message and "test_judge.py" in found.message and "hush" not in found.message


def test_the_others_go_on_after_it():
    assert {f.rule for f in judge().resource(queue("crash", seconds=60))} == {"DOM-KEY-902", "DOM-KEY-903"}


# -- exceptions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["q", "*::q", f"{URN}{QUEUE}::q", "?"])
def test_an_exception_spares_its_resource_and_is_listed(pattern):
    judging = judge(excepting("DOM-KEY-902", pattern))
    q, other = queue("q", seconds=60), queue("other", seconds=60)
    assert judging.resource(q) == [] and len(judging.resource(other)) == 1
    assert judging.stack(Stack((ROOT, q, other))) == []
    (listed,) = judging.excepted()
    assert (listed.state, listed.rule, told(listed.findings)) == ("applied", "DOM-KEY-902", [("mandatory", "DOM-KEY-902", "q", "seconds")])


def test_an_exception_is_to_one_rule_only():
    assert told(judge(excepting("DOM-KEY-902", "q")).resource(queue("q", key=None))) == [("mandatory", "DOM-KEY-901", "q", "key")]


def test_an_expired_exception_spares_nothing_and_fails_by_itself():
    judging, q = judge(excepting("DOM-KEY-902", "q", "2026-10-31")), queue("q", seconds=60)
    assert len(judging.resource(q)) == 1
    (stale,) = judging.stack(Stack((ROOT, q)))
    assert (stale.level, stale.rule, stale.name, stale.path) == ("mandatory", "DOM-KEY-902", "p-dev", "exceptions")
    assert "2026-10-31" in stale.message and judging.excepted()[0].state == "expired"


def test_an_exception_holds_on_its_last_day():
    assert judge(excepting("DOM-KEY-902", "q", "2026-11-01")).resource(queue("q", seconds=60)) == []


def test_an_exception_that_matches_no_resource_fails_even_for_an_advisory_rule():
    judging = judge({**excepting("DOM-KEY-903", "nobody")})
    assert told(judging.stack(Stack((ROOT, queue("q"))))) == [("mandatory", "DOM-KEY-903", "p-dev", "exceptions")]
    assert judging.excepted()[0].state == "unmatched"


def test_an_exception_whose_resource_keeps_the_rule_is_listed_as_idle_and_passes():
    judging = judge(excepting("DOM-KEY-902", "q"))
    assert judging.resource(queue("q")) == [] == judging.stack(Stack((ROOT, queue("q"))))
    assert judging.excepted()[0].state == "idle"


def test_the_whole_stack_can_be_excepted_by_its_own_name():
    queues = [queue(name) for name in "abc"]
    assert told(judge().stack(Stack((ROOT, *queues)))) == [("mandatory", "DOM-KEY-904", "p-dev", "")]
    assert judge(excepting("DOM-KEY-904", "p-dev")).stack(Stack((ROOT, *queues))) == []


# -- live state ---------------------------------------------------------------------------------------------------------


SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def live(*resources, document=None) -> Findings:
    return judge_live(
        RULES, settings(RULES, document or {}), {}, ("p", "dev"), {"resources": [{"urn": ROOT.urn, "type": STACK_TYPE}, *resources]}
    )


def in_state(name, inputs, outputs=None, **more):
    return {"urn": f"{URN}{QUEUE}::{name}", "type": QUEUE, "inputs": inputs, "outputs": outputs or inputs, **more}


def test_what_a_refresh_has_found_counts_and_not_what_the_program_said():
    found = live(in_state("q", {"key": "k", "seconds": 900}, {"key": "k", "seconds": 60.0, "other": "bad"}))
    assert told(found.findings) == [("mandatory", "DOM-KEY-902", "q", "seconds")]
    assert found.findings[0].urn == f"{URN}{QUEUE}::q" and (found.mode, found.complete) == ("live", True)


def test_what_waits_for_its_deletion_is_not_looked_at():
    assert live(in_state("q", {"key": "k", "seconds": 60}, delete=True)).findings == ()


def test_a_secret_is_judged_when_it_is_opened_and_fails_when_it_is_not():
    assert live(in_state("q", {"key": {**SECRET, "plaintext": json.dumps("k")}})).findings == ()
    closed = live(in_state("q", {"key": {**SECRET, "ciphertext": "v1:x"}})).findings
    assert told(closed) == [("mandatory", "DOM-KEY-901", "q", "key")]


def test_a_report_is_read_as_it_was_written(tmp_path):
    found = live(in_state("q", {"seconds": 60}), in_state("r", {"key": "k", "seconds": 60}), document=excepting("DOM-KEY-902", "r"))
    found.write(tmp_path / "findings.json")
    assert Findings.read(tmp_path / "findings.json") == found
    assert found.exceptions[0].findings and found.findings
