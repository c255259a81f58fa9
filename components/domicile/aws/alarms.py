"""Where a stack's alarms go: one encrypted topic. Called by `aws.assemble`."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.ground import Ground


class AlarmTopic(pulumi.ComponentResource):
    """The topic, and the subscribers that the configuration names."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, ground: Ground, key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("domicile:aws:AlarmTopic", name, None, opts)
        below = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic("alarms", name=f"{ground.names.prefix}-alarms", kms_master_key_id=key, opts=below)
        policy = topic.arn.apply(lambda arn: policies.alarm_topic(ground.names, arn))
        aws.sns.TopicPolicy("alarms", arn=topic.arn, policy=policy, opts=below)
        for address in ground.aws.alarms.subscribers:
            aws.sns.TopicSubscription(address, topic=topic.arn, protocol="email", endpoint=address, opts=below)
        self.arn = topic.arn
        self.register_outputs({"arn": self.arn})
