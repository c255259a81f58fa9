"""Every policy document of an AWS stack, by what it guards; those of its functions are in `function_policies`. Nothing else writes one.

Source of actions, resources and condition keys: AWS's Service Authorization Reference; of what differs, beside the statement.
"""

from __future__ import annotations

from domicile.aws.function_policies import through_endpoint
from domicile.aws.names import Names
from domicile.aws.policy_document import ANYONE, METRICS, NO_RESOURCE, READ_SECRET, Statement, but_role, by_role, document, merged

PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PUSH = ("ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")
WRITE_SECRET = ("secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage")
USE_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
ADMINISTER_KEY = (
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey",
    "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies",
    "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
    "kms:UpdateAlias", "kms:UpdateKeyDescription",
)  # fmt: skip
LIFECYCLE = ("autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat")
THIS_KEY = "in a key's own policy `*` is that key (KMS guide: key policies)"


def _account(names: Names) -> dict[str, dict[str, str]]:
    return {"StringEquals": {"aws:PrincipalAccount": names.account}}


def trust(service: str, names: Names, *, source: str = "") -> str:
    """Who may take a role: one AWS service, on behalf of this account only."""
    conditions = {"StringEquals": {"aws:SourceAccount": names.account}} if source else {}
    if source:
        conditions["ArnLike"] = {"aws:SourceArn": source}
    return document(Statement("Trust", ("sts:AssumeRole",), (), principal={"Service": service}, conditions=conditions))


# --- keys and secrets ------------------------------------------------------------------------------------------------


def encryption_key(names: Names) -> str:
    """The stack's key. Who administers it can't decrypt with it; who decrypts does so through one service of this region."""
    via = tuple(f"{service}.{names.region}.amazonaws.com" for service in ("secretsmanager", "s3", "ecr"))
    root = {"AWS": names.root}
    users = by_role(*names.machine_roles, *names.function_roles, *names.administrators)
    scaling = f"arn:aws:iam::{names.account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    return document(
        Statement(
            "Administer", ADMINISTER_KEY, ("*",), principal=root, conditions=by_role(*names.administrators), because=THIS_KEY
        ),
        Statement(
            "UseThroughServices", (*USE_KEY, "kms:Encrypt", "kms:DescribeKey"), ("*",), principal=root,
            conditions=merged(users, {"StringEquals": {"kms:ViaService": via}}),
            because=THIS_KEY,
        ),
        Statement(
            "GrantToRegistry", ("kms:CreateGrant", "kms:RetireGrant"), ("*",), principal=root,
            conditions=merged(by_role(*names.administrators), {"StringEquals": {"kms:ViaService": f"ecr.{names.region}.amazonaws.com"}}),
            because=THIS_KEY,
        ),
        Statement(
            "Logs", (*USE_KEY, "kms:Encrypt", "kms:DescribeKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"), ("*",),
            principal={"Service": f"logs.{names.region}.amazonaws.com"},
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"{names.log_group_arn('')}*"}}, because=THIS_KEY,
        ),
        Statement(
            "Alarms", ("kms:Decrypt", "kms:GenerateDataKey"), ("*",),
            principal={"Service": ("cloudwatch.amazonaws.com", "events.amazonaws.com")},
            conditions={"StringEquals": {"aws:SourceAccount": names.account}}, because=THIS_KEY,
        ),
        Statement(
            "Disks", (*USE_KEY, "kms:Encrypt", "kms:DescribeKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"), ("*",), principal=root,
            conditions=by_role(scaling), because=THIS_KEY,
        ),
        Statement(
            "GrantToDisks", ("kms:CreateGrant",), ("*",), principal=root,
            conditions=merged(by_role(scaling), {"Bool": {"kms:GrantIsForAWSResource": "true"}}), because=THIS_KEY,
        ),
    )  # fmt: skip


def secret(names: Names, endpoint: str, *readers: str) -> str:
    """A secret's own policy: its readers (default: worker hosts) read it, through the VPC endpoint; administrators write it and can't
    read it; nobody else."""
    this = ("*",)  # in a secret's own policy that secret
    return document(
        Statement("ReadByNoOther", READ_SECRET[1:], this, "Deny", ANYONE, but_role(*(readers or (names.worker_role,)))),
        Statement("ReadThroughEndpointOnly", READ_SECRET[1:], this, "Deny", ANYONE, {"StringNotEquals": {"aws:SourceVpce": endpoint}}),
        Statement("WriteByNoOther", WRITE_SECRET, this, "Deny", ANYONE, but_role(*names.administrators)),
        Statement(
            "PolicyByNoOther", ("secretsmanager:DeleteResourcePolicy", "secretsmanager:DeleteSecret", "secretsmanager:PutResourcePolicy"),
            this, "Deny", ANYONE, but_role(*names.administrators),
        ),
        Statement(
            "NeverElsewhere", ("secretsmanager:ReplicateSecretToRegions",), this, "Deny", ANYONE, {},
        ),
    )  # fmt: skip


