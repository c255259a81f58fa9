"""A secret as every secret of an AWS stack is: made empty, encrypted with the stack's key, guarded by a policy of its own."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.ground import Ground
from domicile.aws.previewed import UNMADE_ENDPOINT, previewed

DELETION_DAYS = 30
"""The longest that KMS and Secrets Manager allow: time to notice a removal and undo it."""


def secret(
    noun: str,
    name: str,
    description: str,
    ground: Ground,
    key: pulumi.Input[str],
    endpoint: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
    *,
    readers: tuple[str, ...] = (),
) -> aws.secretsmanager.Secret:
    """Its value never passes through Pulumi: `domicile key` and `domicile tunnel` put it in. `readers`: ARNs of the roles that read it
    through `endpoint` and nowhere else (default: worker hosts')."""
    made = aws.secretsmanager.Secret(
        ground.noun(noun), name=name, description=description, kms_key_id=key, recovery_window_in_days=DELETION_DAYS, opts=opts
    )
    aws.secretsmanager.SecretPolicy(
        ground.noun(noun),
        secret_arn=made.arn,
        policy=previewed(endpoint, UNMADE_ENDPOINT).apply(lambda found: policies.secret(ground.names, found, *readers)),
        block_public_policy=True,
        opts=opts,
    )
    return made
