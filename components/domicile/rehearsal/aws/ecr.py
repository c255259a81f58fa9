"""Amazon Elastic Container Registry."""

from __future__ import annotations

from ..kinds import Distinct, Kind, Ref
from ..rules import Excludes, Json, Length, OneOf, Pattern, Policy, model
from .tokens import REPOSITORY
from .vocabulary import ARN, describes, key, schema, sdk

_NAME = model("ecr", "RepositoryName")
_OF_REPOSITORY = Ref("repository", REPOSITORY, "repository", holds=False, part=True)
_KEY = "encryptionConfigurations[*].kmsKey"

KINDS: dict[str, Kind] = {
    REPOSITORY: Kind(
        id="{name}", arn=ARN + "ecr:{region}:{account}:repository/{name}", replaces=("name", "encryptionConfigurations"), missing="RepositoryNotFoundException",
        in_use="RepositoryNotEmptyException", force="forceDelete",
        outputs={"registryId": "{account}", "repositoryUrl": "{account}.dkr.ecr.{region}.amazonaws.com/{name}", "imageTagMutability": "MUTABLE"}, refs=(key(_KEY),),
        rules=(
            Length("name", 2, 256, source=_NAME),
            Pattern("name", r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*", "small letters and digits, with single . _ - or / between", source=_NAME),
            OneOf("imageTagMutability", ("MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"), source=model("ecr", "ImageTagMutability")),
            OneOf("encryptionConfigurations[*].encryptionType", ("AES256", "KMS", "KMS_DSSE"), source=model("ecr", "EncryptionType")),
            Excludes("encryptionConfigurations[*].encryptionType", _KEY, ("AES256",), source=sdk(REPOSITORY, _KEY)),
        ),
        world=(Distinct(("name",), schema("ECR::Repository", "primaryIdentifier"), code="RepositoryAlreadyExistsException"),),
        actions=describes("ecr", "CreateRepository TagResource DescribeRepositories kms:CreateGrant kms:DescribeKey", "DescribeRepositories ListTagsForResource",
                          "PutImageTagMutability PutImageScanningConfiguration TagResource UntagResource", "DeleteRepository"),
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Kind(
        id="{repository}", outputs={"registryId": "{account}"}, replaces=("repository",), refs=(_OF_REPOSITORY,), json=("policy",),
        rules=(Json("policy", source=model("ecr", "LifecyclePolicyText")), Length("policy", 100, 30720, source=model("ecr", "LifecyclePolicyText"))),
        actions=describes("ecr", "PutLifecyclePolicy", "GetLifecyclePolicy", "PutLifecyclePolicy", "DeleteLifecyclePolicy"),
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Kind(
        id="{repository}", outputs={"registryId": "{account}"}, replaces=("repository",), refs=(_OF_REPOSITORY,),
        rules=(Policy("policy", "resource", 10240, compact=False, source=model("ecr", "RepositoryPolicyText")),),
        actions=describes("ecr", "SetRepositoryPolicy", "GetRepositoryPolicy", "SetRepositoryPolicy", "DeleteRepositoryPolicy"),
    ),
    "aws:ecr/registryPolicy:RegistryPolicy": Kind(
        id="{account}", outputs={"registryId": "{account}"}, rules=(Policy("policy", "resource", 10240, compact=False, source=model("ecr", "RegistryPolicyText")),),
        actions=describes("ecr", "PutRegistryPolicy", "GetRegistryPolicy", "PutRegistryPolicy", "DeleteRegistryPolicy"),
    ),
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration": Kind(
        id="{account}", outputs={"registryId": "{account}"}, rules=(OneOf("scanType", ("BASIC", "ENHANCED"), source=model("ecr", "ScanType")),),
        actions=describes("ecr", "PutRegistryScanningConfiguration", "GetRegistryScanningConfiguration", "PutRegistryScanningConfiguration", "PutRegistryScanningConfiguration"),
    ),
}  # fmt: skip

HOLDS_IMAGE = ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability")
PUSHES_IMAGE = (*HOLDS_IMAGE, "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
"""What the registry asks of who looks at an image, and of who pushes one (ECR user guide: IAM permissions for pushing an image)."""
