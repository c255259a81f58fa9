"""Actions that AWS can't be asked about by resource, so that `*` in a policy is no carelessness. Called by `egress` and `access`."""

from __future__ import annotations

ACTIONS = frozenset(
    action.lower() for action in (
        "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeInstanceRefreshes",
        "cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics", "cloudwatch:PutMetricData",
        "ecr:GetAuthorizationToken",
        "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
        "ec2messages:AcknowledgeMessage",
        "ec2messages:DeleteMessage", "ec2messages:FailMessage", "ec2messages:GetEndpoint", "ec2messages:GetMessages",
        "ec2messages:SendReply", "kms:ListAliases", "kms:ListKeys", "s3:ListAllMyBuckets", "secretsmanager:GetRandomPassword",
        "secretsmanager:ListSecrets", "sqs:ListQueues", "ssm:DescribeParameters", "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel", "sts:GetCallerIdentity",
        "tag:GetResources", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
    )
)  # fmt: skip
"""Service Authorization Reference: actions whose column of resource types is empty."""

FOR_FUNCTIONS = frozenset(
    {"ec2:createnetworkinterface", "ec2:deletenetworkinterface", "ec2:assignprivateipaddresses", "ec2:unassignprivateipaddresses"}
)
"""Lambda asks for interfaces of a VPC by these, on `*` (Lambda Developer Guide: execution role for a VPC)."""

FOR_SESSIONS = frozenset({"ssm:updateinstanceinformation"})
"""As AWS's own policy of Session Manager's machines has it (Systems Manager User Guide: AmazonSSMManagedInstanceCore)."""

FOR_CLAUDE_PLATFORM = frozenset({"sts:getwebidentitytoken", "sts:taggetwebidentitytoken"})
"""As AWS's own policy of Claude Platform on AWS has them (AnthropicLimitedAccess, v7, 2026-09-25); the conditions beside say for whom."""


def takes_any_resource(action: str) -> bool:
    """Whether `*` is the narrowest resource that AWS offers, or asks for, with this action."""
    return action.lower() in ACTIONS | FOR_FUNCTIONS | FOR_SESSIONS | FOR_CLAUDE_PLATFORM
