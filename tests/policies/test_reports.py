"""The reports that are rendered from findings: each says all of them, in a form that its readers take."""

import json
import re
from html.parser import HTMLParser

import jsonschema
import pytest

from domicile.residency import Entry
from domicile_policies.findings import Excepted, Finding, Findings, Judged, RuleFacts
from domicile_policies.report import html, sarif
from domicile_policies.report.coverage import coverage

STACK = "urn:pulumi:tokyo::domicile::pulumi:pulumi:Stack::domicile-tokyo"
KEY = "urn:pulumi:tokyo::domicile::aws:kms/key:Key::key"
RULES = {
    "DOM-KEY-001": RuleFacts("Keys rotate.", "Old keys leak.", "Turn it on.", "high", "mandatory", ("NIST:SC-12", "SOC2:CC6.1")),
    "DOM-NET-001": RuleFacts("No <public> address.", "It's reached.", "Take it away.", "critical", "mandatory", ("NIST:SC-7",)),
    "DOM-WRK-068": RuleFacts("No links.", "A map.", "Set it.", "low", "advisory", ("NIST:CM-7",)),
    "DOM-WRK-069": RuleFacts("Off.", "Why.", "How.", "medium", "disabled", ("NIST:SC-39",)),
}
ROTATES = Finding("DOM-KEY-001", "mandatory", KEY, "aws:kms/key:Key", "key", "enableKeyRotation", "isn't true")
ADDRESS = Finding("DOM-NET-001", "mandatory", KEY, "aws:kms/key:Key", "key", "", 'has <b>"it"</b>', undecided=True)
LINKS = Finding("DOM-WRK-068", "advisory", STACK, "pulumi:pulumi:Stack", "domicile-tokyo", "links", "are on")
SPARED = Excepted("DOM-NET-001", "key", "moved in <June>", "platform@example.com", "2027-01-31", "applied", (ADDRESS,))
EXPIRED = Excepted("DOM-KEY-001", "old", "was to go", "team", "2026-01-31", "expired")
RESOURCES = (
    Judged(STACK, "pulumi:pulumi:Stack", "domicile-tokyo"),
    Judged(KEY, "aws:kms/key:Key", "key", "ap-northeast-1"),
    Judged(KEY + "2", "aws:s3/bucket:Bucket", "copy", "us-east-1"),
)
FINDINGS = Findings("domicile", "tokyo", "preview", True, RULES, RESOURCES, (ROTATES, LINKS), (SPARED, EXPIRED))
CLEAN = Findings("domicile", "tokyo", "live", True, RULES, RESOURCES)

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "fullDescription", "help", "defaultConfiguration", "properties"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": r"^DOM-[A-Z]{3}-\d{3}$"}, "name": {"type": "string", "pattern": "^[A-Za-z0-9]+$"},
        "shortDescription": TEXT, "fullDescription": TEXT, "help": TEXT,
        "defaultConfiguration": {"properties": {"enabled": {"type": "boolean"}, "level": {"enum": ["none", "note", "warning", "error"]}}},
        "properties": {
            "properties": {
                "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
                "security-severity": {"type": "string", "pattern": r"^\d(\.\d)?$"},
            }
        },
    },
}  # fmt: skip
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0}, "message": TEXT, "properties": {"type": "object"},
        "kind": {"const": "fail"}, "level": {"enum": ["note", "warning", "error"]},
        "locations": {"type": "array", "minItems": 1, "maxItems": 1},
        "partialFingerprints": {"additionalProperties": {"type": "string"}},
        "suppressions": {
            "items": {
                "required": ["kind"], "additionalProperties": False,
                "properties": {
                    "kind": {"enum": ["inSource", "external"]}, "status": {"enum": ["accepted", "underReview", "rejected"]},
                    "justification": {"type": "string"},
                },
            }
        },
    },
}  # fmt: skip
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "minItems": 1,
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {"properties": {"driver": {"required": ["name"], "properties": {"rules": {"items": RULE}}}}},
                    "invocations": {"items": {"required": ["executionSuccessful"]}},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}
"""The parts of SARIF 2.1.0 that are written here, as the specification has them (3.13 log, 3.14 run, 3.27 result, 3.49 rule)."""


@pytest.mark.parametrize("findings", [FINDINGS, CLEAN], ids=["with findings", "clean"])
def test_sarif_has_its_form(findings):
    jsonschema.validate(json.loads(sarif.text(findings)), SARIF)


