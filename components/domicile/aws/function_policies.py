"""Every policy document of an AWS stack's functions, and what of theirs passes the VPC's endpoints. `policies` has all others.

Source of actions, resources and condition keys: AWS's Service Authorization Reference; of what a function in a VPC needs, AWS Lambda guide:
giving functions access to resources in a VPC (execution role, and the denial of the same to the function's own code).
"""

from __future__ import annotations

from domicile.aws import workspace_policies
from domicile.aws.names import Names
from domicile.aws.policy_document import (
    ANYONE,
    NO_RESOURCE,
    READ_SECRET,
    Conditions,
    Statement,
    by_role,
    document,
    merged,
    publish_metrics,
)

INTERFACES = ("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces")
VERSIONS = "secretsmanager:ListSecretVersionIds"
ANY_GROUP = "the action is asked of all groups"
REFRESHES, REFRESH = "autoscaling:DescribeInstanceRefreshes", "autoscaling:StartInstanceRefresh"
OWN_IMAGE: Conditions = {"Null": {"autoscaling:ImageId": "true"}}
"""A refresh that names an image is refused: new hosts start from what the group has."""


def watch(names: Names, key: str) -> str:
    """The function that watches the queue: the environment key and its versions, the product's metrics, the worker hosts' group and its
    rolling replacement."""
    return document(
        *_own_key(names, key),
        *workspace_policies.of_watch(names),
        publish_metrics("Publish", names.metrics),
        Statement("Read", ("cloudwatch:GetMetricStatistics",), ("*",), because=NO_RESOURCE),
        *_group(names),
        *_drain(names),
        *_in_vpc(names, "watch"),
    )


def webhook(names: Names, key: str) -> str:
    """The function behind the public address: its signing secret, and the first host. Not the environment key."""
    return document(
        Statement("SigningSecret", READ_SECRET[1:], (names.secret_arn(names.signing_secret),)),
        Statement("Decrypt", ("kms:Decrypt",), (key,), conditions=_via_secrets(names)),
        *_group(names),
        *_in_vpc(names, "webhook"),
    )


def _own_key(names: Names, key: str) -> tuple[Statement, ...]:
    """The environment key, where there is one."""
    if names.workspace:
        return ()
    return (
        Statement("Key", (*READ_SECRET, VERSIONS), (names.secret_arn(names.environment_key),)),
        Statement("Decrypt", ("kms:Decrypt",), (key,), conditions=_via_secrets(names)),
    )


def _via_secrets(names: Names) -> Conditions:
    return {"StringEquals": {"kms:ViaService": f"secretsmanager.{names.region}.amazonaws.com"}}


def _group(names: Names) -> tuple[Statement, ...]:
    return (
        Statement("Look", ("autoscaling:DescribeAutoScalingGroups",), ("*",), because=ANY_GROUP),
        Statement("Wake", ("autoscaling:SetDesiredCapacity",), (names.group_arn("worker-hosts"),)),
    )


def _drain(names: Names) -> tuple[Statement, ...]:
    """The rolling drain after a new version of the environment key, where there is one."""
    if names.workspace:
        return ()
    return (
        Statement("Drains", (REFRESHES,), ("*",), because=ANY_GROUP),
        Statement("Drain", (REFRESH,), (names.group_arn("worker-hosts"),), conditions=OWN_IMAGE),
    )


def _in_vpc(names: Names, noun: str) -> tuple[Statement, ...]:
    """Lambda itself makes the network interfaces by the function's role; the function's code may not."""
    group, own = names.log_group_arn(noun), {"ArnEquals": {"lambda:SourceFunctionArn": names.function_arn(noun)}}
    return (
        Statement("Interfaces", INTERFACES, ("*",), because="Lambda asks for interfaces that have no name yet"),
        Statement("InterfacesNotByCode", INTERFACES, ("*",), "Deny", conditions=own),
        Statement("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), (group, f"{group}:log-stream:*")),
    )


def through_endpoint(service: str, names: Names, key: str) -> tuple[Statement, ...]:
    """What the stack's functions do through an endpoint of the VPC: nothing where it has none."""
    found: list[Statement] = []
    if names.watches:
        found += _watch_through(service, names, key)
    if names.listens:
        found += _webhook_through(service, names, key)
    return tuple(found)


def _watch_through(service: str, names: Names, key: str) -> list[Statement]:
    who, secret = _who(names, names.function_role("watch")), (names.secret_arn(names.environment_key),)
    if names.workspace and service in ("secretsmanager", "kms"):
        return []
    return {
        "secretsmanager": [Statement("WatchKey", (*READ_SECRET, VERSIONS), secret, principal=ANYONE, conditions=who)],
        "kms": [Statement("WatchDecrypt", ("kms:Decrypt",), (key,), principal=ANYONE, conditions=who)],
        "monitoring": [
            Statement(
                "WatchMetrics", ("cloudwatch:GetMetricStatistics", "cloudwatch:PutMetricData"), ("*",), principal=ANYONE, conditions=who,
                because=NO_RESOURCE,
            )
        ],
        "autoscaling": [*_group_through("Watch", names, who), *_drain_through(names, who)],
    }.get(service, [])  # fmt: skip


def _webhook_through(service: str, names: Names, key: str) -> list[Statement]:
    who, secret = _who(names, names.function_role("webhook")), (names.secret_arn(names.signing_secret),)
    return {
        "secretsmanager": [Statement("WebhookSecret", READ_SECRET[1:], secret, principal=ANYONE, conditions=who)],
        "kms": [Statement("WebhookDecrypt", ("kms:Decrypt",), (key,), principal=ANYONE, conditions=who)],
        "autoscaling": _group_through("Webhook", names, who),
    }.get(service, [])


def _group_through(sid: str, names: Names, who: Conditions) -> list[Statement]:
    return [
        Statement(f"{sid}Look", ("autoscaling:DescribeAutoScalingGroups",), ("*",), principal=ANYONE, conditions=who, because=ANY_GROUP),
        Statement(f"{sid}Wake", ("autoscaling:SetDesiredCapacity",), (names.group_arn("worker-hosts"),), principal=ANYONE, conditions=who),
    ]


def _drain_through(names: Names, who: Conditions) -> list[Statement]:
    if names.workspace:
        return []
    return [
        Statement("WatchDrains", (REFRESHES,), ("*",), principal=ANYONE, conditions=who, because=ANY_GROUP),
        Statement("WatchDrain", (REFRESH,), (names.group_arn("worker-hosts"),), principal=ANYONE, conditions=merged(who, OWN_IMAGE)),
    ]


def _who(names: Names, role: str) -> Conditions:
    return merged(by_role(role), {"StringEquals": {"aws:PrincipalAccount": names.account}})