# --- what machines may do --------------------------------------------------------------------------------------------


def worker_host(names: Names, key: str, credentials: tuple[str, ...], secrets_endpoint: str) -> str:
    """The worker hosts' role: what the four services need, each by name; secrets through the VPC endpoint only, once more."""
    secrets = tuple(names.secret_arn(name) for name in (names.environment_key, *map(names.credential, credentials)))
    return document(
        Statement("Secrets", READ_SECRET, secrets, conditions={"StringEquals": {"aws:SourceVpce": secrets_endpoint}}),
        *_machine(names, key, "worker-hosts"),
        Statement("Archive", ("s3:PutObject",), (f"{names.bucket_arn('archive')}/records/*",)),
        Statement(
            "Metrics",
            ("cloudwatch:PutMetricData",),
            ("*",),
            conditions={"StringEquals": {"cloudwatch:namespace": METRICS}},
            because=NO_RESOURCE,
        ),
        Statement("EndOfLife", LIFECYCLE, (names.group_arn("worker-hosts"),)),
    )


def egress_proxy(names: Names, key: str) -> str:
    """The egress proxies' role: their image and their settings. No secret."""
    return document(*_machine(names, key, "egress-proxies"))


def tunnel_host(names: Names, key: str) -> str:
    """The tunnel hosts' role: token and CA, their images and settings, whether they are connected."""
    secrets = (names.secret_arn(names.tunnel_token), names.secret_arn(names.tunnel_authority))
    return document(
        Statement("Secrets", READ_SECRET[1:], secrets),
        *_machine(names, key, "tunnel-hosts"),
        Statement(
            "Metrics",
            ("cloudwatch:PutMetricData",),
            ("*",),
            conditions={"StringEquals": {"cloudwatch:namespace": METRICS}},
            because=NO_RESOURCE,
        ),
    )


