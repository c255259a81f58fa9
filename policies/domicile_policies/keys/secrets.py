"""Secrets in AWS: no value where a preview, a state or a log has it, and nobody reads one but who is named."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domicile_policies.iam import Statement, documents
from domicile_policies.relations import each_of, pointing_at, texts, unknowns
from domicile_policies.resource import NotKnown, Resource, Stack
from domicile_policies.rule import Asked, Violation, rule, stack_rule

SECRETS = ("SOC2:CC6.1", "ISO27001:A.5.17", "NIST:IA-5(7)")
VALUES: Mapping[str, Sequence[str]] = {
    "aws:secretsmanager/secretVersion:SecretVersion": ("secretString", "secretBinary"),
    "aws:ssm/parameter:Parameter": ("value",),
    "aws:rds/instance:Instance": ("password",), "aws:rds/cluster:Cluster": ("masterPassword",),
    "aws:docdb/cluster:Cluster": ("masterPassword",), "aws:redshift/cluster:Cluster": ("masterPassword",),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("authToken",), "aws:mq/broker:Broker": ("users[0].password",),
    "aws:opensearch/domain:Domain": ("advancedSecurityOptions.masterUserOptions.masterUserPassword",),
    "aws:transfer/sshKey:SshKey": (), "aws:acm/certificate:Certificate": ("privateKey",),
    "aws:iam/serverCertificate:ServerCertificate": ("privateKey",),
}  # fmt: skip
"""Properties that take a secret's value, by type."""


@rule(
    "DOM-KEY-012", "No secret's value is an input", *VALUES,
    why="An input is in the state, in every preview and in whatever process runs it: the value is no secret any more.",
    fix="make the secret empty and put the value in by another way (`domicile key`; manageMasterUserPassword; a write-only argument)",
    severity="critical", controls=SECRETS,
)  # fmt: skip
def no_values(secret: Resource, _: Asked) -> Iterator[Violation]:
    if secret.is_a("aws:ssm/parameter:*") and secret.get("type") != "SecureString":
        return
    for path in VALUES[secret.type]:
        try:
            there = secret.get(path) is not None
        except NotKnown:
            there = True
        if there:
            yield Violation(path, "a secret's value")


TELLTALE = re.compile(
    r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])|sk-ant-[A-Za-z0-9_-]{8,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|"
    r"gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
)
"""How keys of AWS, Anthropic, GitHub and Slack, private keys and JSON web tokens look."""

SECRET_SOURCES = ("aws:iam/accessKey:*", "aws:iam/userLoginProfile:*", "aws:secretsmanager/secretVersion:*", "random:*/randomPassword:*",
                  "tls:*/privateKey:*")  # fmt: skip
"""What gives secrets out. Where a value isn't known, what it is made from must be none of these."""


@rule(
    "DOM-KEY-013", "Nothing that looks like a secret is in any input", "*",
    why="A key in user data, an environment or a tag is readable by whoever may describe the thing.",
    fix="name the secret in the secrets manager, and let the program fetch it by its role", severity="critical", controls=SECRETS,
)  # fmt: skip
def nothing_secret(resource: Resource, _: Asked) -> Iterator[Violation]:
    for path, text in texts(resource.inputs):
        if TELLTALE.search(text) or TELLTALE.search(_decoded(path, text)):
            yield Violation(path, "looks like a secret")
    for path in unknowns(resource.inputs):
        made_from = resource.sources(path)
        if not made_from:
            raise NotKnown(path)
        if any(map(_gives_secrets, made_from)) and not path.lower().endswith(("id", "arn", "name")):
            yield Violation(path, "is made from a secret")


def _gives_secrets(source: Resource) -> bool:
    return source.is_a(*SECRET_SOURCES) or (source.is_a("aws:ssm/parameter:*") and source.get("type") == "SecureString")


def _decoded(path: str, text: str) -> str:
    """What base64 hides, in the properties that are written so."""
    if not path.lower().endswith(("userdata", "base64")) or len(text) > 1 << 20:
        return ""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "ignore")
    except (binascii.Error, ValueError):
        return ""


@rule(
    "DOM-KEY-014", "A secret's removal can be noticed and undone", "aws:secretsmanager/secret:Secret",
    why="Without a time to wait a removed secret is gone at once, and work with it.", fix="set recoveryWindowInDays to 30",
    severity="high", controls=("SOC2:CC7.5", "ISO27001:A.5.17", "NIST:IA-5"),
    parameters={"days": {"type": "integer", "minimum": 7, "maximum": 30, "default": 30, "description": "days that a removal waits"}},
)  # fmt: skip
def slow_secret_removal(secret: Resource, asked: Asked) -> Iterator[Violation]:
    least = asked.parameters.get("days", 30)
    if secret.get("recoveryWindowInDays", 30) < least:  # 30 where nothing is said (Secrets Manager API: DeleteSecret)
        yield Violation("recoveryWindowInDays", f"is below {least}")


READ = "secretsmanager:GetSecretValue"
CHANGE = (
    "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret", "secretsmanager:UpdateSecretVersionStage",
    "secretsmanager:PutResourcePolicy", "secretsmanager:DeleteSecret",
)  # fmt: skip
_ENDPOINT_KEYS = ("aws:SourceVpce", "aws:SourceVpc")


@stack_rule(
    "DOM-KEY-015", "A secret's own policy says who reads it, and from where",
    why="Without one, whoever has rights over secrets in the account reads it, from anywhere.",
    fix="add aws.secretsmanager.SecretPolicy that denies GetSecretValue to all but named roles and to all that comes not through the VPC "
    "endpoint, and changes of value and policy to all but administrators (StringNotEquals on aws:PrincipalArn; on aws:SourceVpce)",
    severity="critical", controls=("SOC2:CC6.1", "ISO27001:A.8.3", "NIST:AC-3"),
)  # fmt: skip
def secret_policies(stack: Stack, _: Asked) -> Iterator[Violation]:
    for secret in stack.of("aws:secretsmanager/secret:Secret"):
        yield from each_of(secret, _guarded(stack, secret))


