"""AWS Key Management Service."""

from __future__ import annotations

from ..kinds import Distinct, Kind, Ref
from ..rules import Excludes, Length, Needs, Never, OneOf, Pattern, Policy, Range, Size, model
from .tokens import ALIAS, KEY
from .vocabulary import ARN, describes, guide, provider, reference

_KMS = ARN + "kms:{region}:{account}:"
_SPECS = ("RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "SYMMETRIC_DEFAULT", "HMAC_224",
          "HMAC_256", "HMAC_384", "HMAC_512", "SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768",
          "ML_KEM_1024")  # fmt: skip
_POLICY_SIZE = guide(
    "AWS KMS Developer Guide, Create a key policy: key policy format"
)  # the model's limit is larger than the service's quota of 32 KB
_NAME = model("kms", "AliasNameType")

KINDS: dict[str, Kind] = {
    KEY: Kind(
        id="{uuid}", arn=_KMS + "key/{id}", missing="NotFoundException",
        outputs={"keyId": "{id}", "description": "", "isEnabled": True, "enableKeyRotation": False, "multiRegion": False, "rotationPeriodInDays": 365,
                 "keyUsage": "ENCRYPT_DECRYPT", "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
                 "policy": '{{"Id":"key-default-1","Statement":[{{"Action":"kms:*","Effect":"Allow","Principal":{{"AWS":'
                           '"arn:{partition}:iam::{account}:root"}},"Resource":"*"}}],"Version":"2012-10-17"}}'},
        replaces=("customerMasterKeySpec", "keyUsage", "multiRegion", "customKeyStoreId", "xksKeyId"),
        rules=(
            Length("description", 0, 8192, source=model("kms", "DescriptionType")),
            Range("deletionWindowInDays", 7, 30, source=reference("kms", "ScheduleKeyDeletionRequest.PendingWindowInDays")),
            Range("rotationPeriodInDays", 90, 2560, source=model("kms", "RotationPeriodInDaysType")),
            OneOf("keyUsage", ("SIGN_VERIFY", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"), source=model("kms", "KeyUsageType")),
            OneOf("customerMasterKeySpec", _SPECS, source=model("kms", "KeySpec")),
            Policy("policy", "resource", 32768, compact=False, source=_POLICY_SIZE), Size("policy", 32768, source=_POLICY_SIZE),
            Needs("rotationPeriodInDays", "enableKeyRotation", source=provider("kms/key.go", "00a35305dc1b")),
            Excludes("enableKeyRotation", "customKeyStoreId", (True,), source=reference("kms", "EnableKeyRotation")),
        ),
        actions=describes("kms", "CreateKey TagResource EnableKeyRotation PutKeyPolicy DescribeKey", "DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags",
                          "UpdateKeyDescription EnableKey DisableKey EnableKeyRotation DisableKeyRotation PutKeyPolicy TagResource UntagResource",
                          "ScheduleKeyDeletion DescribeKey"),
    ),
    "aws:kms/keyPolicy:KeyPolicy": Kind(
        id="{keyId}", replaces=("keyId",), refs=(Ref("keyId", KEY, "key", holds=False, part=True),),
        rules=(Policy("policy", "resource", 32768, compact=False, source=_POLICY_SIZE),),
        actions=describes("kms", "PutKeyPolicy", "GetKeyPolicy", "PutKeyPolicy", "PutKeyPolicy"),
    ),
    ALIAS: Kind(
        id="{name}", arn=_KMS + "{name}", outputs={"targetKeyArn": "{ref[key][arn]}"}, changing=("targetKeyArn",), replaces=("name", "namePrefix"),
        autoname="alias/{name}-{hex7}", missing="NotFoundException", refs=(Ref("targetKeyId", KEY, "key", holds=False, part=True),),
        rules=(
            Length("name", 1, 256, source=_NAME), Pattern("name", r"^[a-zA-Z0-9:/_-]+$", "letters, digits and :/_-", source=_NAME),
            Pattern("name", r"alias/.+", "it begins with 'alias/'", source=reference("kms", "CreateAliasRequest.AliasName")),
            Never("name", r"^alias/aws/", "'alias/aws/' is for AWS's own keys", source=reference("kms", "CreateAliasRequest.AliasName")),
        ),
        world=(Distinct(("name",), reference("kms", "CreateAlias"), code="AlreadyExistsException"),),
        actions=describes("kms", "CreateAlias ListAliases", "ListAliases", "UpdateAlias", "DeleteAlias"),
    ),
    "aws:kms/grant:Grant": Kind(
        id="{keyId}:{hex32}", outputs={"grantId": "{hex32}", "grantToken": "{hex36}"}, autoname="-",
        replaces=("keyId", "granteePrincipal", "operations", "constraints", "retiringPrincipal", "name", "grantCreationTokens"),
        refs=(Ref("keyId", KEY, "key", holds=False, part=True),),
        actions=describes("kms", "CreateGrant", "ListGrants", "", "RevokeGrant RetireGrant"),
    ),
}  # fmt: skip
