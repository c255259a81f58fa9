"""What the tables of all services share: references that recur, and sources."""

from __future__ import annotations

from ..kinds import Actions, Ref
from ..rules import Source
from .tokens import ALIAS, KEY, ROLE, SECURITY_GROUP, SUBNET, VPC

ARN = "arn:{partition}:"
EC2 = ARN + "ec2:{region}:{account}:"


def reference(service: str, what: str) -> Source:
    """The prose of AWS's API reference on an operation or a member, as its service model carries it."""
    return Source(f"AWS API reference: {service} {what}", "2026-11-21")


def schema(type_: str, path: str) -> Source:
    """A property of CloudFormation's schema of a type, as cfn-lint carries it: tests hold the rule to it. `primaryIdentifier` names what no two
    things share."""
    return Source(f"CloudFormation schema: AWS::{type_} {path}", "2026-11-21")


def vpc(holds: bool = True, part: bool = False) -> Ref:
    return Ref("vpcId", VPC, "vpc", holds, part)


def subnets(path: str = "subnetIds[*]") -> Ref:
    return Ref(path, SUBNET, "subnet")


def security_groups(path: str = "securityGroupIds[*]") -> Ref:
    return Ref(path, SECURITY_GROUP, "group")


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
