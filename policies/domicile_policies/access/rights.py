"""Who may do what in AWS: rights by name, for roles that machines and services take, and never for the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domicile_policies.egress.aws import wide
from domicile_policies.iam import DOCUMENTS, IDENTITY, Document, Statement, documents, overlap
from domicile_policies.resource import Resource
from domicile_policies.rule import Asked, Violation, rule

LEAST = ("SOC2:CC6.3", "ISO27001:A.8.2", "NIST:AC-6")
WHO = ("SOC2:CC6.1", "ISO27001:A.5.15", "NIST:AC-3")
BEARERS = tuple(DOCUMENTS)
_RESOURCE = tuple(type_ for type_, kinds in DOCUMENTS.items() if any(kind == "resource" for kind, _ in kinds))


def _allowing(found: Iterator[Document]) -> Iterator[Statement]:
    return (statement for document in found for statement in document.statements if statement.allows)


@rule(
    "DOM-ACC-001", "Policies can be read", *BEARERS,
    why="AWS refuses a broken policy late; what can't be read can't be judged.", fix="write it by IAM's grammar", severity="high",
    controls=LEAST,
)  # fmt: skip
def readable(bearer: Resource, _: Asked) -> Iterator[Violation]:
    for document in documents(bearer):
        if document.broken:
            yield Violation(document.path, document.broken)


@rule(
    "DOM-ACC-002", "Rights are named: no wildcards in actions or resources", *IDENTITY,
    why="`s3:*`, or `*` for what has a name, grants what nobody thought of, and what AWS adds next year.",
    fix="name actions whole, and resources by ARN; `*` only for actions that have no resource", severity="critical", controls=LEAST,
)  # fmt: skip
def named_rights(role: Resource, _: Asked) -> Iterator[Violation]:
    for statement in _allowing(documents(role, "identity")):
        yield from wide(statement)


ESCALATION = (
    "iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:CreateAccessKey",
    "iam:CreateLoginProfile", "iam:CreatePolicyVersion", "iam:DeleteRolePermissionsBoundary", "iam:PassRole", "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:PutUserPolicy", "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy", "lambda:AddPermission", "lambda:UpdateFunctionCode", "sts:AssumeRole", "kms:PutKeyPolicy",
    "secretsmanager:PutResourcePolicy", "ec2:ModifyInstanceMetadataOptions",
)  # fmt: skip
"""Rights that give more rights (IAM Service Authorization Reference: permissions management)."""

ONE_ROLE = ("iam:PassRole", "sts:AssumeRole")
"""Of these, what leads to the roles that the statement names, and to no other."""


@rule(
    "DOM-ACC-003", "No role gives itself more", *IDENTITY,
    why="A machine's role that writes policies, takes other roles or changes code is every role.",
    fix="leave rights over rights to administrators; PassRole only for a named role", severity="critical", controls=LEAST,
)  # fmt: skip
def no_escalation(role: Resource, _: Asked) -> Iterator[Violation]:
    for statement in _allowing(documents(role, "identity")):
        found = [action for action in ESCALATION if statement.covers(action)]
        loose = [action for action in found if action not in ONE_ROLE or any("*" in str(each) for each in statement.resources)]
        if loose:
            yield Violation(f"{statement.path}.Action", f"{', '.join(loose)}: gives more rights")


BROAD = ("*/AdministratorAccess", "*/PowerUserAccess", "*/IAMFullAccess", "*FullAccess", "*/ReadOnlyAccess", "*/SecurityAudit",
         "*/AmazonSSMFullAccess", "*/SecretsManagerReadWrite", "*/job-function/*")  # fmt: skip
ATTACHMENTS: Mapping[str, str] = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn", "aws:iam/userPolicyAttachment:UserPolicyAttachment": "policyArn",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": "policyArn", "aws:iam/policyAttachment:PolicyAttachment": "policyArn",
    "aws:iam/role:Role": "managedPolicyArns", "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": "managedPolicyArn",
}  # fmt: skip


@rule(
    "DOM-ACC-004", "No role has one of AWS's broad policies", *ATTACHMENTS,
    why="AWS's own policies are written for everybody and grow by themselves.", fix="write a policy of what the role does",
    severity="high", controls=LEAST,
)  # fmt: skip
def no_broad(attachment: Resource, _: Asked) -> Iterator[Violation]:
    path = ATTACHMENTS[attachment.type]
    if attachment.sources(path) and not attachment.known(path):
        return  # a policy of this stack, which is judged for itself
    for at, arn in attachment.items(path):
        if any(overlap(pattern, arn) for pattern in BROAD) and ":aws:policy/" in str(arn):
            yield Violation(at if path.endswith("s") else path, f"{arn} is one of AWS's broad policies")


ON_BEHALF = ("vpc-flow-logs.amazonaws.com", "events.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com")
"""Services that say for whom they take a role (VPC, EventBridge and Step Functions guides: the confused deputy). EC2 and Lambda don't."""


