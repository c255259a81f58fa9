"""AWS's services inside the VPC, each with a policy closed to this stack's roles and things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from domicile.aws import policies, workspace_policies
from domicile.aws.ground import Ground
from domicile.aws.previewed import previewed
from domicile.config.residency import ENDPOINTS, SESSION_MANAGER
from domicile.network.aws.security_groups import SecurityGroups

if TYPE_CHECKING:
    from domicile.network.aws import Vpc

GATEWAY = "s3"


@dataclass(frozen=True)
class Endpoints:
    """What other rooms need of the endpoints."""

    secrets: pulumi.Output[str]
    """Id of the Secrets Manager endpoint, through which alone secrets are read."""
    s3: pulumi.Output[str]
    """Id of the S3 gateway endpoint."""
    s3_prefix_list: pulumi.Output[str]
    """S3's addresses in this region, as AWS keeps them."""


def build_endpoints(ground: Ground, vpc: Vpc, groups: SecurityGroups, key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> Endpoints:
    """The S3 gateway, and an interface in each worker subnet for every other service."""
    wanted = [*ENDPOINTS, *(SESSION_MANAGER if ground.aws.network.session_manager else ())]
    if ground.config.private_control_plane:
        wanted.append(workspace_policies.SERVICE)
    made = {service: _endpoint(service, ground, vpc, groups, key, opts) for service in wanted}
    prefix_list = aws.ec2.get_prefix_list_output(name=ground.names.service(GATEWAY), opts=pulumi.InvokeOutputOptions(parent=opts.parent))
    return Endpoints(made["secretsmanager"].id, made[GATEWAY].id, prefix_list.id)


def _endpoint(
    service: str, ground: Ground, vpc: Vpc, groups: SecurityGroups, key: pulumi.Output[str], opts: pulumi.ResourceOptions
) -> aws.ec2.VpcEndpoint:
    policy = previewed(key, ground.names.unmade_key).apply(lambda arn: policies.endpoint(service, ground.names, arn))
    kind = (
        {"vpc_endpoint_type": "Gateway", "route_table_ids": list(vpc.worker_route_tables)}
        if service == GATEWAY
        else {
            "vpc_endpoint_type": "Interface",
            "private_dns_enabled": True,
            "subnet_ids": list(vpc.worker_subnets),
            "security_group_ids": [groups.endpoints],
        }
    )
    return aws.ec2.VpcEndpoint(
        service,
        vpc_id=vpc.id,
        service_name=ground.names.service(service),
        policy=policy,
        tags={"Name": f"{ground.names.prefix}-{service}"},
        opts=opts,
        **kind,
    )
