"""Amazon CloudWatch alarms and dashboards."""

from __future__ import annotations

from ..kinds import Kind, Ref
from ..rules import AtLeastOne, AtMostOne, Items, Json, Length, Needs, NotAbove, OneOf, Pattern, model
from .tokens import FUNCTION, TOPIC
from .vocabulary import ARN, describes, reference, schema

_ALARM = "PutMetricAlarmInput"
_ACTIONS = r"arn:[^:]+:(?:automate|autoscaling|ssm|ssm-incidents|swf|cloudwatch):.*"
_ACTION_LISTS = ("alarmActions", "okActions", "insufficientDataActions")
_PERIODS = (10, 20, 30, *range(60, 86401, 60))
_OPERATORS = ("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
              "LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")  # fmt: skip
_TARGETS = tuple(
    Ref(f"{at}[*]", (TOPIC, FUNCTION, "aws:autoscaling/policy:Policy"), "action", holds=False, outside=_ACTIONS) for at in _ACTION_LISTS
)

KINDS: dict[str, Kind] = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": Kind(
        id="{name}", arn=ARN + "cloudwatch:{region}:{account}:alarm:{name}", outputs={"evaluateLowSampleCountPercentiles": ""}, replaces=("name",), refs=_TARGETS,
        rules=(
            Length("name", 1, 255, source=model("cloudwatch", "AlarmName")), Length("alarmDescription", 0, 1024, source=model("cloudwatch", "AlarmDescription")),
            Length("metricName", 1, 255, source=model("cloudwatch", "MetricName")), Length("namespace", 1, 255, source=model("cloudwatch", "Namespace")),
            Pattern("namespace", r"[^:].*", "it doesn't begin with a colon", source=model("cloudwatch", "Namespace")),
            OneOf("comparisonOperator", _OPERATORS, source=model("cloudwatch", "ComparisonOperator")),
            OneOf("statistic", ("SampleCount", "Average", "Sum", "Minimum", "Maximum"), source=model("cloudwatch", "Statistic")),
            OneOf("treatMissingData", ("breaching", "notBreaching", "ignore", "missing"), source=schema("CloudWatch::Alarm", "TreatMissingData")),
            OneOf("period", _PERIODS, source=reference("cloudwatch", f"{_ALARM}.Period")),
            NotAbove("datapointsToAlarm", "evaluationPeriods", source=reference("cloudwatch", f"{_ALARM}.DatapointsToAlarm")),
            AtLeastOne(("metricName", "metricQueries", "evaluationCriteria"), source=reference("cloudwatch", f"{_ALARM}.MetricName")),
            AtMostOne(("metricName", "metricQueries", "evaluationCriteria"), source=reference("cloudwatch", f"{_ALARM}.MetricName")),
            AtMostOne(("statistic", "extendedStatistic"), source=reference("cloudwatch", f"{_ALARM}.Statistic")),
            AtMostOne(("threshold", "thresholdMetricId"), source=reference("cloudwatch", f"{_ALARM}.Threshold")),
            Needs("metricName", "period", source=reference("cloudwatch", f"{_ALARM}.Period")),
            *(Items(at, 0, 5, source=model("cloudwatch", "ResourceList")) for at in _ACTION_LISTS),
            Items("dimensions", 0, 30, source=model("cloudwatch", "Dimensions")),
        ),
        actions=describes("cloudwatch", "PutMetricAlarm TagResource DescribeAlarms", "DescribeAlarms ListTagsForResource",
                          "PutMetricAlarm TagResource UntagResource", "DeleteAlarms"),
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": Kind(
        id="{alarmName}", arn=ARN + "cloudwatch:{region}:{account}:alarm:{alarmName}", replaces=("alarmName",), refs=_TARGETS,
        rules=(Length("alarmName", 1, 255, source=model("cloudwatch", "AlarmName")), Length("alarmRule", 1, 10240, source=model("cloudwatch", "AlarmRule")),
               *(Items(at, 0, 5, source=model("cloudwatch", "ResourceList")) for at in _ACTION_LISTS)),
        actions=describes("cloudwatch", "PutCompositeAlarm TagResource DescribeAlarms", "DescribeAlarms ListTagsForResource",
                          "PutCompositeAlarm TagResource UntagResource", "DeleteAlarms"),
    ),
    "aws:cloudwatch/dashboard:Dashboard": Kind(
        id="{dashboardName}", outputs={"dashboardArn": "arn:{partition}:cloudwatch::{account}:dashboard/{dashboardName}"}, replaces=("dashboardName",),
        rules=(Pattern("dashboardName", r"[A-Za-z0-9_-]{1,255}", "letters, digits, - and _", source=reference("cloudwatch", "PutDashboardInput.DashboardName")),
               Json("dashboardBody", source=reference("cloudwatch", "PutDashboardInput.DashboardBody"))),
        actions=describes("cloudwatch", "PutDashboard", "GetDashboard", "PutDashboard", "DeleteDashboards"),
    ),
}  # fmt: skip
