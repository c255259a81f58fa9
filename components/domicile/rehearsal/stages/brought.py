"""What a stack's configuration says is there already, put into the rehearsal's cloud: VPC, subnets, machine image, key, roles, boundary.

They stand in for the team's own, of which a rehearsal knows no more than their names, and are as the stack needs them: that the team's
are so isn't shown. Called by `scene`.
"""

from __future__ import annotations

from itertools import cycle

from domicile.aws import policies
from domicile.aws.names import Names
from domicile.aws.policy_document import Statement, document
from domicile.config import PerimeterConfig
from domicile.config.aws import Aws
from domicile.config.aws.access import BROUGHT
from domicile.engine import EngineError
from domicile.residency import REGIONS

from ..rehearsal import Rehearsal
from ..world import Refused

SMALLEST = 28
"""A subnet's prefix (VPC guide: subnet sizing): how large the team's are isn't known, and every VPC has room for many of these."""

_SERVICES = {"flow-logs": "vpc-flow-logs", "function-watch": "lambda", "function-webhook": "lambda"}
"""Which service takes a role; a machine's is EC2."""


def bring_along(rehearsal: Rehearsal, config: PerimeterConfig) -> None:
    """Whatever of it the configuration names. Raises EngineError for what can't be there together."""
    try:
        _bring(rehearsal, config)
    except (ValueError, Refused) as error:
        raise EngineError(f"what the configuration says is there already can't be as it says: {error}") from error


def _bring(rehearsal: Rehearsal, config: PerimeterConfig) -> None:
    aws = config.aws
    if aws is None:
        return
    _network(rehearsal, aws)
    if aws.hosts.machine_image:
        rehearsal.add("aws:ec2/ami:Ami", "theirs", aws.region, {"name": "theirs"}, aws.hosts.machine_image)
    if aws.access.encryption_key:
        inputs = {"description": "theirs", "policy": policies.encryption_key(Names.of(config, aws))}
        rehearsal.add("aws:kms/key:Key", "theirs", aws.region, inputs, _last(aws.access.encryption_key))
    if aws.access.permissions_boundary:
        reads = document(Statement("Theirs", ("s3:GetObject",), ("arn:aws:s3:::theirs/*",)))
        rehearsal.add("aws:iam/policy:Policy", "boundary", aws.region, {**_called(aws.access.permissions_boundary), "policy": reads})
    for noun, arn in aws.access.brought.items():
        _role(rehearsal, config, aws, noun, arn)


def _network(rehearsal: Rehearsal, aws: Aws) -> None:
    existing = aws.network.existing
    if existing is None:
        return
    inputs = {"cidrBlock": str(aws.network.cidr), "enableDnsSupport": True, "enableDnsHostnames": True}
    rehearsal.add("aws:ec2/vpc:Vpc", "theirs", aws.region, inputs, existing.vpc)
    ranges = aws.network.cidr.subnets(new_prefix=SMALLEST)
    region = REGIONS[aws.region]
    for subnets in (existing.worker_subnets, existing.egress_subnets):
        for subnet, letter in zip(subnets, cycle(region.zones), strict=False):
            where = {"vpcId": existing.vpc, "cidrBlock": str(next(ranges)), "availabilityZone": region.zone(letter)}
            rehearsal.add("aws:ec2/subnet:Subnet", subnet, aws.region, where, subnet)
    for table in existing.worker_route_tables:
        rehearsal.add("aws:ec2/routeTable:RouteTable", table, aws.region, {"vpcId": existing.vpc}, table)
    for subnet, table in zip(existing.worker_subnets, cycle(existing.worker_route_tables), strict=False):
        where = {"subnetId": subnet, "routeTableId": table}
        rehearsal.add("aws:ec2/routeTableAssociation:RouteTableAssociation", subnet, aws.region, where)


def _role(rehearsal: Rehearsal, config: PerimeterConfig, aws: Aws, noun: str, arn: str) -> None:
    trust = policies.trust(f"{_SERVICES.get(noun, 'ec2')}.amazonaws.com", Names.of(config, aws))
    rehearsal.add("aws:iam/role:Role", BROUGHT[noun], aws.region, {**_called(arn), "assumeRolePolicy": trust})
    if profile := aws.access.profile(noun):
        inputs = {**_called(profile), "role": _last(arn)}
        rehearsal.add("aws:iam/instanceProfile:InstanceProfile", BROUGHT[noun], aws.region, inputs)


def _called(arn: str) -> dict[str, str]:
    """Name and path of a thing of IAM's, as they stand in its ARN."""
    path = arn.partition("/")[2].rpartition("/")[0]
    return {"name": _last(arn), **({"path": f"/{path}/"} if path else {})}


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
