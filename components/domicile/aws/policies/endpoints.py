"""What passes the VPC's endpoints: an open one is a way out."""

from __future__ import annotations

from domicile.aws import workspace_policies
from domicile.aws.function_policies import through_endpoint
from domicile.aws.names import Names
from domicile.aws.policies.actions import LIFECYCLE, PULL, SESSION_MANAGER, USE_KEY
from domicile.aws.policy_document import ANYONE, NO_RESOURCE, READ_SECRET, Statement, by_role, document, merged


def endpoint(service: str, names: Names, key: str) -> str:
    """What passes an endpoint: this stack's roles, at this stack's things. Gateway endpoints take no other principal than `*`
    (PrivateLink guide: endpoint policies), so that the conditions say who is meant, everywhere alike."""
    if service == workspace_policies.SERVICE:
        return workspace_policies.endpoint(names)
    return document(*_ENDPOINTS[service](names, key), *through_endpoint(service, names, key))


def _by_machines(names: Names, sid: str, actions: tuple[str, ...], resources: tuple[str, ...], because: str = "") -> Statement:
    who = merged(by_role(*names.machine_roles), {"StringEquals": {"aws:PrincipalAccount": names.account}})
    return Statement(sid, actions, resources, principal=ANYONE, conditions=who, because=because)


def _s3(names: Names, _key: str) -> tuple[Statement, ...]:
    return (
        _by_machines(names, "Settings", ("s3:GetObject",), (f"{names.bucket_arn('settings')}/*",)),
        _by_machines(names, "Archive", ("s3:PutObject",), (names.records,)),
        # ECR signs the addresses of layers itself: no principal of ours stands in these requests, and they only read AWS's own bucket
        Statement("ImageLayers", ("s3:GetObject",), (f"{names.layer_bucket_arn}/*",), principal=ANYONE),
    )


def _ecr(names: Names, _key: str) -> tuple[Statement, ...]:
    return (
        _by_machines(names, "Login", ("ecr:GetAuthorizationToken",), ("*",), because=NO_RESOURCE),
        _by_machines(names, "Images", PULL, (*names.repository_arns, *names.tunnel_repository_arns)),
    )


def _secrets(names: Names, _key: str) -> tuple[Statement, ...]:
    tunnel = (names.tunnel_token, names.tunnel_authority) if names.tunnels else ()
    key_ = () if names.workspace else (names.environment_key,)
    arns = tuple(names.secret_arn(name) for name in (*key_, names.credential("*"), *tunnel))
    return (_by_machines(names, "Secrets", READ_SECRET, arns),)


def _kms(names: Names, key: str) -> tuple[Statement, ...]:
    return (_by_machines(names, "Use", USE_KEY, (key,)),)


def _logs(names: Names, _key: str) -> tuple[Statement, ...]:
    groups = tuple(names.log_group_arn(noun) for noun in ("worker-hosts", *names.proxies, *(("tunnel-hosts",) if names.tunnels else ())))
    streams = tuple(f"{group}:log-stream:*" for group in groups)
    return (_by_machines(names, "Write", ("logs:CreateLogStream", "logs:PutLogEvents"), (*groups, *streams)),)


def _monitoring(names: Names, _key: str) -> tuple[Statement, ...]:
    return (_by_machines(names, "Metrics", ("cloudwatch:PutMetricData",), ("*",), because=NO_RESOURCE),)


def _sts(names: Names, _key: str) -> tuple[Statement, ...]:
    return (
        _by_machines(names, "WhoAmI", ("sts:GetCallerIdentity",), ("*",), because=NO_RESOURCE),
        *workspace_policies.through_sts(names),
    )


def _autoscaling(names: Names, _key: str) -> tuple[Statement, ...]:
    return (_by_machines(names, "EndOfLife", LIFECYCLE, (names.group_arn("worker-hosts"),)),)


def _session_manager(names: Names, _key: str) -> tuple[Statement, ...]:
    return (_by_machines(names, "Session", SESSION_MANAGER, ("*",), because=NO_RESOURCE),)


_ENDPOINTS = {
    "autoscaling": _autoscaling,
    "ecr.api": _ecr,
    "ecr.dkr": _ecr,
    "kms": _kms,
    "logs": _logs,
    "monitoring": _monitoring,
    "s3": _s3,
    "secretsmanager": _secrets,
    "ssm": _session_manager,
    "ssmmessages": _session_manager,
    "sts": _sts,
}
