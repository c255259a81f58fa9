"""What CloudFormation knows of each type, as cfn-lint carries its schemas: which changes make a new thing, which actions there are."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import botocore.loaders
import cfnlint
import pytest

from domicile.rehearsal import rules
from domicile.rehearsal.aws import KINDS
from domicile.rehearsal.difference import replaces
from domicile.rehearsal.kinds import Distinct

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
TYPES = {  # ours -> CloudFormation's
    "aws:apigatewayv2/api:Api": "ApiGatewayV2::Api", "aws:apigatewayv2/stage:Stage": "ApiGatewayV2::Stage",
    "aws:apigatewayv2/route:Route": "ApiGatewayV2::Route", "aws:apigatewayv2/authorizer:Authorizer": "ApiGatewayV2::Authorizer",
    "aws:autoscaling/group:Group": "AutoScaling::AutoScalingGroup", "aws:autoscaling/lifecycleHook:LifecycleHook": "AutoScaling::LifecycleHook",
    "aws:autoscaling/policy:Policy": "AutoScaling::ScalingPolicy", "aws:cloudwatch/metricAlarm:MetricAlarm": "CloudWatch::Alarm",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": "CloudWatch::CompositeAlarm", "aws:cloudwatch/dashboard:Dashboard": "CloudWatch::Dashboard",
    "aws:cloudwatch/logGroup:LogGroup": "Logs::LogGroup", "aws:cloudwatch/logStream:LogStream": "Logs::LogStream",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": "Logs::MetricFilter",
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": "Logs::SubscriptionFilter", "aws:cloudwatch/eventRule:EventRule": "Events::Rule",
    "aws:cloudwatch/eventBus:EventBus": "Events::EventBus", "aws:ec2/vpc:Vpc": "EC2::VPC", "aws:ec2/subnet:Subnet": "EC2::Subnet",
    "aws:ec2/routeTable:RouteTable": "EC2::RouteTable", "aws:ec2/route:Route": "EC2::Route", "aws:ec2/natGateway:NatGateway": "EC2::NatGateway",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "EC2::SubnetRouteTableAssociation", "aws:ec2/eip:Eip": "EC2::EIP",
    "aws:ec2/securityGroup:SecurityGroup": "EC2::SecurityGroup", "aws:ec2/networkAcl:NetworkAcl": "EC2::NetworkAcl",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "EC2::VPCEndpoint", "aws:ec2/flowLog:FlowLog": "EC2::FlowLog",
    "aws:ec2/launchTemplate:LaunchTemplate": "EC2::LaunchTemplate", "aws:ec2/managedPrefixList:ManagedPrefixList": "EC2::PrefixList",
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": "EC2::EgressOnlyInternetGateway", "aws:ecr/repository:Repository": "ECR::Repository",
    "aws:lb/loadBalancer:LoadBalancer": "ElasticLoadBalancingV2::LoadBalancer", "aws:lb/targetGroup:TargetGroup": "ElasticLoadBalancingV2::TargetGroup",
    "aws:lb/listener:Listener": "ElasticLoadBalancingV2::Listener", "aws:iam/role:Role": "IAM::Role", "aws:iam/policy:Policy": "IAM::ManagedPolicy",
    "aws:iam/instanceProfile:InstanceProfile": "IAM::InstanceProfile", "aws:kms/key:Key": "KMS::Key", "aws:kms/alias:Alias": "KMS::Alias",
    "aws:lambda/function:Function": "Lambda::Function", "aws:lambda/permission:Permission": "Lambda::Permission",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "Lambda::EventSourceMapping", "aws:s3/bucket:Bucket": "S3::Bucket",
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": "Route53Resolver::FirewallDomainList",
    "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": "Route53Resolver::FirewallRuleGroup",
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": "Route53Resolver::FirewallRuleGroupAssociation",
    "aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig": "Route53Resolver::ResolverQueryLoggingConfig",
    "aws:secretsmanager/secret:Secret": "SecretsManager::Secret", "aws:sns/topic:Topic": "SNS::Topic", "aws:sqs/queue:Queue": "SQS::Queue",
    "aws:sns/topicSubscription:TopicSubscription": "SNS::Subscription", "aws:ssm/parameter:Parameter": "SSM::Parameter",
}  # fmt: skip
CALLED = {  # CloudFormation's name of a property -> ours, where they are not the same
    "VersionDescription": "description", "GroupDescription": "description", "GroupName": "name", "RoleName": "name", "InstanceProfileName": "name",
    "ManagedPolicyName": "name", "BucketName": "bucket", "TopicName": "name", "QueueName": "name", "FunctionName": "name", "AliasName": "name",
    "RepositoryName": "name", "LogGroupName": "name", "LogStreamName": "name", "FilterName": "name", "AlarmName": "name", "AutoScalingGroupName": "name",
    "LifecycleHookName": "name", "LaunchTemplateName": "name", "PrefixListName": "name", "StageName": "name", "TopicArn": "topic", "Scheme": "internal",
    "EncryptionConfiguration": "encryptionConfigurations", "Type": "loadBalancerType", "LaunchConfigurationName": "launchConfiguration",
    "CidrIp": "cidrIpv4", "CidrIpv6": "cidrIpv6", "SourcePrefixListId": "prefixListId", "DestinationPrefixListId": "prefixListId",
    "SourceSecurityGroupId": "referencedSecurityGroupId", "DestinationSecurityGroupId": "referencedSecurityGroupId",
}  # fmt: skip
OWN = {  # where the provider has a way of its own
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", "routeTableId"),  # it calls ReplaceRouteTableAssociation
    ("aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig", "tags"),  # it calls TagResource
}


@cache
def cloudformation() -> dict[str, dict[str, Any]]:
    names = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())
    return {type_: json.loads((SCHEMAS / "resources" / f"{file}.json").read_text()) for type_, file in names.items()}


@pytest.mark.parametrize("token", sorted(TYPES))
def test_what_makes_a_new_thing_is_what_cloudformation_says(token, schema):
    shape, kind = schema.resource(token), KINDS[token]
    found = cloudformation()["AWS::" + TYPES[token]]
    paths = [p.removeprefix("/properties/") for p in found.get("createOnlyProperties", ())]
    ours = {_ours(token, p) for p in paths if "/" not in p}
    known = {p for p in ours if p in shape.inputs and (token, p) not in OWN}
    assert known - {p for p in known if replaces(shape, kind, p)} == set()


def _ours(token: str, name: str) -> str:
    if name in ("FunctionName",) and token == "aws:lambda/permission:Permission":
        return "function"
    if name in ("AutoScalingGroupName", "LogGroupName") and not token.endswith((":Group", ":LogGroup")):
        return name[0].lower() + name[1:].replace("ScalingG", "scalingG") if name[0] == "L" else "autoscalingGroupName"
    if name == "Type" and not token.endswith(":LoadBalancer"):
        return "type"
    if name in CALLED:
        return CALLED[name]
    return name[0].lower() + name[1:]


def test_every_action_in_the_tables_is_one_that_aws_has():
    known = {a.lower() for s in cloudformation().values() for h in s.get("handlers", {}).values() for a in h.get("permissions", ())}
    models = botocore.loaders.Loader()
    for prefix, service in {"ec2": "ec2", "iam": "iam", "kms": "kms", "secretsmanager": "secretsmanager", "logs": "logs", "cloudwatch": "cloudwatch",
                            "autoscaling": "autoscaling", "elasticloadbalancing": "elbv2", "ecr": "ecr", "sns": "sns", "sqs": "sqs", "ssm": "ssm",
                            "lambda": "lambda", "events": "events", "route53resolver": "route53resolver", "s3": "s3"}.items():  # fmt: skip
        known |= {f"{prefix}:{operation}".lower() for operation in models.load_service_model(service, "service-2")["operations"]}
    known |= {f"apigateway:{verb}" for verb in ("get", "post", "put", "patch", "delete")}
    listed = {a for k in KINDS.values() for verb in ("create", "read", "update", "delete") for a in getattr(k.actions, verb)}
    assert sorted(a for a in listed if a.lower() not in known) == []
    assert all(re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", a) for a in listed)


def test_every_type_with_a_table_says_what_it_takes_to_make_and_to_look_at_it():
    assert [t for t, k in KINDS.items() if not (k.actions.create and k.actions.read)] == []


SOURCED = [
    (token, rule)
    for token, kind in sorted(KINDS.items())
    for rule in (*kind.rules, *kind.world)
    if rule.source.document.startswith("CloudFormation")
]


@pytest.mark.parametrize(("token", "rule"), SOURCED, ids=[f"{t.rpartition(':')[2]}-{type(r).__name__}" for t, r in SOURCED])
def test_rules_from_cloudformation_are_what_its_schema_says(token, rule, schema):
    type_, path = re.fullmatch(r"CloudFormation schema: (\S+) (\S+)", rule.source.document).groups()
    found = cloudformation()[type_]
    match rule:
        case Distinct():
            assert {_ours(token, p.removeprefix("/properties/")) for p in found[path]} == set(rule.paths)
        case rules.OneOf():
            assert set(rule.allowed) == set(found["properties"][path]["enum"])
        case rules.Pattern():
            said = {**found["properties"][path], **found["properties"][path].get("items", {})}
            assert rule.regex == said["pattern"] if "pattern" in said else "alphanumeric" in said["description"]
        case rules.AtMostOne() if path == "dependentExcluded":
            one, other = rule.paths
            excluded = {_ours(token, a): {_ours(token, b) for b in beside} for a, beside in found[path].items()}
            assert other in excluded[one] and one in excluded[other]
        case rules.AtMostOne() | rules.AtLeastOne():
            assert {_ours(token, p) for p in found[path]} & schema.resource(token).inputs.keys() == set(rule.paths)
            assert isinstance(rule, rules.AtLeastOne) or path == "requiredXor"
        case _:
            raise AssertionError(f"how does a schema say {type(rule).__name__}?")


BEYOND = {  # changes that CloudFormation's handlers of a type don't list, and the provider makes all the same
    "ApiGatewayV2::Stage": {"CreateLogDelivery", "PutResourcePolicy"},  # for its access log (API Gateway guide: logging)
    "AutoScaling::AutoScalingGroup": {"PutWarmPool", "DeleteWarmPool"},  # a type of its own there
    "EC2::LaunchTemplate": {"ModifyLaunchTemplate", "PassRole"},  # sets the default version
    "EC2::NetworkAcl": {"CreateNetworkAclEntry", "DeleteNetworkAclEntry", "ReplaceNetworkAclAssociation"},  # may be given in it
    "EC2::RouteTable": {"CreateRoute", "DeleteRoute", "ReplaceRoute"},  # may be given in it
    "EC2::VPCEndpoint": {"AssociateVPCWithHostedZone"},  # private names: dependent by the Service Authorization Reference
    "ElasticLoadBalancingV2::LoadBalancer": {"CreateServiceLinkedRole"},  # with an account's first
    "IAM::InstanceProfile": {"TagInstanceProfile", "UntagInstanceProfile"},  # has no tags there
    "IAM::ManagedPolicy": {"TagPolicy", "UntagPolicy"},  # has no tags there
    "Logs::SubscriptionFilter": {"PassRole"},
    "SecretsManager::Secret": {"PutResourcePolicy", "DeleteResourcePolicy"},  # may be given in it
}  # fmt: skip
"""From memory of the provider, but where the comment says otherwise."""


@pytest.mark.parametrize("token", sorted(TYPES))
def test_the_changes_that_a_type_needs_are_those_of_cloudformations_handlers(token):
    """Their `permissions` are the published list of what it takes to make, change and delete one."""
    type_, kind = TYPES[token], KINDS[token]
    handlers = cloudformation()["AWS::" + type_].get("handlers", {})
    listed = {permission.lower() for handler in handlers.values() for permission in handler.get("permissions", ())}
    ours = {a for verb in ("create", "update", "delete") for a in getattr(kind.actions, verb)}
    changes = {a for a in ours if not re.match(r"\w+:(?:Describe|Get|List)", a)}
    beyond = {a for a in changes if a.lower() not in listed and a.partition(":")[2] not in BEYOND.get(type_, ())}
    assert not listed or sorted(beyond) == []
