"""The pack's machinery, by a sample of rules, on both sides of the protocol: what is decided when, and that nothing passes silently."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml
from bed import PACK

from domicile.engine import PolicyPackError
from domicile_policies import pack

SAMPLE = Path(__file__).parent / "sample"
PATH = str(SAMPLE.parent)
HEAD = f"import sys\nsys.path[:0] = [{PATH!r}]\nimport pulumi\nfrom pulumi_aws import kms, sqs\nfrom at import At\nat = At('dom')\n"
KEY = "key = kms.Key('key')\n"
GOOD = "sqs.Queue('good', kms_master_key_id='alias/own')\n"


@pytest.fixture
def tried(bed):
    """The bed, with the sample pack."""

    class Tried:
        root = bed.root

        def preview(self, program, config=None):
            return bed.preview(HEAD + program, config, SAMPLE)

        def up(self, program, config=None):
            return bed.up(HEAD + program, config, SAMPLE)

    return Tried()


def told(judged) -> list[tuple[str, str, str, str]]:
    """Level, rule, name and path of all that the pack reported, as its report has it; the engine must have heard the same."""
    heard = sorted((v.level, v.rule, v.urn.rpartition("::")[2]) for v in judged.result.violations)
    assert heard == sorted((f.level, f.rule, f.urn.rpartition("::")[2]) for f in judged.findings.findings)
    return sorted((f.level, f.rule, f.name, f.path) for f in judged.findings.findings)


def test_a_violation_stops_the_preview_and_all_offenders_are_named(tried):
    judged = tried.preview("".join(f"sqs.Queue('{n}', message_retention_seconds=60, kms_master_key_id='k')\n" for n in ("a", "b")))
    assert judged.result.exit_code == 1
    assert told(judged) == [("mandatory", "DOM-KEY-902", n, "messageRetentionSeconds") for n in ("a", "b")]


def test_what_keeps_all_rules_passes(tried):
    judged = tried.preview(GOOD)
    assert (judged.result.exit_code, told(judged), judged.findings.complete) == (0, [], True)


def test_an_unknown_value_is_decided_by_what_it_is_made_from(tried):
    assert told(tried.preview(KEY + "sqs.Queue('q', kms_master_key_id=key.arn)\n")) == []


def test_an_unknown_value_that_nothing_decides_fails(tried):
    judged = tried.preview("sqs.Queue('q', kms_master_key_id=at.unknown)\n")
    assert judged.result.exit_code == 1 and told(judged) == [("mandatory", "DOM-KEY-901", "q", "kmsMasterKeyId")]
    assert judged.findings.findings[0].undecided


def test_an_unknown_value_fails_where_no_rule_of_the_stack_is_in_force(tried):
    judged = tried.preview("sqs.Queue('q', kms_master_key_id=at.unknown)\n", {"DOM-KEY-904": "disabled", "DOM-KEY-905": "disabled"})
    assert told(judged) == [("mandatory", "DOM-KEY-901", "q", "kmsMasterKeyId")]


def test_a_rule_of_the_stack_speaks_at_the_end_and_names_the_resource(tried):
    judged = tried.preview("".join(f"sqs.Queue('{n}', kms_master_key_id='k')\n" for n in "abc"))
    assert judged.result.exit_code == 1 and [(rule, path) for _, rule, _, path in told(judged)] == [("DOM-KEY-904", "")]


def test_an_update_stops_before_the_offender_is_made(tried, bed):
    judged = tried.up("sqs.Queue('bad', message_retention_seconds=60, kms_master_key_id='k')\n")
    assert judged.result.exit_code == 1 and told(judged) == [("mandatory", "DOM-KEY-902", "bad", "messageRetentionSeconds")]
    assert judged.findings.mode == "update" and bed.rehearsal.cloud.things() == []


def test_a_rule_that_falls_over_fails_the_preview_by_its_name_and_tells_no_value(tried, bed):
    program = "sqs.Queue('crash', kms_master_key_id='k', tags={'secret': pulumi.Output.secret('hush-hush')})\n"
    judged = tried.preview(program)
    assert judged.result.exit_code == 1 and told(judged) == [("mandatory", "DOM-KEY-903", "crash", "")]
    said = bed.report.read_text() + "".join(v.message for v in judged.result.violations) + "".join(judged.result.errors)
    assert "RuntimeError" in said and "hush-hush" not in said


def test_levels_parameters_and_exceptions_come_from_the_packs_configuration(tried):
    excepted = {"resource": "old", "reason": "it goes next week", "owner": "test", "expires": str(date.today())}
    config = {
        "DOM-KEY-901": "advisory",
        "DOM-KEY-902": {"seconds": 3600, "exceptions": [excepted]},
        "DOM-KEY-904": "disabled",
    }
    program = "sqs.Queue('old', message_retention_seconds=60, kms_master_key_id='k')\nsqs.Queue('x')\n"
    program += "sqs.Queue('y', message_retention_seconds=3599)\n"
    judged = tried.preview(program, config)
    assert told(judged) == [
        ("advisory", "DOM-KEY-901", "x", "kmsMasterKeyId"),
        ("advisory", "DOM-KEY-901", "y", "kmsMasterKeyId"),
        ("mandatory", "DOM-KEY-902", "y", "messageRetentionSeconds"),
    ]


def test_the_exceptions_of_a_complete_preview_are_listed_with_what_they_spared(tried):
    excepted = {"resource": "old", "reason": "it goes next week", "owner": "test", "expires": str(date.today())}
    program = "sqs.Queue('old', message_retention_seconds=60, kms_master_key_id='k')\n"
    judged = tried.preview(program, {"DOM-KEY-902": {"exceptions": [excepted]}})
    assert judged.result.exit_code == 0
    assert [(e.rule, e.state, len(e.findings), e.owner) for e in judged.findings.exceptions] == [("DOM-KEY-902", "applied", 1, "test")]


def test_a_wrong_configuration_is_one_clear_error_and_nothing_is_touched(tried, bed):
    with pytest.raises(PolicyPackError, match=r"DOM-KEY-902\.second: the rule has no such parameter; it has seconds"):
        tried.up(GOOD, {"DOM-KEY-902": {"second": 5}})
    assert bed.rehearsal.cloud.things() == []


def test_the_manifest_and_the_pack_agree_on_its_name_and_version():
    manifest = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())
    assert (manifest["name"], manifest["version"]) == (pack.NAME, pack.VERSION)
