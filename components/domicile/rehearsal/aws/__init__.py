"""AWS for rehearsals: one table file a service, the provider's functions, and what its configuration means."""

from __future__ import annotations

import re

from ..cloud import Properties
from ..kinds import Kind, Package
from ..rules import Tags
from ..types import suggestion
from . import (
    apigateway,
    autoscaling,
    cloudwatch,
    ec2,
    ecr,
    elb,
    events,
    iam,
    kms,
    lambdas,
    logs,
    route53,
    s3,
    secretsmanager,
    sns,
    sqs,
    ssm,
    vpc,
    vpc_filters,
)
from .authorization import context, touched
from .functions import FUNCTIONS
from .regions import ZONES
from .vocabulary import reference

_GLOBAL = {"cloudfront", "organizations", "route53", "iam"}  # services whose ARNs carry no region
_READS = {  # functions whose action has another name
    "getAmi": ("ec2:DescribeImages",),
    "getPrefixList": ("ec2:DescribePrefixLists",),
    "getRouteTable": ("ec2:DescribeRouteTables",),
    "getManagedPrefixList": ("ec2:DescribeManagedPrefixLists", "ec2:GetManagedPrefixListEntries"),
    "getAvailabilityZones": ("ec2:DescribeAvailabilityZones",),
    "getAvailabilityZone": ("ec2:DescribeAvailabilityZones",),
    "getRegions": ("ec2:DescribeRegions",),
}
_VERBS = {"create": "Create", "read": "Describe", "update": "Modify", "delete": "Delete"}


def configuration(config: Properties, own: str) -> tuple[str, str, Properties]:
    """Account, region and default tags. The account is that of the role that is assumed, if there is one; else `own`."""
    region = config.get("region")
    if not region:
        raise ValueError("region: set aws:region, or the provider's region")
    if region not in ZONES:
        raise ValueError(f"region: {region!r} is no region{suggestion(region, ZONES)}")
    account = own
    for role in config.get("assumeRoles") or ():
        found = re.fullmatch(r"arn:[^:]+:iam::(\d{12}):role/.+", str(role.get("roleArn") or ""))
        if not found:
            raise ValueError(f"assumeRoles: {role.get('roleArn')!r} is no role's ARN")
        account = found.group(1)
    if config.get("allowedAccountIds") and account not in config["allowedAccountIds"]:
        raise ValueError(f"allowedAccountIds: the account is {account}, and {', '.join(config['allowedAccountIds'])} alone are allowed")
    if account in (config.get("forbiddenAccountIds") or ()):
        raise ValueError(f"forbiddenAccountIds: the account is {account}, which is forbidden")
    return account, str(region), (config.get("defaultTags") or {}).get("tags") or {}


def default(token: str) -> Kind:
    """A type that no table describes: an id and an ARN of the usual form."""
    _, module, type_ = token.split(":")
    service = module.split("/")[0]
    region = "" if service in _GLOBAL else "{region}"
    return Kind(id=f"{type_.lower()}-{{hex}}", arn=f"arn:{{partition}}:{service}:{region}:{{account}}:{type_.lower()}/{{id}}")


def derived_actions(operation: str, token: str) -> tuple[str, ...]:
    """The action that a type or function most likely needs, for those that no table describes."""
    _, module, name = token.split(":")
    service = module.split("/")[0].rstrip("v2") if module.startswith("apigatewayv2") else module.split("/")[0]
    if operation == "invoke":
        local = ("getPolicyDocument", "getRegion", "getRegions", "getPartition", "getDefaultTags", "getServicePrincipal")
        if name in _READS:
            return _READS[name]
        return () if name in local else (f"{'sts' if name == 'getCallerIdentity' else service}:{name[0].upper()}{name[1:]}",)
    return (f"{service}:{_VERBS[operation]}{name}",)


_SERVICES = (
    apigateway, autoscaling, cloudwatch, ec2, ecr, elb, events, iam, kms, lambdas, logs, route53, s3, secretsmanager, sns, sqs, ssm, vpc,
    vpc_filters,
)  # fmt: skip
KINDS: dict[str, Kind] = {token: kind for service in _SERVICES for token, kind in service.KINDS.items()}

PACKAGE = Package(
    "aws", "pulumi_aws", KINDS, FUNCTIONS, configuration, frozenset(ZONES), default, ("name", "bucket"), (Tags("tags", source=reference("ecs", "Tag")),),
    touched, context, derived_actions,
)  # fmt: skip
