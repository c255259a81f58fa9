"""Who may take a role of the stack, and what each kind of machine may do with its own."""

from __future__ import annotations

from domicile.aws import workspace_policies
from domicile.aws.names import Names
from domicile.aws.policies.actions import LIFECYCLE, PULL, SESSION_MANAGER, USE_KEY
from domicile.aws.policy_document import NO_RESOURCE, READ_SECRET, Statement, document, publish_metrics


def trust(service: str, names: Names, *, source: str = "") -> str:
    """Who may take a role: one AWS service, on behalf of this account only."""
    conditions = {"StringEquals": {"aws:SourceAccount": names.account}} if source else {}
    if source:
        conditions["ArnLike"] = {"aws:SourceArn": source}
    return document(Statement("Trust", ("sts:AssumeRole",), (), principal={"Service": service}, conditions=conditions))


def worker_host(names: Names, key: str, credentials: tuple[str, ...], secrets_endpoint: str) -> str:
    """The worker hosts' role: what the four services need, each by name; secrets through the VPC endpoint only, once more."""
    named = (*(() if names.workspace else (names.environment_key,)), *map(names.credential, credentials))
    through = {"StringEquals": {"aws:SourceVpce": secrets_endpoint}}
    return document(
        *((Statement("Secrets", READ_SECRET, tuple(map(names.secret_arn, named)), conditions=through),) if named else ()),
        *workspace_policies.of_worker_host(names),
        *_machine(names, key, "worker-hosts"),
        Statement("Archive", ("s3:PutObject",), (names.records,)),
        publish_metrics("Metrics", names.metrics),
        Statement("EndOfLife", LIFECYCLE, (names.group_arn("worker-hosts"),)),
    )


def egress_proxy(names: Names, key: str) -> str:
    """The egress proxies' role: their image and their settings. No secret."""
    return document(*_machine(names, key, *names.proxies))


def tunnel_host(names: Names, key: str) -> str:
    """The tunnel hosts' role: token and CA, their images and settings, whether they are connected."""
    secrets = (names.secret_arn(names.tunnel_token), names.secret_arn(names.tunnel_authority))
    return document(
        Statement("Secrets", READ_SECRET[1:], secrets),
        *_machine(names, key, "tunnel-hosts"),
        publish_metrics("Metrics"),
    )


def _machine(names: Names, key: str, *nouns: str) -> tuple[Statement, ...]:
    """What every machine of these fleets needs to start: its image, its settings, and the key they are encrypted with."""
    via = tuple(f"{service}.{names.region}.amazonaws.com" for service in ("secretsmanager", "s3", "ecr"))
    logs = tuple(arn for noun in nouns for arn in (names.log_group_arn(noun), f"{names.log_group_arn(noun)}:log-stream:*"))
    images = {"worker-hosts": names.repository_arns, "tunnel-hosts": names.tunnel_repository_arns}.get(
        nouns[0], (names.repository_arn("egress"),)
    )
    return (
        Statement("Login", ("ecr:GetAuthorizationToken",), ("*",), because=NO_RESOURCE),
        Statement("Images", PULL, images),
        Statement("Settings", ("s3:GetObject",), tuple(names.settings(noun) for noun in nouns)),
        Statement("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), logs),
        Statement("Decrypt", USE_KEY, (key,), conditions={"StringEquals": {"kms:ViaService": via}}),
        *((Statement("Session", SESSION_MANAGER, ("*",), because=NO_RESOURCE),) if names.visited else ()),
    )


def flow_logs(names: Names) -> str:
    """The role with which the VPC writes its flow logs."""
    group = names.log_group_arn("flow")
    actions = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
    every_group = f"arn:aws:logs:{names.region}:{names.account}:log-group:*"  # a list of groups is asked of all of them
    return document(
        Statement("Write", actions, (group, f"{group}:log-stream:*")),
        Statement("Find", ("logs:DescribeLogGroups",), (every_group,)),
    )


def query_logs(names: Names) -> str:
    """CloudWatch Logs' own policy: the resolver's deliveries into the group of query logs."""
    return document(
        Statement(
            "Deliver", ("logs:CreateLogStream", "logs:PutLogEvents"), (f"{names.log_group_arn('queries')}:log-stream:*",),
            principal={"Service": "delivery.logs.amazonaws.com"},
            conditions={
                "StringEquals": {"aws:SourceAccount": names.account},
                "ArnLike": {"aws:SourceArn": f"arn:aws:logs:{names.region}:{names.account}:*"},
            },
        )
    )  # fmt: skip
