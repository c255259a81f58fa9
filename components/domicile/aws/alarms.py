"""A stack's alarms, each with a section of the runbook, and where they go: one encrypted topic. Called by `aws.region` and the rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.ground import Ground
from domicile.aws.previewed import previewed


class AlarmTopic(pulumi.ComponentResource):
    """The topic, and the subscribers that the configuration names."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, ground: Ground, key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("domicile:aws:AlarmTopic", name, None, opts)
        below = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic("alarms", name=f"{ground.names.prefix}-alarms", kms_master_key_id=key, opts=below)
        policy = previewed(topic.arn, ground.names.alarm_topic_arn).apply(lambda arn: policies.alarm_topic(ground.names, arn))
        aws.sns.TopicPolicy("alarms", arn=topic.arn, policy=policy, opts=below)
        for address in ground.aws.alarms.subscribers:
            aws.sns.TopicSubscription(address, topic=topic.arn, protocol="email", endpoint=address, opts=below)
        self.arn = topic.arn
        self.register_outputs({"arn": self.arn})


@dataclass(frozen=True)
class Alarm:
    """Sounds when the metric's worst value is above `threshold` in each of `periods` periods. `silence`: what no value means."""

    name: str
    """Of the alarm, and of its section in the runbook: `Alarm: <name>`."""
    text: str
    metric: str
    threshold: float
    period_seconds: int = 60
    periods: int = 5
    statistic: Literal["Maximum", "Minimum"] = "Maximum"
    silence: Literal["breaching", "notBreaching"] = "notBreaching"


def alarm(ground: Ground, topic: pulumi.Input[str], wanted: Alarm, opts: pulumi.ResourceOptions) -> aws.cloudwatch.MetricAlarm:
    """On a metric of the product for this stack; its text leads to the runbook's section."""
    return aws.cloudwatch.MetricAlarm(
        ground.noun(wanted.name),
        name=ground.names.called(wanted.name),
        alarm_description=f"{wanted.text} {ground.aws.alarms.runbook}#alarm-{wanted.name}",
        namespace=ground.names.metrics,
        metric_name=wanted.metric,
        dimensions={"Stack": ground.config.stack},
        statistic=wanted.statistic,
        period=wanted.period_seconds,
        evaluation_periods=wanted.periods,
        comparison_operator="GreaterThanThreshold",
        threshold=wanted.threshold,
        treat_missing_data=wanted.silence,
        alarm_actions=[topic],
        ok_actions=[topic],
        opts=opts,
    )
