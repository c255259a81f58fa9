"""Who reads and writes what the stack keeps: buckets and repositories; and who tells its topic of alarms."""

from __future__ import annotations

from domicile.aws.names import Names
from domicile.aws.policies.actions import PULL, PUSH
from domicile.aws.policy_document import ANYONE, Statement, but_role, document


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
