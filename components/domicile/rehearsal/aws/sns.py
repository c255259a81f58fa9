"""Amazon Simple Notification Service."""

from __future__ import annotations

from ..kinds import Kind, Ref
from ..rules import Json, OneOf, Pattern, Policy
from .tokens import FUNCTION, QUEUE, TOPIC
from .vocabulary import ARN, describes, guide, key, reference, role, sdk

_NAME = reference("sns", "CreateTopicInput.Name")
_POLICY_SIZE = guide("Amazon SNS Developer Guide, Amazon SNS API permissions: policy quotas")

KINDS: dict[str, Kind] = {
    TOPIC: Kind(
        id="{arn}", arn=ARN + "sns:{region}:{account}:{name}", missing="NotFound", replaces=("name", "namePrefix", "fifoTopic"), refs=(key("kmsMasterKeyId"),),
        outputs={"owner": "{account}", "policy": "", "beginningArchiveTime": "", "signatureVersion": 0, "tracingConfig": "PassThrough", "maximumMessageSize": 262144,
                 "fifoThroughputScope": ""},
        rules=(Pattern("name", r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo", "letters, digits, _ and -, and .fifo at the end of a FIFO topic's", source=_NAME),
               Policy("policy", "resource", 30720, compact=False, source=_POLICY_SIZE)),
        actions=describes("sns", "CreateTopic SetTopicAttributes TagResource GetTopicAttributes", "GetTopicAttributes ListTagsForResource",
                          "SetTopicAttributes TagResource UntagResource", "DeleteTopic"),
    ),
    "aws:sns/topicPolicy:TopicPolicy": Kind(
        id="{arn}", outputs={"owner": "{account}"}, replaces=("arn",), refs=(Ref("arn", TOPIC, "topic", holds=False, part=True),),
        rules=(Policy("policy", "resource", 30720, compact=False, source=_POLICY_SIZE),),
        actions=describes("sns", "SetTopicAttributes", "GetTopicAttributes", "SetTopicAttributes", "SetTopicAttributes"),
    ),
    "aws:sns/topicSubscription:TopicSubscription": Kind(
        id="{arn}", arn="{topic}:{uuid}", replaces=("topic", "protocol", "endpoint", "subscriptionRoleArn"),
        outputs={"ownerId": "{account}", "pendingConfirmation": False, "confirmationWasAuthenticated": True, "filterPolicyScope": ""},
        refs=(Ref("topic", TOPIC, "topic", holds=False, part=True), Ref("endpoint", (QUEUE, FUNCTION), holds=False, outside=r"(?!arn:).*|arn:[^:]+:firehose:.*"),
              role("subscriptionRoleArn")),
        rules=(OneOf("protocol", ("http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"), source=reference("sns", "SubscribeInput.Protocol")),
               Json("filterPolicy", source=sdk("aws:sns/topicSubscription:TopicSubscription", "filterPolicy")), Json("redrivePolicy", source=sdk("aws:sns/topicSubscription:TopicSubscription", "redrivePolicy"))),
        actions=describes("sns", "Subscribe GetSubscriptionAttributes SetSubscriptionAttributes", "GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe"),
    ),
}  # fmt: skip
