"""Each rule on small programs named after it, previewed with the pack as in a CI: one keeps it, one breaks it, one isn't known.

A fixture is `programs/dom_net_001.py` with `passing(at)`, `failing(at)` and `unknown(at)`, which declare resources named `at("…")`, and
`UNKNOWN = "decided"` where the rule tells from what it knows that nothing is wrong, or `"undecided"` where it must say that it can't tell.
With `ALONE = True` it has previews of its own: for a rule that looks at the whole stack.
"""

from __future__ import annotations

import pytest
from bed import STATES, fixtures

from domicile_policies.pack import rules

FIXTURES = fixtures()
each_rule = pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.rule)


def test_every_rule_has_its_three_fixtures_and_every_fixture_its_rule():
    assert {fixture.rule for fixture in FIXTURES} == set(rules())
    assert not [f"{each.module}.{state}" for each in FIXTURES for state in STATES if state not in each.functions]


def prefix(fixture) -> str:
    return "" if fixture.alone else fixture.module.replace("_", "-") + "-"


@each_rule
def test_what_keeps_the_rule_passes(judged, fixture):
    assert judged(fixture, "passing").told(fixture.rule, prefix(fixture)) == []


@each_rule
def test_what_breaks_the_rule_fails(judged, fixture):
    found = judged(fixture, "failing")
    assert found.told(fixture.rule, prefix(fixture))
    assert not [f for f in found.findings.findings if f.rule == fixture.rule and f.undecided], "it must be decided, not only be unknown"


@each_rule
def test_what_is_not_known_never_passes_silently(judged, fixture):
    assert bool(judged(fixture, "unknown").told(fixture.rule, prefix(fixture))) == fixture.undecided