def test_sarif_names_every_rule_and_every_finding_once():
    run = sarif.log(FINDINGS)["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    open_ = [result["ruleId"] for result in run["results"] if "suppressions" not in result]
    assert open_ == ["DOM-KEY-001", "DOM-WRK-068"]


def test_sarif_places_a_finding_at_the_stacks_settings_and_its_resource():
    place = sarif.log(FINDINGS)["runs"][0]["results"][0]["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "stacks/Pulumi.tokyo.yaml"
    assert place["logicalLocations"][0]["fullyQualifiedName"] == KEY


def test_sarif_tells_what_an_exception_spares_as_suppressed():
    spared = [result for result in sarif.log(FINDINGS)["runs"][0]["results"] if "suppressions" in result]
    assert [result["ruleId"] for result in spared] == ["DOM-NET-001"]
    assert "platform@example.com" in spared[0]["suppressions"][0]["justification"]


def test_sarif_gives_advice_the_level_of_a_note_and_a_faults_severity_a_number():
    run = sarif.log(FINDINGS)["runs"][0]
    assert [result["level"] for result in run["results"]] == ["error", "note", "error"]
    scores = {rule["id"]: float(rule["properties"]["security-severity"]) for rule in run["tool"]["driver"]["rules"]}
    assert scores["DOM-NET-001"] > scores["DOM-KEY-001"] > scores["DOM-WRK-069"] > scores["DOM-WRK-068"]


def test_a_fingerprint_stays_when_the_wording_changes_and_differs_by_place():
    worded = Finding("DOM-KEY-001", "advisory", KEY, "aws:kms/key:Key", "key", "enableKeyRotation", "is false")
    elsewhere = Finding("DOM-KEY-001", "mandatory", KEY, "aws:kms/key:Key", "key", "policy", "isn't true")
    assert sarif.fingerprint(worded) == sarif.fingerprint(ROTATES) != sarif.fingerprint(elsewhere)


class Page(HTMLParser):
    """What a page has: its tags' balance, its texts, and what it would fetch."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.fetched: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_fetches_nothing_and_is_whole():
    content = html.text(FINDINGS)
    page = Page(content)
    assert page.open == [] and page.fetched == []
    assert "@import" not in content and "url(" not in content and "<script" not in content


def test_the_page_tells_each_violation_with_why_and_fix_and_each_exception_with_owner_and_end():
    told = "".join(Page(html.text(FINDINGS)).texts)
    for text in ("Keys rotate.", "Old keys leak.", "Turn it on.", "enableKeyRotation", "isn't true", "are on"):
        assert text in told
    for text in ("moved in <June>", "platform@example.com", "2027-01-31", "has expired, and fails", 'has <b>"it"</b>'):
        assert text in told


def test_the_page_shows_where_resources_and_the_configurations_properties_lie():
    entries = [Entry("controlPlane.url", "control plane", "https://api.anthropic.com", "us", "Anthropic", inside=False)]
    told = "".join(Page(html.text(FINDINGS, entries)).texts)
    assert "jp: 1 resource in ap-northeast-1" in told and "us: 1 resource in us-east-1" in told
    assert "us: 1 line of the configuration" in told and "controlPlane.url" in told


def test_a_control_is_broken_by_a_violation_excepted_by_an_exception_and_held_otherwise():
    found = {each.control: each for each in coverage(FINDINGS)}
    assert found["NIST:SC-12"].result == "broken" and found["NIST:SC-12"].rules == ("DOM-KEY-001",)
    assert found["NIST:SC-7"].result == "excepted"
    assert found["NIST:CM-7"].result == "advised"
    assert found["NIST:SC-39"].result == "unjudged" and found["NIST:SC-39"].rules == ()
    assert {each.control: each.result for each in coverage(CLEAN)}["NIST:SC-12"] == "held"


def test_a_stack_that_was_not_judged_to_the_end_holds_no_control():
    early = Findings("domicile", "tokyo", "preview", False, RULES, RESOURCES)
    assert {each.result for each in coverage(early)} == {"unjudged"}
    assert re.search(r"not judged to the end", html.text(early))


def test_verdicts():
    assert "passes" in Page(html.text(CLEAN)).texts and "fails" in Page(html.text(FINDINGS)).texts
