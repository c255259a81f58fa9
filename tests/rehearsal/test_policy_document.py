"""`aws.iam.getPolicyDocument` answers as the provider does, which works it out by itself (its source: see the module)."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from domicile.rehearsal.world import Refused

DOCUMENT = "aws:iam/getPolicyDocument:getPolicyDocument"
READ = {"sid": "Read", "actions": ["s3:GetObject"], "resources": ["*"]}
WRITTEN = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
DENIED, OTHER = {"Sid": "Read", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}, {"Sid": "Other", "Effect": "Allow", "Action": "s3:A"}
THEIRS = {
    "Effect": "Allow", "Action": ["s3:A", "s3:B"], "Principal": {"AWS": ["1", "2"]}, "Foreign": 1,
    "Condition": {"Bool": {"aws:SecureTransport": False}, "NumericEquals": {"s3:max-keys": 10}},
}  # fmt: skip
COMES_BACK = {
    "Effect": "Allow", "Action": ["s3:A", "s3:B"], "Principal": {"AWS": ["2", "1"]},
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}  # fmt: skip


@pytest.fixture
def document(double):
    def ask(**args: Any) -> Any:
        faults, result = double.invoke(DOCUMENT, args)
        assert not faults
        assert json.loads(result["json"]) == json.loads(result["minifiedJson"])
        assert result["id"] == str(zlib.crc32(result["json"].encode()))
        return json.loads(result["json"])

    return ask


def statement(document, /, **more: Any) -> Any:
    return document(statements=[READ | more])["Statement"][0]


def given(*statements: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Statement": list(statements), **more})


def test_a_statement_is_written_in_the_policys_own_words(document):
    condition = {"test": "StringEquals", "variable": "aws:SourceVpce", "values": ["vpce-1"]}
    told = WRITTEN | {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}
    found = document(statements=[READ | {"conditions": [condition]}], policyId="id")
    assert found == {"Version": "2012-10-17", "Id": "id", "Statement": [told]}


def test_a_set_loses_what_is_there_twice_and_goes_in_reverse_order(document):
    assert statement(document, actions=["s3:A", "s3:B", "s3:A"])["Action"] == ["s3:B", "s3:A"]
    assert statement(document, actions=["s3:A", "s3:A"])["Action"] == "s3:A"


def test_two_conditions_on_one_key_are_one_with_both_values(document):
    conditions = [{"test": "StringLike", "variable": "aws:SourceArn", "values": [v]} for v in ("a", "b")]
    assert statement(document, conditions=conditions)["Condition"] == {"StringLike": {"aws:SourceArn": ["a", "b"]}}


def test_everybody_is_a_star_only_if_nobody_else_is_named(document):
    everybody, account = {"type": "*", "identifiers": ["*"]}, {"type": "AWS", "identifiers": ["1", "2"]}
    assert statement(document, principals=[everybody])["Principal"] == "*"
    assert statement(document, principals=[everybody, account])["Principal"] == {"*": "*", "AWS": ["2", "1"]}
    assert statement(document, principals=[{"type": "AWS", "identifiers": ["*"]}])["Principal"] == {"AWS": "*"}


def test_a_variable_is_written_with_a_dollar_but_in_actions(document):
    written = statement(document, resources=["arn:aws:s3:::b/&{aws:username}"], actions=["s3:&{x}"])
    assert (written["Resource"], written["Action"]) == ("arn:aws:s3:::b/${aws:username}", "s3:&{x}")


def test_texts_are_escaped_as_the_provider_escapes_them(double):
    _, result = double.invoke(DOCUMENT, {"statements": [READ | {"resources": ["a<b>&é"]}]})
    assert r"a\u003cb\u003e\u0026é" in result["json"]


def test_a_later_statement_takes_the_place_of_an_earlier_one_with_its_sid(document):
    theirs = given(DENIED, OTHER)
    found = document(sourcePolicyDocuments=[theirs], statements=[READ])["Statement"]
    assert [(s["Sid"], s["Effect"]) for s in found] == [("Read", "Allow"), ("Other", "Allow")]
    found = document(statements=[READ], overridePolicyDocuments=[theirs])["Statement"]
    assert [(s["Sid"], s["Effect"]) for s in found] == [("Read", "Deny"), ("Other", "Allow")]


def test_a_document_given_as_json_comes_back_in_the_providers_form(document):
    found = document(sourcePolicyDocuments=[given(THEIRS, Id="theirs", Version="2008-10-17")])
    assert found == {"Version": "2012-10-17", "Id": "theirs", "Statement": [COMES_BACK]}


@pytest.mark.parametrize(
    "args",
    [
        {"statements": [READ, READ]},
        {"sourcePolicyDocuments": [given({"Sid": "A"}), given({"Sid": "A"})]},
        {"sourcePolicyDocuments": ['{"Statement": {"Sid": "A"}}']},
        {"overridePolicyDocuments": ["{"]},
        {"statements": [READ | {"sid": "a-b"}]},
        {"statements": [READ | {"effect": "allow"}]},
        {"version": "2020-01-01"},
        {"version": "2008-10-17", "statements": [READ | {"resources": ["&{aws:username}"]}]},
    ],
    ids=[
        "one Sid twice",
        "one Sid in two sources",
        "no list",
        "no JSON",
        "a Sid",
        "an effect",
        "a version",
        "a variable in an old version",
    ],
)
def test_what_the_provider_refuses(double, args):
    with pytest.raises(Refused, match="InvalidPolicyDocument"):
        double.invoke(DOCUMENT, args)
