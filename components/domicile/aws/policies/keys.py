"""Who uses the stack's encryption key, and who reads and writes its secrets."""

from __future__ import annotations

from domicile.aws.names import Names
from domicile.aws.policies.actions import USE_KEY
from domicile.aws.policy_document import ANYONE, READ_SECRET, Statement, but_role, by_role, document, merged

WRITE_SECRET = (
    "secretsmanager:PutSecretValue", "secretsmanager:RotateSecret", "secretsmanager:UpdateSecret",
    "secretsmanager:UpdateSecretVersionStage",
)  # fmt: skip
"""Every action that makes a version or the current one of it."""

ADMINISTER_KEY = (
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey",
    "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies",
    "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
    "kms:UpdateAlias", "kms:UpdateKeyDescription",
)  # fmt: skip
THIS_KEY = "in a key's own policy `*` is that key (KMS guide: key policies)"


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
