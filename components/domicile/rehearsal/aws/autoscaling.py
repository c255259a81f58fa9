"""Amazon EC2 Auto Scaling."""

from __future__ import annotations

from math import inf

from ..kinds import Distinct, Kind, Ref
from ..rules import AtLeastOne, AtMostOne, Excludes, Length, Needs, Never, NotAbove, OneOf, Pattern, Range, model
from .tokens import GROUP, LAUNCH_TEMPLATE, QUEUE, SUBNET, TARGET_GROUP, TOPIC
from .vocabulary import ARN, describes, lint, moto, provider, reference, role, schema, sdk

_CREATE = "CreateAutoScalingGroupType"
_REFRESH = "instanceRefresh.preferences."
_MIXED = "mixedInstancesPolicy.instancesDistribution."
_TEMPLATE = "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification."
_NAME = model("autoscaling", "AsciiStringMaxLen255")
_OF_GROUP = Ref("autoscalingGroupName", GROUP, "group", holds=False, part=True)
_LAUNCHERS = ("launchTemplate", "mixedInstancesPolicy", "launchConfiguration")
_TRANSITIONS = ("autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING")
_METRICS = (
    "ASGAverageCPUUtilization",
    "ASGAverageCPUUtilizationHighResolution",
    "ASGAverageNetworkIn",
    "ASGAverageNetworkOut",
    "ALBRequestCountPerTarget",
)

_PUT = "PutScalingPolicyType"
_LAUNCHED = schema("AutoScaling::AutoScalingGroup", "requiredXor")
_ATTACHED = provider("autoscaling/attachment.go", "01f431114674")

