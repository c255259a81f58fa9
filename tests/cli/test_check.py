"""`domicile check`: the configuration, then the preview under the policy pack; what it exits with, by either engine."""

import json
import os
from dataclasses import replace

import pytest

from domicile_policies.findings import Excepted, Finding, Findings, Judged, RuleFacts

URN = "urn:pulumi:local::domicile::aws:sqs/queue:Queue::q"
FINDING = Finding("DOM-NET-901", "advisory", URN, "aws:sqs/queue:Queue", "q", "tags", "are wrong")
FACTS = {
    "DOM-NET-901": RuleFacts("Tags are right.", "why", "mend the tags", "high", "advisory", ()),
    "DOM-NET-902": RuleFacts("Nothing.", "why", "fix", "low", "advisory", ()),
}
CLEAN = Findings("domicile", "local", "preview", True, FACTS, (Judged(URN, "aws:sqs/queue:Queue", "q"),))
SCRIPT = """#!/bin/sh
# Stands where Pulumi's CLI would, with a pack whose findings are told beforehand.
echo "$*" >> "$CALLS"
case "$*" in
  preview*)
    [ -f "$FINDINGS" ] && cp "$FINDINGS" "$DOMICILE_POLICY_REPORT"
    cp "$8" "$CALLS.rules"
    echo "told by pulumi"
    exit "$CODE" ;;
  *export*) cat "$STATE" ;;
esac
"""


@pytest.fixture
def pulumi(small_project, tmp_path):
    """Runs `check` with a CLI on PATH whose pack finds what is given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pulumi").write_text(SCRIPT)
    (folder / "pulumi").chmod(0o755)
    places = {name: str(tmp_path / name.lower()) for name in ("CALLS", "FINDINGS", "STATE")}
    small_project.environment |= {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "CODE": "0", **places}
    small_project.environment.pop("DOMICILE_ENGINE")

    def run(findings, *arguments, code=0):
        if findings:
            findings.write(tmp_path / "findings")
        return small_project("check", *arguments, CODE=str(code))

    run.calls = lambda: (tmp_path / "calls").read_text().splitlines()
    run.rules = lambda: json.loads((tmp_path / "calls.rules").read_text())
    run.project = small_project.project
    return run


def test_a_stack_without_a_violation_passes_and_the_pack_was_given_to_pulumi(pulumi):
    ran = pulumi(CLEAN)
    assert ran.returncode == 0, ran.stderr
    assert "the configuration is right" in ran.stdout and "no violation" in ran.stdout
    preview = next(call for call in pulumi.calls() if call.startswith("preview"))
    assert "--stack local --non-interactive --policy-pack " in preview and " --policy-pack-config " in preview


def test_every_rule_is_advisory_in_the_preview_so_that_all_is_judged(pulumi):
    pulumi(CLEAN)
    assert {rule["enforcementLevel"] for rule in pulumi.rules().values()} == {"advisory"}


def test_a_preview_that_did_not_reach_its_end_proves_nothing(pulumi):
    ran = pulumi(replace(CLEAN, complete=False))
    assert ran.returncode == 1 and "nothing is proven" in ran.stderr


def test_a_preview_that_fails_ends_with_1_and_its_words(pulumi):
    ran = pulumi(replace(CLEAN, complete=False), code=255)
    assert ran.returncode == 1 and "told by pulumi" in ran.stderr


def test_a_pack_that_was_never_asked_ends_with_1(pulumi):
    ran = pulumi(None)
    assert ran.returncode == 1 and "judged nothing" in ran.stderr


def test_a_finding_of_a_rule_that_this_version_does_not_know_fails(pulumi):
    ran = pulumi(replace(CLEAN, findings=(FINDING,)))
    assert ran.returncode == 1 and "high, mandatory" in ran.stdout


def test_the_json_has_findings_exceptions_and_configuration(pulumi):
    mandatory = replace(FINDING, level="mandatory")
    excepted = Excepted("DOM-NET-902", "old", "it goes next week", "me", "2027-01-31", "expired")
    ran = pulumi(replace(CLEAN, findings=(mandatory,), exceptions=(excepted,)), "--json", code=1)
    assert ran.returncode == 1
    told = json.loads(ran.stdout)
    assert (told["passed"], told["failure"]) == (False, "")
    assert [(f["rule"], f["urn"], f["path"]) for f in told["findings"]] == [("DOM-NET-901", URN, "tags")]
    assert told["exceptions"][0]["state"] == "expired" and told["configuration"]["jurisdiction"] == "jp"


def test_the_terminal_names_rule_severity_resource_path_fix_and_exceptions(pulumi):
    excepted = Excepted("DOM-NET-902", "old", "it goes next week", "me", "2027-01-31", "applied")
    ran = pulumi(replace(CLEAN, findings=(replace(FINDING, level="mandatory"),), exceptions=(excepted,)), code=1)
    assert ran.returncode == 1
    for part in (
        "DOM-NET-901",
        "high, mandatory",
        URN,
        "tags are wrong",
        "mend the tags",
        "2027-01-31",
        "it goes next week",
        "1 violation",
    ):
        assert part in ran.stdout, part


@pytest.mark.parametrize("content", ["{", '{"DOM-NET-999": "advisory"}', '{"all": "severe"}'])
def test_a_wrong_configuration_of_the_pack_is_refused_with_nothing_touched(small_project, content):
    (small_project.project / "stacks" / "policies.local.json").write_text(content)
    ran = small_project("check")
    assert ran.returncode == 2 and "policies.local.json" in ran.stderr
    assert not small_project.touched


def test_a_configuration_named_on_the_command_line_wins(small_project, tmp_path):
    (tmp_path / "mine.json").write_text('{"all": "severe"}')
    ran = small_project("check", "--policies", str(tmp_path / "mine.json"))
    assert ran.returncode == 2 and "mine.json" in ran.stderr and not small_project.touched


@pytest.mark.parametrize("flags", [["--live", "--rehearse"], ["--rehearse"], ["--sarif", "/nowhere/at/all.sarif"]])
def test_what_can_not_be_asked_is_refused_with_nothing_touched(small_project, flags):
    ran = small_project("check", *flags)
    assert ran.returncode == 2 and not small_project.touched


def test_live_state_is_judged_by_what_pulumi_exports(pulumi, tmp_path):
    (tmp_path / "state").write_text(json.dumps({"deployment": {"resources": [{"urn": URN, "type": "aws:sqs/queue:Queue", "inputs": {}}]}}))
    ran = pulumi(None, "--live", "--json")
    told = json.loads(ran.stdout)
    assert (told["mode"], told["complete"], [r["urn"] for r in told["resources"]]) == ("live", True, [URN])
    assert not any(call.startswith("preview") for call in pulumi.calls())
    assert any("stack export --stack local --show-secrets" in call for call in pulumi.calls())


def test_a_stack_that_was_never_applied_has_no_live_state(small_project):
    ran = small_project("check", "--live")
    assert ran.returncode == 2 and "no state" in ran.stderr
