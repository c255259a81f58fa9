"""Amazon Simple Queue Service."""

from __future__ import annotations

from ..kinds import Kind, Ref
from ..rules import AtMostOne, Json, Pattern, Policy, Range
from .tokens import QUEUE
from .vocabulary import ARN, describes, guide, key, reference

_NAME = reference("sqs", "CreateQueueRequest.QueueName")
_VALUES = reference("sqs", "CreateQueueRequest.Attributes")
_OF_QUEUE = Ref("queueUrl", QUEUE, "queue", holds=False, part=True)
_SET = ("SetQueueAttributes", "GetQueueAttributes", "SetQueueAttributes", "SetQueueAttributes")
_POLICY_SIZE = guide("Amazon SQS Developer Guide, Amazon SQS policy quotas")

KINDS: dict[str, Kind] = {
    QUEUE: Kind(
        id="https://sqs.{region}.amazonaws.com/{account}/{name}", arn=ARN + "sqs:{region}:{account}:{name}", missing="QueueDoesNotExist",
        outputs={"url": "{id}", "policy": "", "redrivePolicy": "", "redriveAllowPolicy": "", "sqsManagedSseEnabled": True, "kmsDataKeyReusePeriodSeconds": 300,
                 "deduplicationScope": "", "fifoThroughputLimit": ""},
        replaces=("name", "namePrefix", "fifoQueue"), refs=(key("kmsMasterKeyId"),),
        rules=(
            Pattern("name", r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", "letters, digits, - and _, 80 at most, and .fifo at the end of a FIFO queue's", source=_NAME),
            Range("delaySeconds", 0, 900, source=_VALUES), Range("messageRetentionSeconds", 60, 1209600, source=_VALUES),
            Range("receiveWaitTimeSeconds", 0, 20, source=_VALUES), Range("visibilityTimeoutSeconds", 0, 43200, source=_VALUES),
            Range("maxMessageSize", 1024, 1048576, source=_VALUES), Range("kmsDataKeyReusePeriodSeconds", 60, 86400, source=_VALUES),
            AtMostOne(("kmsMasterKeyId", "sqsManagedSseEnabled"), source=_VALUES), Json("redrivePolicy", source=_VALUES),
            Policy("policy", "resource", 8192, compact=False, source=_POLICY_SIZE),
        ),
        actions=describes("sqs", "CreateQueue SetQueueAttributes TagQueue GetQueueAttributes", "GetQueueAttributes GetQueueUrl ListQueueTags",
                          "SetQueueAttributes TagQueue UntagQueue", "DeleteQueue GetQueueAttributes"),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Kind(
        id="{queueUrl}", replaces=("queueUrl",), refs=(_OF_QUEUE,), rules=(Policy("policy", "resource", 8192, compact=False, source=_POLICY_SIZE),),
        actions=describes("sqs", *_SET),
    ),
    "aws:sqs/redrivePolicy:RedrivePolicy": Kind(
        id="{queueUrl}", replaces=("queueUrl",), refs=(_OF_QUEUE,), rules=(Json("redrivePolicy", source=_VALUES),), actions=describes("sqs", *_SET),
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": Kind(
        id="{queueUrl}", replaces=("queueUrl",), refs=(_OF_QUEUE,), rules=(Json("redriveAllowPolicy", source=_VALUES),), actions=describes("sqs", *_SET),
    ),
}  # fmt: skip