@rule(
    "DOM-ACC-005", "Only named services and roles take a role", "aws:iam/role:Role",
    why="A trust policy is the door to everything that the role may do.",
    fix="name one service, or a role by ARN; an identity provider with conditions on subject and audience", severity="critical",
    controls=WHO,
)  # fmt: skip
def trust(role: Resource, _: Asked) -> Iterator[Violation]:
    for statement in _allowing(documents(role, "trust")):
        if statement.for_anyone and not statement.bound:
            yield Violation(statement.path, "lets anybody take the role")
        elif any(kind == "Federated" for kind, _ in statement.principals) and not any(
            each.narrow and each.key.lower().endswith((":sub", ":saml:aud", "saml:sub")) for each in statement.conditions
        ):
            yield Violation(statement.path, "lets every identity of the provider take the role: name the subject")
        elif any(kind == "Service" and value in ON_BEHALF for kind, value in statement.principals) and not statement.bound:
            yield Violation(statement.path, "lets the service take the role on behalf of anybody: name aws:SourceAccount or aws:SourceArn")
        elif any(kind == "AWS" and str(value).endswith(":root") for kind, value in statement.principals) and not statement.conditions:
            yield Violation(statement.path, "lets the whole account take the role: name a role, or ask for an external id")


@rule(
    "DOM-ACC-006", "Nothing is open to everybody", *_RESOURCE,
    why="A bucket, a topic, a queue or a function whose policy says `*` is the world's.",
    fix="name the principal, or bind it by a condition (aws:PrincipalArn, aws:SourceArn, aws:PrincipalOrgID)", severity="critical",
    controls=WHO,
)  # fmt: skip
def not_public(bearer: Resource, _: Asked) -> Iterator[Violation]:
    for statement in _allowing(documents(bearer, "resource")):
        if statement.for_anyone and not statement.bound:
            yield Violation(statement.path, "lets anybody in")


@rule(
    "DOM-ACC-007", "Services act for this account only", *_RESOURCE, "aws:kms/key:Key", "aws:kms/keyPolicy:KeyPolicy",
    why="A service that is let in without saying for whom does it for everybody's account (IAM User Guide: the confused deputy).",
    fix="bind the service by aws:SourceAccount or aws:SourceArn", severity="high", controls=WHO,
)  # fmt: skip
def own_services(bearer: Resource, _: Asked) -> Iterator[Violation]:
    if bearer.is_a("aws:lambda/permission:*") and "sourceArn" not in bearer.inputs and "." in bearer.get("principal", "*"):
        yield Violation("sourceArn", "lets everything of the service call: name the rule, the API or the bucket")
    for statement in _allowing(documents(bearer, "resource", "key")):
        if any(kind == "Service" for kind, _ in statement.principals) and not statement.bound:
            yield Violation(statement.path, "lets a service in on behalf of anybody")


@rule(
    "DOM-ACC-008", "Nobody has a key that lasts", "aws:iam/user:User", "aws:iam/accessKey:AccessKey",
    "aws:iam/userLoginProfile:UserLoginProfile", "aws:iam/serviceSpecificCredential:*", "aws:iam/userPolicy:UserPolicy",
    why="A user's key works from anywhere until somebody notices.", fix="use roles, whose credentials end by themselves", severity="high",
    controls=("SOC2:CC6.1", "ISO27001:A.5.17", "NIST:IA-5"),
)  # fmt: skip
def no_users(user: Resource, _: Asked) -> Iterator[Violation]:
    yield Violation("type", "is a credential that lasts, or somebody for one")


@rule(
    "DOM-ACC-017", "Rights over `*` are narrowed by what else AWS offers", *IDENTITY,
    why="Metrics under others' names silence their alarms; a function's code that makes network interfaces stands where it wants.",
    fix="bind cloudwatch:PutMetricData by cloudwatch:namespace; deny a function's network interfaces to its own code by "
    "lambda:SourceFunctionArn (Lambda Developer Guide: execution role for a VPC)", severity="medium", controls=LEAST,
)  # fmt: skip
def narrowed(role: Resource, _: Asked) -> Iterator[Violation]:
    for document in documents(role, "identity"):
        denied = [each for each in document.statements if not each.allows and each.condition("lambda:SourceFunctionArn")]
        for statement in (each for each in document.statements if each.allows):
            named = any(each.narrow for each in statement.condition("cloudwatch:namespace"))
            if statement.covers("cloudwatch:PutMetricData") and not named:
                yield Violation(statement.path, "allows metrics in any namespace")
            if statement.covers("ec2:CreateNetworkInterface") and not any(each.covers("ec2:CreateNetworkInterface") for each in denied):
                yield Violation(statement.path, "allows a function's own code to make network interfaces")