def _machine(names: Names, key: str, noun: str) -> tuple[Statement, ...]:
    """What every machine needs to start: its image, its settings, and the key they are encrypted with."""
    via = tuple(f"{service}.{names.region}.amazonaws.com" for service in ("secretsmanager", "s3", "ecr"))
    group = names.log_group_arn(noun)
    images = {"worker-hosts": names.repository_arns, "tunnel-hosts": names.tunnel_repository_arns}.get(
        noun, (names.repository_arn("egress"),)
    )
    return (
        Statement("Login", ("ecr:GetAuthorizationToken",), ("*",), because=NO_RESOURCE),
        Statement("Images", PULL, images),
        Statement("Settings", ("s3:GetObject",), (f"{names.bucket_arn('settings')}/{noun}/*",)),
        Statement("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), (group, f"{group}:log-stream:*")),
        Statement("Decrypt", USE_KEY, (key,), conditions={"StringEquals": {"kms:ViaService": via}}),
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


# --- VPC endpoints: an open one is a way out ---------------------------------------------------------------------------


def endpoint(service: str, names: Names, key: str) -> str:
    """What passes an endpoint: this stack's roles, at this stack's things. Gateway endpoints take no other principal than `*`
    (PrivateLink guide: endpoint policies), so that the conditions say who is meant, everywhere alike."""
    return document(*_ENDPOINTS[service](names, key), *through_endpoint(service, names, key))


def _by_machines(names: Names, sid: str, actions: tuple[str, ...], resources: tuple[str, ...], because: str = "") -> Statement:
    who = merged(by_role(*names.machine_roles), _account(names))
    return Statement(sid, actions, resources, principal=ANYONE, conditions=who, because=because)


def _s3(names: Names, _key: str) -> tuple[Statement, ...]:
    return (
        _by_machines(names, "Settings", ("s3:GetObject",), (f"{names.bucket_arn('settings')}/*",)),
        _by_machines(names, "Archive", ("s3:PutObject",), (f"{names.bucket_arn('archive')}/records/*",)),
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
    arns = tuple(names.secret_arn(name) for name in (names.environment_key, names.credential("*"), *tunnel))
    return (_by_machines(names, "Secrets", READ_SECRET, arns),)


def _kms(names: Names, key: str) -> tuple[Statement, ...]:
    return (_by_machines(names, "Use", USE_KEY, (key,)),)


def _logs(names: Names, _key: str) -> tuple[Statement, ...]:
    groups = tuple(names.log_group_arn(noun) for noun in ("worker-hosts", "egress-proxies", *(("tunnel-hosts",) if names.tunnels else ())))
    streams = tuple(f"{group}:log-stream:*" for group in groups)
    return (_by_machines(names, "Write", ("logs:CreateLogStream", "logs:PutLogEvents"), (*groups, *streams)),)


def _monitoring(names: Names, _key: str) -> tuple[Statement, ...]:
    return (_by_machines(names, "Metrics", ("cloudwatch:PutMetricData",), ("*",), because=NO_RESOURCE),)


def _sts(names: Names, _key: str) -> tuple[Statement, ...]:
    return (_by_machines(names, "WhoAmI", ("sts:GetCallerIdentity",), ("*",), because=NO_RESOURCE),)


def _autoscaling(names: Names, _key: str) -> tuple[Statement, ...]:
    return (_by_machines(names, "EndOfLife", LIFECYCLE, (names.group_arn("worker-hosts"),)),)


def _session_manager(names: Names, _key: str) -> tuple[Statement, ...]:
    actions = (
        "ec2messages:AcknowledgeMessage", "ec2messages:GetEndpoint", "ec2messages:GetMessages", "ec2messages:SendReply",
        "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
    )  # fmt: skip
    return (_by_machines(names, "Session", actions, ("*",), because=NO_RESOURCE),)


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


# --- buckets, repositories, topics -----------------------------------------------------------------------------------


def _tls_only(arn: str) -> tuple[Statement, Statement]:
    things = (arn, f"{arn}/*")
    return (
        Statement("TlsOnly", ("s3:*",), things, "Deny", ANYONE, {"Bool": {"aws:SecureTransport": "false"}}),
        Statement("Tls12", ("s3:*",), things, "Deny", ANYONE, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
    )


def archive_bucket(names: Names, key: str) -> str:
    """Records come from worker hosts, encrypted with the stack's key; nobody deletes a version or bypasses the lock."""
    arn = names.bucket_arn("archive")
    things = (f"{arn}/*",)
    header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    return document(
        *_tls_only(arn),
        Statement("WrittenByWorkersOnly", ("s3:PutObject",), things, "Deny", ANYONE, but_role(names.worker_role)),
        Statement(
            # without the header the bucket's default is this key; a negated operator alone would hold where the header is absent
            "OwnKeyOnly", ("s3:PutObject",), things, "Deny", ANYONE, {"StringNotEquals": {header: key}, "Null": {header: "false"}},
        ),
        Statement(
            "NeverLoosened",
            ("s3:BypassGovernanceRetention", "s3:DeleteObjectVersion", "s3:PutBucketObjectLockConfiguration", "s3:PutObjectLegalHold"),
            (arn, *things), "Deny", ANYONE, but_role(*names.administrators),
        ),
        Statement("NeverElsewhere", ("s3:PutReplicationConfiguration",), (arn,), "Deny", ANYONE),
    )  # fmt: skip


def settings_bucket(names: Names) -> str:
    """Machines read their settings; administrators write them."""
    arn = names.bucket_arn("settings")
    things = (f"{arn}/*",)
    readers = (*names.machine_roles, *names.administrators)
    return document(
        *_tls_only(arn),
        Statement(
            "WrittenByAdministratorsOnly", ("s3:DeleteObject", "s3:PutObject"), things, "Deny", ANYONE, but_role(*names.administrators)
        ),
        Statement("ReadByMachinesOnly", ("s3:GetObject",), things, "Deny", ANYONE, but_role(*readers)),
    )


def access_log_bucket(names: Names) -> str:
    """S3 delivers access logs of this account's archive here (S3 guide: permissions for log delivery)."""
    arn = names.bucket_arn("access")
    return document(
        *_tls_only(arn),
        Statement(
            "Deliver", ("s3:PutObject",), (f"{arn}/*",), principal={"Service": "logging.s3.amazonaws.com"},
            conditions={
                "StringEquals": {"aws:SourceAccount": names.account},
                "ArnLike": {"aws:SourceArn": (names.bucket_arn("archive"), names.bucket_arn("settings"))},
            },
        ),
    )  # fmt: skip


def repository(names: Names, *pullers: str) -> str:
    """Machines (default: worker hosts and egress proxies) pull, administrators push, nobody else does either. In a repository's policy a
    statement has no resource."""
    pullers = (*(pullers or (names.worker_role, names.egress_role)), *names.administrators)
    return document(
        Statement("PulledByMachinesOnly", PULL, (), "Deny", ANYONE, but_role(*pullers)),
        Statement("PushedByAdministratorsOnly", PUSH, (), "Deny", ANYONE, but_role(*names.administrators)),
    )


def alarm_topic(names: Names, topic: str) -> str:
    """Alarms and events of this account are told here, and nothing else."""
    return document(
        Statement(
            "Tell", ("sns:Publish",), (topic,), principal={"Service": ("cloudwatch.amazonaws.com", "events.amazonaws.com")},
            conditions={"StringEquals": {"aws:SourceAccount": names.account}},
        ),
        Statement("TlsOnly", ("sns:Publish",), (topic,), "Deny", ANYONE, {"Bool": {"aws:SecureTransport": "false"}}),
    )  # fmt: skip
