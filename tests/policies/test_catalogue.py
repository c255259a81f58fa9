"""The document of all rules says what the rules say."""

from pathlib import Path

from domicile_policies.controls import CONTROLS
from domicile_policies.pack import rules
from domicile_policies.report import catalogue

DOCUMENT = Path(__file__).parents[2] / "docs" / "POLICIES.md"


def test_the_document_is_the_rules():
    assert DOCUMENT.read_text("utf-8") == catalogue.text(), "rules have changed: `make docs` writes docs/POLICIES.md anew"


def test_the_document_has_every_rule_with_its_fix_and_every_control():
    told = catalogue.text()
    assert [each for each in rules() if f"### {each}: " not in told] == []
    assert [each for each in CONTROLS if f"| {each} |" not in told] == []
