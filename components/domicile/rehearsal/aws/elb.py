"""Elastic Load Balancing: network and application load balancers."""

from __future__ import annotations

from ..kinds import Demand, Distinct, Kind, OnePer, Ref
from ..rules import AtLeastOne, AtMostOne, Length, Needs, Never, OneOf, Pattern, Range, model
from .tokens import BUCKET, LISTENER, LOAD_BALANCER, SECURITY_GROUP, SUBNET, TARGET_GROUP, VPC
from .vocabulary import ARN, describes, lint, reference, refusal, schema, sdk

_ELB = ARN + "elasticloadbalancing:{region}:{account}:"
_NAME = reference("elbv2", "CreateLoadBalancerInput.Name")
_TARGETS = reference("elbv2", "CreateTargetGroupInput.Name")
_PROTOCOLS = ("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC")
_PROTOCOL = reference("elbv2", "CreateListenerInput.Protocol")
_PORT = model("elbv2", "Port")
_FORM = {"form": ("loadBalancerType", {"network": "net", "gateway": "gwy", "application": "app", None: "app"})}
_NAMED = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_SUBNETS = schema("ElasticLoadBalancingV2::LoadBalancer", "requiredXor")

KINDS: dict[str, Kind] = {
    LOAD_BALANCER: Kind(
        id="{arn}", arn=_ELB + "loadbalancer/{form}/{name}/{hex16}", terms=_FORM, autoname_length=32, one_network=True, in_use="ResourceInUse",
        missing="LoadBalancerNotFound", guards={"enableDeletionProtection": True},
        outputs={"arnSuffix": "{form}/{name}/{hex16}", "dnsName": "{name}-{hex16}.elb.{region}.amazonaws.com", "vpcId": "{ref[subnet][vpcId]}", "zoneId": "Z{hex10}",
                 "ipAddressType": "ipv4", "loadBalancerType": "application", "internal": False, "enablePrefixForIpv6SourceNat": "",
                 "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": ""},
        replaces=("name", "namePrefix", "internal", "loadBalancerType", "customerOwnedIpv4Pool"),
        refs=(Ref("subnets[*]", SUBNET, "subnet"), Ref("subnetMappings[*].subnetId", SUBNET, "subnet"), Ref("securityGroups[*]", SECURITY_GROUP, "group"),
              Ref("accessLogs.bucket", BUCKET, "logs", holds=False, here=True)),
        rules=(
            Length("name", 1, 32, source=_NAME), Pattern("name", _NAMED, "letters, digits and hyphens, not at its ends", source=_NAME),
            Never("name", "^internal-", "it can't begin with 'internal-'", source=_NAME),
            OneOf("loadBalancerType", ("application", "network", "gateway"), source=model("elbv2", "LoadBalancerTypeEnum")),
            OneOf("ipAddressType", ("ipv4", "dualstack", "dualstack-without-public-ipv4"), source=model("elbv2", "IpAddressType")),
            AtLeastOne(("subnets", "subnetMappings"), source=_SUBNETS), AtMostOne(("subnets", "subnetMappings"), source=_SUBNETS),
            Range("idleTimeout", 1, 4000, source=reference("elbv2", "LoadBalancerAttribute.Key")),
        ),
        world=(Distinct(("name",), _NAME, code="DuplicateLoadBalancerName"), OnePer("subnet", "availabilityZone", reference("elbv2", "CreateLoadBalancerInput.Subnets"), code="InvalidConfigurationRequest")),
        actions=describes("elasticloadbalancing", "CreateLoadBalancer AddTags ModifyLoadBalancerAttributes DescribeLoadBalancers iam:CreateServiceLinkedRole",
                          "DescribeLoadBalancers DescribeLoadBalancerAttributes DescribeTags",
                          "ModifyLoadBalancerAttributes SetSubnets SetSecurityGroups SetIpAddressType AddTags RemoveTags", "DeleteLoadBalancer ec2:DescribeNetworkInterfaces"),
    ),
    TARGET_GROUP: Kind(
        id="{arn}", arn=_ELB + "targetgroup/{name}/{hex16}", autoname_length=32, in_use="ResourceInUse", missing="TargetGroupNotFound",
        outputs={"arnSuffix": "targetgroup/{name}/{hex16}", "loadBalancerArns": [], "ipAddressType": "ipv4", "preserveClientIp": "", "protocolVersion": "",
                 "loadBalancingAlgorithmType": "", "loadBalancingAnomalyMitigation": "", "loadBalancingCrossZoneEnabled": "use_load_balancer_configuration",
                 "deregistrationDelay": 300, "targetType": "instance", "connectionTermination": False},
        replaces=("name", "namePrefix", "port", "protocol", "protocolVersion", "targetType", "vpcId", "ipAddressType"), refs=(Ref("vpcId", VPC, "vpc", holds=False),),
        rules=(
            Length("name", 1, 32, source=_TARGETS), Pattern("name", _NAMED, "letters, digits and hyphens, not at its ends", source=_TARGETS),
            Range("port", 1, 65535, source=_PORT), OneOf("protocol", _PROTOCOLS, source=model("elbv2", "ProtocolEnum")),
            OneOf("targetType", ("instance", "ip", "lambda", "alb"), source=model("elbv2", "TargetTypeEnum")),
            *(Needs("targetType", need, (None, "instance", "ip", "alb"), source=sdk(TARGET_GROUP, need)) for need in ("port", "protocol", "vpcId")),
            Range("healthCheck.interval", 5, 300, source=model("elbv2", "HealthCheckIntervalSeconds")),
            Range("healthCheck.timeout", 2, 120, source=model("elbv2", "HealthCheckTimeoutSeconds")),
            Range("healthCheck.healthyThreshold", 2, 10, source=model("elbv2", "HealthCheckThresholdCount")),
            Range("healthCheck.unhealthyThreshold", 2, 10, source=model("elbv2", "HealthCheckThresholdCount")),
            Length("healthCheck.path", 1, 1024, source=model("elbv2", "Path")), Range("deregistrationDelay", 0, 3600, source=reference("elbv2", "TargetGroupAttribute.Key")),
            OneOf("healthCheck.protocol", ("HTTP", "HTTPS", "TCP"), source=sdk(TARGET_GROUP, "healthCheck.protocol")),
        ),
        world=(Distinct(("name",), _TARGETS, code="DuplicateTargetGroupName"),),
        actions=describes("elasticloadbalancing", "CreateTargetGroup AddTags ModifyTargetGroupAttributes DescribeTargetGroups",
                          "DescribeTargetGroups DescribeTargetGroupAttributes DescribeTags", "ModifyTargetGroup ModifyTargetGroupAttributes AddTags RemoveTags",
                          "DeleteTargetGroup"),
    ),
    LISTENER: Kind(
        id="{arn}", arn=_ELB + "listener/{ref[balancer][arnSuffix]}/{hex16.listener}", replaces=("loadBalancerArn",), missing="ListenerNotFound",
        outputs={"protocol": "", "sslPolicy": "", "tcpIdleTimeoutSeconds": 350},
        refs=(Ref("loadBalancerArn", LOAD_BALANCER, "balancer", holds=False, part=True), Ref("defaultActions[*].targetGroupArn", TARGET_GROUP, "targets"),
              Ref("defaultActions[*].forward.targetGroups[*].arn", TARGET_GROUP, "targets")),
        rules=(
            Range("port", 1, 65535, source=_PORT), OneOf("protocol", _PROTOCOLS, source=model("elbv2", "ProtocolEnum")),
            Needs("protocol", "certificateArn", ("HTTPS", "TLS"), source=lint("extensions/aws_elasticloadbalancingv2_listener/certificate.json")),
            OneOf("defaultActions[*].type", ("forward", "authenticate-oidc", "authenticate-cognito", "redirect", "fixed-response", "jwt-validation"),
                  source=model("elbv2", "ActionTypeEnum")),
            Range("tcpIdleTimeoutSeconds", 60, 6000, source=reference("elbv2", "ListenerAttribute.Key")),
        ),
        world=(
            Distinct(("loadBalancerArn", "port"), refusal("elbv2", "CreateListener"), code="DuplicateListener"),
            Demand("balancer", {"loadBalancerType": "network"}, _PROTOCOL, "protocol", ("TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"), "UnsupportedProtocol"),
            Demand("balancer", {"loadBalancerType": "application"}, _PROTOCOL, "protocol", ("HTTP", "HTTPS"), "UnsupportedProtocol"),
        ),
        actions=describes("elasticloadbalancing", "CreateListener AddTags DescribeListeners", "DescribeListeners DescribeListenerAttributes DescribeTags",
                          "ModifyListener ModifyListenerAttributes AddTags RemoveTags", "DeleteListener"),
    ),
    "aws:lb/listenerRule:ListenerRule": Kind(
        id="{arn}", arn=_ELB + "listener-rule/{hex16}/{hex16.rule}", replaces=("listenerArn",),
        refs=(Ref("listenerArn", LISTENER, "listener", holds=False, part=True), Ref("actions[*].targetGroupArn", TARGET_GROUP, "targets")),
        rules=(Range("priority", 1, 50000, source=model("elbv2", "RulePriority")),),
        world=(Distinct(("listenerArn", "priority"), refusal("elbv2", "CreateRule"), code="PriorityInUse"),),
        actions=describes("elasticloadbalancing", "CreateRule AddTags", "DescribeRules DescribeTags", "ModifyRule SetRulePriorities AddTags RemoveTags", "DeleteRule"),
    ),
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": Kind(
        id="{targetGroupArn}-{number}", replaces=("targetGroupArn", "targetId", "port", "availabilityZone"),
        refs=(Ref("targetGroupArn", TARGET_GROUP, "targets", holds=False, part=True),),
        actions=describes("elasticloadbalancing", "RegisterTargets", "DescribeTargetHealth", "", "DeregisterTargets"),
    ),
}  # fmt: skip
