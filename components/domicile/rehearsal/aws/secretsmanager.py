"""AWS Secrets Manager."""

from __future__ import annotations

from ..kinds import Distinct, Kind, Ref
from ..rules import AtLeastOne, AtMostOne, Length, OneOf, Pattern, Policy, Range, model
from .tokens import FUNCTION, SECRET
from .vocabulary import ARN, describes, key, reference, refusal, sdk

_NAME = reference("secretsmanager", "CreateSecretRequest.Name")
_OF_SECRET = Ref("secretId", SECRET, "secret", holds=False, part=True)

KINDS: dict[str, Kind] = {
    SECRET: Kind(
        id="{arn}", arn=ARN + "secretsmanager:{region}:{account}:secret:{name}-{hex6}", outputs={"policy": "", "description": ""},
        replaces=("name", "namePrefix"), missing="ResourceNotFoundException", refs=(key("kmsKeyId"),),
        rules=(
            Length("name", 1, 512, source=model("secretsmanager", "NameType")),
            Pattern("name", r"[A-Za-z0-9/_+=.@-]+", "letters, digits and /_+=.@-", source=_NAME),
            Length("description", 0, 2048, source=model("secretsmanager", "DescriptionType")),
            OneOf("recoveryWindowInDays", (0, *range(7, 31)), source=reference("secretsmanager", "DeleteSecretRequest.RecoveryWindowInDays")),
            Policy("policy", "resource", 20480, compact=False, source=model("secretsmanager", "NonEmptyResourcePolicyType")),
        ),
        world=(Distinct(("name",), refusal("secretsmanager", "CreateSecret"), code="ResourceExistsException"),), lingers=True, lingers_unless=("recoveryWindowInDays", 0),
        actions=describes("secretsmanager", "CreateSecret TagResource DescribeSecret PutResourcePolicy", "DescribeSecret GetResourcePolicy",
                          "UpdateSecret TagResource UntagResource PutResourcePolicy DeleteResourcePolicy", "DeleteSecret DescribeSecret"),
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Kind(
        id="{secretId}|{uuid}", arn="{ref[secret][arn]}", changing=("versionId",),
        outputs={"versionId": "{uuid}", "versionStages": ["AWSCURRENT"], "secretArn": "{ref[secret][arn]}", "hasSecretStringWo": False},
        replaces=("secretId",), refs=(_OF_SECRET,), missing="ResourceNotFoundException",
        rules=(
            AtMostOne(("secretString", "secretBinary", "secretStringWo"), source=reference("secretsmanager", "CreateSecretRequest.SecretString")),
            AtLeastOne(("secretString", "secretBinary", "secretStringWo"), source=reference("secretsmanager", "CreateSecretRequest.SecretString")),
            Length("secretString", 1, 65536, source=model("secretsmanager", "SecretStringType")),
        ),
        actions=describes("secretsmanager", "PutSecretValue GetSecretValue DescribeSecret", "GetSecretValue DescribeSecret",
                          "PutSecretValue UpdateSecretVersionStage", "UpdateSecretVersionStage"),
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Kind(
        id="{secretArn}", replaces=("secretArn",), refs=(Ref("secretArn", SECRET, "secret", holds=False, part=True),),
        rules=(Policy("policy", "resource", 20480, compact=False, source=model("secretsmanager", "NonEmptyResourcePolicyType")),),
        actions=describes("secretsmanager", "PutResourcePolicy ValidateResourcePolicy", "GetResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy"),
    ),
    "aws:secretsmanager/secretRotation:SecretRotation": Kind(
        id="{secretId}", outputs={"rotationEnabled": True}, replaces=("secretId",), refs=(_OF_SECRET, Ref("rotationLambdaArn", FUNCTION, holds=False)),
        rules=(Range("rotationRules.automaticallyAfterDays", 1, 1000, source=model("secretsmanager", "AutomaticallyRotateAfterDaysType")),
               AtMostOne(("rotationRules.automaticallyAfterDays", "rotationRules.scheduleExpression"),
                         source=sdk("aws:secretsmanager/secretRotation:SecretRotation", "rotationRules.automaticallyAfterDays"))),
        actions=describes("secretsmanager", "RotateSecret DescribeSecret", "DescribeSecret", "RotateSecret", "CancelRotateSecret"),
    ),
}  # fmt: skip