def _guarded(stack: Stack, secret: Resource) -> Iterator[Violation]:
    bearers = [secret, *pointing_at(stack, secret, "secretArn", "aws:secretsmanager/secretPolicy:SecretPolicy")]
    statements = [each for bearer in bearers for document in documents(bearer, "resource") for each in document.statements]
    denied = [each for each in statements if not each.allows and each.covers(READ) and each.for_anyone]
    if not any(_unless(each, "aws:PrincipalArn") for each in denied):
        yield Violation("policy", "nothing denies reading to all but named roles", secret)
    if not any(_unless(each, *_ENDPOINT_KEYS) for each in denied):
        yield Violation("policy", "nothing denies reading from outside the VPC endpoint", secret)
    for action in CHANGE:
        if not any(not s.allows and s.for_anyone and s.covers(action) and _unless(s, "aws:PrincipalArn") for s in statements):
            yield Violation("policy", f"nothing denies {action} to all but named roles", secret)


def _unless(statement: Statement, *keys: str) -> bool:
    """Whether it denies unless the key is one of named values, and asks nothing else."""
    only = statement.conditions[0] if len(statement.conditions) == 1 else None
    bounds = ("StringNotEquals", "ArnNotEquals", "StringNotLike", "ArnNotLike")
    return only is not None and only.operator in bounds and only.is_about(*keys) and "*" not in [str(each) for each in only.values]


@rule(
    "DOM-KEY-016", "A secret's policy can't be opened to the world", "aws:secretsmanager/secretPolicy:SecretPolicy",
    why="Secrets Manager itself refuses a policy that lets everybody in, when asked to.", fix="set blockPublicPolicy to true",
    severity="medium", controls=("SOC2:CC6.1", "ISO27001:A.8.3", "NIST:AC-3"),
)  # fmt: skip
def blocks_public(policy: Resource, _: Asked) -> Iterator[Violation]:
    if not policy.get("blockPublicPolicy"):
        yield Violation("blockPublicPolicy", "only true is allowed")


AGE = "EnvironmentKeyAgeSeconds"
ENVIRONMENT_KEY = "domicile:aws:EnvironmentKey"


@stack_rule(
    "DOM-KEY-017", "The environment key's age is watched",
    why="A key that nobody replaces is the one that leaks; and when nobody reports its age, nobody vouches for it.",
    fix=f"keep the alarm on {AGE}: GreaterThanThreshold, within the parameter `days`, silence breaching", severity="high",
    controls=("SOC2:CC6.1", "ISO27001:A.5.17", "NIST:IA-5"),
    parameters={"days": {"type": "integer", "minimum": 1, "default": 90, "description": "the greatest age without an alarm"}},
)  # fmt: skip
def age_watched(stack: Stack, asked: Asked) -> Iterator[Violation]:
    for component in stack.of(ENVIRONMENT_KEY):
        alarms = [each for each in stack.of("aws:cloudwatch/metricAlarm:*") if each.inputs.get("metricName") == AGE]
        if not alarms and not _opened_by_roles(asked):
            yield Violation("", f"no alarm on {AGE}", component)
        for alarm in alarms:
            yield from each_of(alarm, _age(alarm, int(asked.parameters.get("days", 90))))


def _opened_by_roles(asked: Asked) -> bool:
    """At Claude Platform on AWS there is no environment key."""
    text = asked.config.get("domicile:controlPlane")
    plane = json.loads(text) if isinstance(text, str) and text.startswith("{") else text
    return isinstance(plane, Mapping) and plane.get("kind") == "aws"


def _age(alarm: Resource, days: int) -> Iterator[Violation]:
    if alarm.get("treatMissingData") != "breaching":
        yield Violation("treatMissingData", "only breaching is allowed", alarm)
    if alarm.get("threshold", 0) > days * 86_400:
        yield Violation("threshold", f"is above {days} days", alarm)
    if not str(alarm.get("comparisonOperator")).startswith("GreaterThan"):
        yield Violation("comparisonOperator", "doesn't sound when the age is above the threshold", alarm)


@stack_rule(
    "DOM-KEY-018", "Somebody is told when a secret changes",
    why="A new value, another policy or a removal is what an intruder does first, and what workers must follow.",
    fix="keep an event rule over PutSecretValue, PutResourcePolicy and DeleteSecret whose target is the alarms' topic", severity="medium",
    controls=("SOC2:CC7.2", "ISO27001:A.8.16", "NIST:SI-4"),
)  # fmt: skip
def changes_told(stack: Stack, _: Asked) -> Iterator[Violation]:
    for component in stack.of(ENVIRONMENT_KEY):
        rules = [each for each in stack.of("aws:cloudwatch/eventRule:*") if _tells(each)]
        told = [each for each in rules if pointing_at(stack, each, "rule", "aws:cloudwatch/eventTarget:*")]
        if not told:
            yield Violation("", "no event rule with a target tells of its secrets' changes", component)


def _tells(rule_: Resource) -> bool:
    pattern = rule_.inputs.get("eventPattern")
    if not isinstance(pattern, str) or rule_.inputs.get("state", "ENABLED") == "DISABLED" or rule_.inputs.get("isEnabled") is False:
        return False
    detail: Any = json.loads(pattern).get("detail", {})
    return {"PutSecretValue", "PutResourcePolicy", "DeleteSecret"} <= set(detail.get("eventName", []))
