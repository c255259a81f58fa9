"""Controls: every one that a rule names exists, each has words of its own and a source."""

import importlib
import pkgutil
import re

import pytest

import domicile_policies
from domicile_policies.controls import CONTROLS
from domicile_policies.rule import RULES

FORMS = {
    "SOC2": r"CC\d\.\d",
    "ISO27001": r"A\.[5-8]\.\d{1,2}",
    "NIST": r"[A-Z]{2}-\d{1,2}(\(\d{1,2}\))?",
}

for _, name, _ in pkgutil.walk_packages(domicile_policies.__path__, "domicile_policies."):
    importlib.import_module(name)


def unknown_controls(rules):
    return {rule.id: missing for rule in rules if (missing := [each for each in rule.controls if each not in CONTROLS])}


def test_every_rule_names_controls_that_exist():
    assert unknown_controls(RULES.values()) == {}
    assert [rule.id for rule in RULES.values() if not rule.controls] == []


def test_every_control_is_answered_by_a_rule():
    assert sorted(set(CONTROLS) - {name for rule in RULES.values() for name in rule.controls}) == []


@pytest.mark.parametrize("control", CONTROLS.values(), ids=lambda control: control.id)
def test_a_control_has_its_frameworks_form(control):
    framework, _, number = control.id.partition(":")
    assert re.fullmatch(FORMS[framework], number), f"{control.id}: {framework} has no such number"
    assert control.title and control.source.endswith(f", {number}")


def test_no_two_controls_of_a_framework_ask_the_same():
    asked = [(control.framework, control.title) for control in CONTROLS.values()]
    assert len(set(asked)) == len(asked)
