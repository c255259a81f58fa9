"""Records of the network: every flow and every name that was asked for, encrypted and kept."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.ground import Ground


def build_records(ground: Ground, vpc: pulumi.Input[str], key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
    """Flow logs of accepted and refused traffic, and the resolver's query log."""
    names = ground.names
    flow = ground.log_group("flow", key, opts)
    source = f"arn:aws:ec2:{names.region}:{names.account}:vpc-flow-log/*"
    role = ground.role(
        "flow-logs", "writes the VPC's flow logs", policies.trust("vpc-flow-logs.amazonaws.com", names, source=source),
        policies.flow_logs(names), opts,
    )  # fmt: skip
    aws.ec2.FlowLog(
        "flow",
        vpc_id=vpc,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=flow.arn,
        iam_role_arn=role,
        max_aggregation_interval=60,
        opts=opts,
    )
    queries = ground.log_group("queries", key, opts)
    permission = aws.cloudwatch.LogResourcePolicy(
        "queries", policy_name=f"{names.prefix}-queries", policy_document=policies.query_logs(names), opts=opts
    )
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[permission]))
    config = aws.route53.ResolverQueryLogConfig("queries", name=names.prefix, destination_arn=queries.arn, opts=after)
    aws.route53.ResolverQueryLogConfigAssociation("queries", resolver_query_log_config_id=config.id, resource_id=vpc, opts=opts)
