"""The pack's machinery, by a sample of rules, on both sides of the protocol: what is decided when, and that nothing passes silently."""

from __future__ import annotations

from pathlib import Path

import pytest

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
