"""VPC endpoints: AWS's services as ways out.

Whoever reaches an endpoint can call its service, with any credentials, on anybody's things. What its policy lets through is therefore
an exit, unless it is closed on both sides: who calls is of this stack's accounts, and what is called lies in them.

- Without a policy an endpoint lets everything through (PrivateLink guide: endpoint policies, default).
- An endpoint policy grants nothing; caller's and thing's own policies count besides (same page). Here the endpoint alone must hold.
- A `Deny` with a negated condition (`StringNotEquals` on account or organisation) closes what it covers (IAM guide: data perimeters).
- Some actions have no thing to name, and work on the caller's own account (Service Authorization Reference: rows without resource
  types): for them the caller's being ours is enough.
- S3's ARNs name no account; a bucket is ours if its name is one of this stack's, or a condition on `aws:ResourceAccount` says so.
- ECR hands out signed addresses of layers in AWS's own bucket of the region: reading it carries nothing out (ECR guide: VPC endpoints).
- Services that relay to others' programs (`execute-api`, Lambda, SSM …) are judged alike: their things have ARNs with an account.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from re import fullmatch
from typing import Any

from domicile.residency import Source
from domicile_policies import iam
from domicile_policies.reach.relations import raw
from domicile_policies.resource import Resource, Stack, Unknown

SOURCE = Source("docs.aws.amazon.com: AWS PrivateLink guide, control access to VPC endpoints using endpoint policies", "2025")
OWN_ACCOUNT_ONLY = (
    "autoscaling:Describe*", "cloudwatch:GetMetricStatistics", "cloudwatch:PutMetricData", "ec2:Describe*", "ecr:GetAuthorizationToken",
    "ec2messages:*", "ssm:Get*",
    "ssm:UpdateInstanceInformation", "ssmmessages:*", "sts:GetCallerIdentity", "logs:DescribeLogGroups",
)  # fmt: skip
"""Actions that take no thing of another account (Service Authorization Reference)."""

_CALLER = ("aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID")
_THING = ("aws:ResourceAccount", "s3:ResourceAccount", "aws:ResourceOrgID")
_LAYERS = r"arn:aws[a-z-]*:s3:::prod-[a-z0-9-]+-starport-layer-bucket(/\*)?"


@dataclass(frozen=True)
class Opening:
    """What a policy lets out, and where it stands."""

    path: str
    what: str


class Perimeter:
    """What is ours: accounts by number, buckets by name."""

    def __init__(self, stack: Stack, accounts: frozenset[str]) -> None:
        self.accounts = accounts or frozenset(_accounts(stack))
        names = (raw(r.inputs, "bucket") for r in stack.of("aws:s3/bucket*:Bucket", "aws:s3/bucket*:BucketV2"))
        self.buckets = frozenset(name for name in names if isinstance(name, str))

    def owns(self, arn: Any) -> bool:
        """Whether an ARN, perhaps with wildcards, can only be of a thing of ours."""
        parts = str(arn).split(":", 5)
        if len(parts) < 6 or parts[0] != "arn":
            return False
        if parts[2] == "s3" and not parts[4]:
            return parts[5].partition("/")[0] in self.buckets
        return parts[4] in self.accounts

    def is_one(self, value: Any) -> bool:
        """Whether a condition's value, or a principal, is an account of ours or something in one."""
        text = str(value)
        return text in self.accounts or self.owns(text) or bool(fullmatch(r"o-[a-z0-9]{10,32}", text))


def openings(endpoint: Resource, policy: Any, perimeter: Perimeter) -> Iterator[Opening]:
    """Every statement of an endpoint's policy that lets out to others. Raises NotKnown."""
    if policy is None:
        yield Opening("policy", "no policy: everybody's things, for anyone")
        return
    document = iam.read(policy, "policy", "endpoint")
    if document.broken:
        yield Opening("policy", f"a policy that can't be read ({document.broken})")
        return
    denies = [each for each in document.statements if not each.allows]
    for statement in document.statements:
        if statement.allows and (why := _open(statement, denies, perimeter)):
            yield Opening(statement.path, why)


def _open(statement: iam.Statement, denies: Sequence[iam.Statement], perimeter: Perimeter) -> str:
    """Why a statement lets out; empty if it doesn't."""
    conditions = [*statement.conditions, *(_turned(deny) for deny in denies if _covers_all(deny))]
    held = [each for each in conditions if each is not None]
    layers = statement.resources and all(fullmatch(_LAYERS, str(each)) for each in statement.resources)
    if layers and statement.actions and set(map(str, statement.actions)) <= {"s3:GetObject"}:
        return ""
    ours = _bound(held, _CALLER, perimeter) or _named(statement, perimeter)
    inside = _bound(held, _THING, perimeter) or _things(statement, perimeter)
    who = "" if ours else "anyone's credentials"
    what = "" if inside else f"things of any account ({', '.join(map(str, statement.resources[:2])) or 'all but some'})"
    return " on ".join(each for each in (who or (what and "the stack's credentials"), what) if each)


def _things(statement: iam.Statement, perimeter: Perimeter) -> bool:
    if statement.resources and all(perimeter.owns(each) for each in statement.resources):
        return True
    if not statement.actions:
        return False
    return all(any(iam.matches(pattern, str(action), fold=True) for pattern in OWN_ACCOUNT_ONLY) for action in statement.actions)


def _named(statement: iam.Statement, perimeter: Perimeter) -> bool:
    """Whether its principals are all ours by name."""
    named = [value for _, value in statement.principals]
    return bool(named) and not statement.not_principals and all(value != "*" and perimeter.is_one(value) for value in named)


def _bound(conditions: Sequence[iam.Condition], keys: tuple[str, ...], perimeter: Perimeter) -> bool:
    return any(c.is_about(*keys) and c.narrow and all(perimeter.is_one(value) for value in c.values) for c in conditions)


def _covers_all(deny: iam.Statement) -> bool:
    whole = set(map(str, deny.actions)) == {"*"} and set(map(str, deny.resources)) == {"*"}
    return whole and deny.for_anyone and len(deny.conditions) == 1


def _turned(deny: iam.Statement) -> iam.Condition | None:
    """A refusal of all that isn't, as the condition that remains; `IfExists` refuses nothing where the key is missing."""
    condition = deny.conditions[0]
    turned = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "ArnNotLike": "ArnLike", "ArnNotEquals": "ArnEquals"}
    operator = turned.get(condition.operator)
    return iam.Condition(operator, condition.key, condition.values) if operator else None


def _accounts(stack: Stack) -> Iterator[str]:
    """Those that the stack's provider is held to."""
    for provider in stack.of("pulumi:providers:aws"):
        given = provider.inputs.get("allowedAccountIds")
        for each in given if isinstance(given, list) else []:
            if isinstance(each, str) and not isinstance(each, Unknown):
                yield each
