"""What the tables of all services share: references that recur, and sources."""

from __future__ import annotations

from ..kinds import Actions, Ref
from ..rules import Source
from .tokens import ALIAS, KEY, PREFIX_LIST, ROLE, SECURITY_GROUP, SUBNET, VPC

ARN = "arn:{partition}:"
EC2 = ARN + "ec2:{region}:{account}:"


def reference(service: str, what: str) -> Source:
    """The prose of AWS's API reference on an operation or a member, as its service model carries it."""
    return Source(f"AWS API reference: {service} {what}", "2026-11-21")


def refusal(service: str, operation: str) -> Source:
    """An operation's errors in AWS's own service model: tests look for the rule's code among them."""
    return Source(f"AWS service model's errors: {service} {operation}", "2026-11-22")


def only(service: str, operation: str) -> Source:
    """An operation that knows what it sets by one name and no id of its own, so that there is but one of it: tests look at its input."""
    return Source(f"AWS service model's inputs: {service} {operation}", "2026-11-22")


def schema(type_: str, path: str) -> Source:
    """A property of CloudFormation's schema of a type, as cfn-lint carries it: tests hold the rule to it. `primaryIdentifier` names what no two
    things share; a path that ends in `requiredXor`, `requiredOr` or `dependentExcluded` is that list of names."""
    return Source(f"CloudFormation schema: AWS::{type_} {path}", "2026-11-21")


def lint(path: str) -> Source:
    """A file of cfn-lint's own rules: tests hold the rule to it."""
    return Source(f"cfn-lint: {path}", "2026-11-22")


def sdk(token: str, path: str) -> Source:
    """What the SDK's documentation says of an input: tests look there for the words of such a rule, and for the other inputs that it names."""
    return Source(f"pulumi_aws: {token} {path}", "2026-11-22")


def moto(path: str) -> Source:
    """A file of moto, which answers as AWS was seen to: tests look for the rule's code in it."""
    return Source(f"moto: {path}", "2026-11-22")


def provider(path: str, commit: str) -> Source:
    """A file of the provider that the SDK is generated from: what it refuses before it calls AWS. Read at a commit, not held by a test."""
    return Source(f"terraform-provider-aws: internal/service/{path} at {commit}", "2026-11-22")


def guide(page: str, read: str = "2026-11-22") -> Source:
    """A page of AWS's own guides, by its guide and title; read, not held by a test."""
    return Source(f"AWS documentation: {page}", read)


def report(issue: str, day: str) -> Source:
    """An answer of AWS's that somebody was given, in a public report: a repository's issue, and the day of the answer."""
    return Source(f"report: {issue}, {day}", "2026-11-22")


def vpc(holds: bool = True, part: bool = False) -> Ref:
    return Ref("vpcId", VPC, "vpc", holds, part)


def subnets(path: str = "subnetIds[*]") -> Ref:
    return Ref(path, SUBNET, "subnet")


def security_groups(path: str = "securityGroupIds[*]") -> Ref:
    return Ref(path, SECURITY_GROUP, "group")


def prefix_list(path: str) -> Ref:
    """One of the account's, or AWS's own, whose ids are short."""
    return Ref(path, PREFIX_LIST, "list", outside=r"pl-[0-9a-f]{8}")


def role(path: str, by_arn: bool = True, holds: bool = False) -> Ref:
    """A role by its ARN or name. AWS's own service-linked roles are taken as given."""
    return Ref(path, ROLE, holds=holds, outside=r"arn:[^:]+:iam::\d+:role/aws-service-role/.*" if by_arn else "")


def key(path: str) -> Ref:
    """A KMS key by id, ARN or alias; AWS's own keys by their aliases. A used key can be scheduled for deletion: nothing holds it."""
    return Ref(path, (KEY, ALIAS), "key", holds=False, outside=r"(?:arn:[^:]+:kms:[^:]+:\d+:)?alias/aws/.*")


def describes(service: str, create: str, read: str, update: str, delete: str) -> Actions:
    """Actions of one service, each argument a list of names with spaces between."""

    def of(names: str) -> tuple[str, ...]:
        return tuple(n if ":" in n else f"{service}:{n}" for n in names.split())

    return Actions(of(create), of(read), of(update), of(delete))
