"""What the double calls a malformed policy is what moto's validator, made from IAM's own answers, and cfn-lint's schema call so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from moto.iam import policy_validation
from moto.iam.exceptions import MalformedPolicyDocument

from domicile.rehearsal import policy

GRAMMAR = json.loads((Path(cfnlint.__file__).parent / "data/schemas/other/iam/policy.json").read_text())
GOOD = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
MALFORMED: dict[str, dict[str, Any]] = {
    "an element that there isn't": {**GOOD, "Actions": "s3:*"},
    "no effect": {"Action": "s3:GetObject", "Resource": "*"},
    "an effect in small letters": {**GOOD, "Effect": "allow"},
    "both actions and what are none": {**GOOD, "NotAction": "s3:PutObject"},
    "no action": {"Effect": "Allow", "Resource": "*"},
    "no actions in the list": {**GOOD, "Action": []},
    "no resource": {"Effect": "Allow", "Action": "s3:GetObject"},
    "an action of no service": {**GOOD, "Action": "GetObject"},
    "an action with two colons": {**GOOD, "Action": "s3:Get:Object"},
    "a resource that is no ARN": {**GOOD, "Resource": "b/*"},
    "an operator that there isn't": {**GOOD, "Condition": {"StringIs": {"aws:SourceVpce": "v"}}},
    "a condition that is a list": {**GOOD, "Condition": ["StringEquals"]},
    "an operator without keys": {**GOOD, "Condition": {"StringEquals": "v"}},
}


def said(statement: dict[str, Any], form: policy.Form = "identity") -> list[policy.Wrong]:
    return list(policy.faults({"Version": "2012-10-17", "Statement": [statement]}, form))


def moto_refuses(statement: dict[str, Any], validator: type = policy_validation.IAMPolicyDocumentValidator) -> bool:
    try:
        validator(json.dumps({"Version": "2012-10-17", "Statement": [statement]})).validate()
    except MalformedPolicyDocument:
        return True
    return False


def known(candidates: set[str], wrong: str, statement: Any, form: policy.Form = "identity") -> set[str]:
    """Those of the candidates, one after another in a statement, of which the double doesn't say this."""
    return {c for c in candidates if not any(wrong in why for _, why in said(statement(c), form))}


def test_a_statements_elements_are_those_of_the_grammar():
    elements = set(GRAMMAR["definitions"]["Statement"]["properties"])
    assert elements == set(policy_validation.VALID_STATEMENT_ELEMENTS)
    assert known(elements | {"Else"}, "not an element", lambda e: {e: "x"}) == elements


def test_versions_and_principals_are_those_of_the_grammar():
    versions = GRAMMAR["properties"]["Version"]["enum"]
    assert [v for v in (*versions, "2020-01-01") if not list(policy.faults({"Version": v, "Statement": GOOD}, "identity"))] == versions
    principals = set(GRAMMAR["definitions"]["Principal"]["properties"])
    assert known(principals | {"User"}, "no kind of principal", lambda p: {**TRUST, "Principal": {p: "*"}}, "trust") == principals


def test_condition_operators_are_those_that_moto_knows():
    plain = set(policy_validation.VALID_CONDITIONS)
    assert known(plain | {"StringIs"}, "not a condition operator", lambda o: {**GOOD, "Condition": {o: {"aws:SourceVpce": "v"}}}) == plain
    forms = {f"{prefix}{o}IfExists" for prefix in policy_validation.VALID_CONDITION_PREFIXES for o in plain - {"Null"}}
    assert known(forms, "not a condition operator", lambda o: {**GOOD, "Condition": {o: {"aws:SourceVpce": "v"}}}) == forms


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_statements_are_so_to_both(case):
    assert said(MALFORMED[case]) and moto_refuses(MALFORMED[case])


def test_well_formed_statements_are_so_to_both():
    assert not said(GOOD) and not moto_refuses(GOOD)
    assert not said(TRUST, "trust") and not moto_refuses(TRUST, policy_validation.IAMTrustPolicyDocumentValidator)
    named = {**TRUST, "Resource": "*"}
    assert said(named, "trust") and moto_refuses(named, policy_validation.IAMTrustPolicyDocumentValidator)