KINDS: dict[str, Kind] = {
    GROUP: Kind(
        id="{name}", arn=ARN + "autoscaling:{region}:{account}:autoScalingGroup:{uuid}:autoScalingGroupName/{name}", in_use="ResourceInUse", missing="ValidationError",
        outputs={"defaultCooldown": 300, "desiredCapacity": 0, "healthCheckType": "EC2", "predictedCapacity": 0, "warmPoolSize": 0, "availabilityZones": [],
                 "serviceLinkedRoleArn": "arn:{partition}:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"},
        replaces=("name", "namePrefix"), one_network=True,
        refs=(Ref("vpcZoneIdentifiers[*]", SUBNET, "subnet"), Ref("launchTemplate.id", LAUNCH_TEMPLATE, "template", holds=False),
              Ref("launchTemplate.name", LAUNCH_TEMPLATE, "template", holds=False), Ref(_TEMPLATE + "launchTemplateId", LAUNCH_TEMPLATE, "template", holds=False),
              Ref(_TEMPLATE + "launchTemplateName", LAUNCH_TEMPLATE, "template", holds=False), Ref("targetGroupArns[*]", TARGET_GROUP, "targets", holds=False),
              role("initialLifecycleHooks[*].roleArn")),
        rules=(
            Length("name", 1, 255, source=model("autoscaling", "XmlStringMaxLen255")),
            Never("name", ":", "it has no colon", source=reference("autoscaling", f"{_CREATE}.AutoScalingGroupName")),
            AtLeastOne(_LAUNCHERS, source=_LAUNCHED), AtMostOne(_LAUNCHERS, source=_LAUNCHED),
            AtLeastOne(("vpcZoneIdentifiers", "availabilityZones"), source=moto("autoscaling/models.py")),
            AtMostOne(("launchTemplate.id", "launchTemplate.name"), source=sdk(GROUP, "launchTemplate.id")),
            NotAbove("minSize", "maxSize", source=lint("extensions/aws_autoscaling_autoscalinggroup/min_max_size.json")),
            NotAbove("minSize", "desiredCapacity", source=reference("autoscaling", f"{_CREATE}.DesiredCapacity")),
            NotAbove("desiredCapacity", "maxSize", source=reference("autoscaling", f"{_CREATE}.DesiredCapacity")),
            OneOf("healthCheckType", ("EC2", "EBS", "ELB", "VPC_LATTICE"), source=reference("autoscaling", f"{_CREATE}.HealthCheckType")),
            Never("maxInstanceLifetime", r"^(?!0$)\d{1,4}$|^[1-7]\d{4}$|^8[0-5]\d{3}$|^86[0-3]\d\d$", "it is 0, or at least 86400 seconds",
                  source=reference("autoscaling", f"{_CREATE}.MaxInstanceLifetime")),
            OneOf("instanceRefresh.strategy", ("Rolling", "ReplaceRootVolume"), source=model("autoscaling", "RefreshStrategy")),
            Range(_REFRESH + "minHealthyPercentage", 0, 100, source=model("autoscaling", "IntPercent")),
            Range(_REFRESH + "maxHealthyPercentage", 100, 200, source=model("autoscaling", "IntPercent100To200")),
            Needs(_REFRESH + "maxHealthyPercentage", _REFRESH + "minHealthyPercentage", source=reference("autoscaling", "RefreshPreferences.MaxHealthyPercentage")),
            OneOf(_REFRESH + "scaleInProtectedInstances", ("Refresh", "Ignore", "Wait"), source=model("autoscaling", "ScaleInProtectedInstances")),
            OneOf(_REFRESH + "standbyInstances", ("Terminate", "Ignore", "Wait"), source=model("autoscaling", "StandbyInstances")),
            OneOf("warmPool.poolState", ("Stopped", "Running", "Hibernated"), source=model("autoscaling", "WarmPoolState")),
            Range("warmPool.minSize", 0, inf, source=model("autoscaling", "WarmPoolMinSize")),
            Range("warmPool.maxGroupPreparedCapacity", -1, inf, source=model("autoscaling", "MaxGroupPreparedCapacity")),
            Range(_MIXED + "onDemandPercentageAboveBaseCapacity", 0, 100, source=reference("autoscaling", "InstancesDistribution.OnDemandPercentageAboveBaseCapacity")),
            OneOf(_MIXED + "spotAllocationStrategy", ("lowest-price", "capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"),
                  source=reference("autoscaling", "InstancesDistribution.SpotAllocationStrategy")),
            OneOf(_MIXED + "onDemandAllocationStrategy", ("lowest-price", "prioritized"),
                  source=reference("autoscaling", "InstancesDistribution.OnDemandAllocationStrategy")),
        ),
        world=(Distinct(("name",), reference("autoscaling", f"{_CREATE}.AutoScalingGroupName"), code="AlreadyExists"),),
        actions=describes("autoscaling", "CreateAutoScalingGroup CreateOrUpdateTags DescribeAutoScalingGroups PutWarmPool EnableMetricsCollection "
                          "DescribeScalingActivities ec2:RunInstances iam:PassRole iam:CreateServiceLinkedRole", "DescribeAutoScalingGroups DescribeWarmPool",
                          "UpdateAutoScalingGroup StartInstanceRefresh DescribeInstanceRefreshes CancelInstanceRefresh CreateOrUpdateTags DeleteTags PutWarmPool "
                          "DeleteWarmPool EnableMetricsCollection DisableMetricsCollection AttachLoadBalancerTargetGroups DetachLoadBalancerTargetGroups "
                          "ec2:RunInstances iam:PassRole", "UpdateAutoScalingGroup DeleteAutoScalingGroup DescribeAutoScalingGroups DescribeScalingActivities"),
    ),
    "aws:autoscaling/lifecycleHook:LifecycleHook": Kind(
        id="{autoscalingGroupName}/{name}", outputs={"defaultResult": "ABANDON"}, replaces=("name", "autoscalingGroupName"),
        refs=(_OF_GROUP, role("roleArn"), Ref("notificationTargetArn", (TOPIC, QUEUE), "target", holds=False)),
        rules=(
            Length("name", 1, 255, source=_NAME), Pattern("name", r"[A-Za-z0-9\-_\/]+", "letters, digits and -_/", source=_NAME),
            OneOf("lifecycleTransition", _TRANSITIONS, source=reference("autoscaling", "PutLifecycleHookType.LifecycleTransition")),
            OneOf("defaultResult", ("CONTINUE", "ABANDON"), source=reference("autoscaling", "PutLifecycleHookType.DefaultResult")),
            Range("heartbeatTimeout", 30, 7200, source=reference("autoscaling", "PutLifecycleHookType.HeartbeatTimeout")),
            Length("notificationMetadata", 1, 4000, source=model("autoscaling", "AnyPrintableAsciiStringMaxLen4000")),
            Needs("notificationTargetArn", "roleArn", source=reference("autoscaling", "PutLifecycleHookType.RoleARN")),
        ),
        actions=describes("autoscaling", "PutLifecycleHook iam:PassRole", "DescribeLifecycleHooks", "PutLifecycleHook iam:PassRole", "DeleteLifecycleHook"),
    ),
    "aws:autoscaling/policy:Policy": Kind(
        id="{autoscalingGroupName}/{name}", arn=ARN + "autoscaling:{region}:{account}:scalingPolicy:{uuid}:autoScalingGroupName/{autoscalingGroupName}:policyName/{name}",
        outputs={"metricAggregationType": "", "policyType": "SimpleScaling"}, replaces=("name", "autoscalingGroupName"), refs=(_OF_GROUP,), missing="ValidationError",
        rules=(
            OneOf("policyType", ("SimpleScaling", "StepScaling", "TargetTrackingScaling", "PredictiveScaling"), source=schema("AutoScaling::ScalingPolicy", "PolicyType")),
            OneOf("adjustmentType", ("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"), source=schema("AutoScaling::ScalingPolicy", "AdjustmentType")),
            Needs("policyType", "targetTrackingConfiguration", ("TargetTrackingScaling",), source=reference("autoscaling", f"{_PUT}.TargetTrackingConfiguration")),
            Needs("policyType", "stepAdjustments", ("StepScaling",), source=reference("autoscaling", f"{_PUT}.StepAdjustments")),
            Needs("policyType", "adjustmentType", ("StepScaling", "SimpleScaling"), source=reference("autoscaling", f"{_PUT}.AdjustmentType")),
            Excludes("policyType", "scalingAdjustment", ("TargetTrackingScaling", "StepScaling"), source=reference("autoscaling", f"{_PUT}.ScalingAdjustment")),
            Excludes("policyType", "cooldown", ("TargetTrackingScaling", "StepScaling"), source=reference("autoscaling", f"{_PUT}.Cooldown")),
            OneOf("targetTrackingConfiguration.predefinedMetricSpecification.predefinedMetricType", _METRICS, source=model("autoscaling", "MetricType")),
            AtMostOne(("targetTrackingConfiguration.predefinedMetricSpecification", "targetTrackingConfiguration.customizedMetricSpecification"),
                      source=reference("autoscaling", "TargetTrackingConfiguration.CustomizedMetricSpecification")),
        ),
        actions=describes("autoscaling", "PutScalingPolicy DescribePolicies", "DescribePolicies", "PutScalingPolicy", "DeletePolicy"),
    ),
    "aws:autoscaling/schedule:Schedule": Kind(
        id="{scheduledActionName}", arn=ARN + "autoscaling:{region}:{account}:scheduledUpdateGroupAction:{uuid}:autoScalingGroupName/{autoscalingGroupName}",
        replaces=("scheduledActionName", "autoscalingGroupName"), refs=(_OF_GROUP,),
        actions=describes("autoscaling", "PutScheduledUpdateGroupAction", "DescribeScheduledActions", "PutScheduledUpdateGroupAction", "DeleteScheduledAction"),
    ),
    "aws:autoscaling/notification:Notification": Kind(
        id="{topicArn}", replaces=("topicArn",), refs=(Ref("groupNames[*]", GROUP, "group", holds=False, part=True), Ref("topicArn", TOPIC, "topic", holds=False)),
        actions=describes("autoscaling", "PutNotificationConfiguration", "DescribeNotificationConfigurations", "PutNotificationConfiguration DeleteNotificationConfiguration",
                          "DeleteNotificationConfiguration"),
    ),
    "aws:autoscaling/attachment:Attachment": Kind(
        id="{autoscalingGroupName}-{number}", replaces=("autoscalingGroupName", "elb", "lbTargetGroupArn"),
        refs=(_OF_GROUP, Ref("lbTargetGroupArn", TARGET_GROUP, "targets", holds=False)), rules=(AtLeastOne(("lbTargetGroupArn", "elb"), source=_ATTACHED), AtMostOne(("lbTargetGroupArn", "elb"), source=_ATTACHED)),
        actions=describes("autoscaling", "AttachLoadBalancerTargetGroups DescribeAutoScalingGroups", "DescribeAutoScalingGroups", "", "DetachLoadBalancerTargetGroups"),
    ),
}  # fmt: skip
