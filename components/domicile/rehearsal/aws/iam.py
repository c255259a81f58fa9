"""AWS Identity and Access Management. Sizes of policies are IAM's quotas in characters, white space apart."""

from __future__ import annotations

from ..kinds import Distinct, Kind, Ref
from ..rules import Length, Pattern, Policy, Range, model
from .tokens import INSTANCE_PROFILE, POLICY, ROLE
from .vocabulary import ARN, describes, guide, refusal, schema

_IAM = ARN + "iam::{account}:"
_NAME = r"[\w+=,.@-]+"
_NAMED = "letters, digits and _+=,.@-"
_PATH = r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)"
_OF_AWS = r"arn:[^:]+:iam::aws:policy/.+"
_SINGLE = guide("IAM User Guide, IAM and AWS STS quotas: name requirements", "2026-11-21")
_QUOTAS = guide("IAM User Guide, IAM and AWS STS quotas: character limits, white space not counted")


def _names(shape: str, most: int) -> tuple[Length | Pattern, ...]:
    source = model("iam", shape)
    return Length("name", 1, most, source=source), Pattern("name", _NAME, _NAMED, source=source)


KINDS: dict[str, Kind] = {
    ROLE: Kind(
        id="{name}", arn=_IAM + "role{path}{name}", everywhere=True, autoname_length=64, missing="NoSuchEntity", in_use="DeleteConflict",
        outputs={"createDate": "2026-11-01T00:00:00Z", "uniqueId": "AROA{hex16}", "path": "{path}", "maxSessionDuration": 3600, "managedPolicyArns": []},
        replaces=("name", "namePrefix", "path"), json=("assumeRolePolicy",),
        refs=(Ref("permissionsBoundary", POLICY, "boundary", outside=_OF_AWS), Ref("managedPolicyArns[*]", POLICY, "policy", outside=_OF_AWS)),
        rules=(
            *_names("roleNameType", 64),
            Policy("assumeRolePolicy", "trust", 2048, source=_QUOTAS),
            Length("path", 1, 512, source=model("iam", "pathType")), Pattern("path", _PATH, "'/', or begin and end with it", source=model("iam", "pathType")),
            Length("description", 0, 1000, source=model("iam", "roleDescriptionType")),
            Pattern("description", r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*", "Latin-1 characters", source=model("iam", "roleDescriptionType")),
            Range("maxSessionDuration", 3600, 43200, source=model("iam", "roleMaxSessionDurationType")),
            Policy("inlinePolicies[*].policy", "identity", 10240, source=_QUOTAS),
        ),
        world=(Distinct(("name",), _SINGLE, "account", "EntityAlreadyExists", folded=True),),
        actions=describes("iam", "CreateRole TagRole GetRole PutRolePermissionsBoundary", "GetRole ListRolePolicies ListAttachedRolePolicies ListRoleTags",
                          "UpdateRole UpdateAssumeRolePolicy UpdateRoleDescription PutRolePermissionsBoundary DeleteRolePermissionsBoundary TagRole UntagRole",
                          "DeleteRole ListInstanceProfilesForRole ListRolePolicies ListAttachedRolePolicies"),
    ),
    "aws:iam/rolePolicy:RolePolicy": Kind(
        id="{role}:{name}", everywhere=True, missing="NoSuchEntity", replaces=("name", "namePrefix", "role"),
        refs=(Ref("role", ROLE, "role"),), json=("policy",),
        rules=(*_names("policyNameType", 128), Policy("policy", "identity", 10240, source=_QUOTAS)),
        actions=describes("iam", "PutRolePolicy GetRolePolicy", "GetRolePolicy", "PutRolePolicy", "DeleteRolePolicy"),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Kind(
        id="{role}/{policyArn}", everywhere=True, missing="NoSuchEntity", replaces=("role", "policyArn"),
        refs=(Ref("role", ROLE, "role"), Ref("policyArn", POLICY, "policy", outside=_OF_AWS)),
        rules=(Pattern("policyArn", r"arn:(aws[a-zA-Z-]*)?:iam::(\d{12}|aws):policy/[a-zA-Z_0-9+=,.@\-_/]+", "a policy's ARN", source=schema("IAM::Role", "ManagedPolicyArns")),),
        actions=describes("iam", "AttachRolePolicy ListAttachedRolePolicies", "ListAttachedRolePolicies", "", "DetachRolePolicy"),
    ),
    POLICY: Kind(
        id="{arn}", arn=_IAM + "policy{path}{name}", everywhere=True, missing="NoSuchEntity", in_use="DeleteConflict",
        outputs={"policyId": "ANPA{hex16}", "attachmentCount": 0, "path": "{path}"}, replaces=("name", "namePrefix", "path", "description"), json=("policy",),
        rules=(
            *_names("policyNameType", 128), Policy("policy", "identity", 6144, source=_QUOTAS),
            Length("description", 0, 1000, source=model("iam", "policyDescriptionType")),
        ),
        world=(Distinct(("name",), _SINGLE, "account", "EntityAlreadyExists", folded=True),),
        actions=describes("iam", "CreatePolicy TagPolicy GetPolicy", "GetPolicy GetPolicyVersion ListPolicyVersions", "CreatePolicyVersion DeletePolicyVersion "
                          "ListPolicyVersions TagPolicy UntagPolicy", "DeletePolicy DeletePolicyVersion ListPolicyVersions"),
    ),
    INSTANCE_PROFILE: Kind(
        id="{name}", arn=_IAM + "instance-profile{path}{name}", everywhere=True, missing="NoSuchEntity", in_use="DeleteConflict",
        outputs={"createDate": "2026-11-01T00:00:00Z", "uniqueId": "AIPA{hex16}", "path": "{path}"}, replaces=("name", "namePrefix", "path"),
        refs=(Ref("role", ROLE, "role"),), rules=_names("instanceProfileNameType", 128),
        world=(Distinct(("name",), _SINGLE, "account", "EntityAlreadyExists", folded=True),),
        actions=describes("iam", "CreateInstanceProfile AddRoleToInstanceProfile TagInstanceProfile GetInstanceProfile iam:PassRole", "GetInstanceProfile",
                          "AddRoleToInstanceProfile RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile iam:PassRole",
                          "RemoveRoleFromInstanceProfile DeleteInstanceProfile"),
    ),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": Kind(
        id="{roleName}", everywhere=True, replaces=("roleName",), refs=(Ref("roleName", ROLE, "role", part=True, holds=False),),
        actions=describes("iam", "AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies", "ListAttachedRolePolicies", "AttachRolePolicy DetachRolePolicy", ""),
    ),
    "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive": Kind(
        id="{roleName}", everywhere=True, replaces=("roleName",), refs=(Ref("roleName", ROLE, "role", part=True, holds=False),),
        actions=describes("iam", "PutRolePolicy DeleteRolePolicy ListRolePolicies", "ListRolePolicies", "PutRolePolicy DeleteRolePolicy", ""),
    ),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": Kind(
        id="{arn}", arn=_IAM + "role/aws-service-role/{awsServiceName}/{name}", everywhere=True, autoname="-", replaces=("awsServiceName", "customSuffix"),
        outputs={"name": "AWSServiceRoleFor-{awsServiceName}", "uniqueId": "AROA{hex16}", "createDate": "2026-11-01T00:00:00Z", "path": "/aws-service-role/"},
        rules=(Pattern("awsServiceName", r"[\w+=,.@-]+", "a service such as autoscaling.amazonaws.com", source=model("iam", "groupNameType")),),
        world=(Distinct(("awsServiceName", "customSuffix"), refusal("iam", "CreateServiceLinkedRole"), "account", "InvalidInput"),),
        actions=describes("iam", "CreateServiceLinkedRole GetRole", "GetRole", "UpdateRole", "DeleteServiceLinkedRole GetServiceLinkedRoleDeletionStatus"),
    ),
}  # fmt: skip
