"""Amazon EventBridge."""

from __future__ import annotations

from ..kinds import Kind, Ref
from ..rules import AtLeastOne, AtMostOne, Json, Length, OneOf, Pattern, Range, model
from .tokens import EVENT_BUS, EVENT_RULE, FUNCTION, LOG_GROUP, QUEUE, TOPIC
from .vocabulary import ARN, describes, key, lint, role, schema, sdk

_RULE = model("events", "RuleName")
_BUS = Ref("eventBusName", EVENT_BUS, "bus", outside="default")
_RATE = r"rate\((?:1 (?:minute|hour|day)|(?:[2-9]|\d{2,}) (?:minutes|hours|days))\)|cron\(\S+ \S+ (?:\? \S+ \S+|\S+ \S+ \?) \S+\)"
_SCHEDULES = lint("rules/resources/events/RuleScheduleExpression.py")
_ELSEWHERE = r"arn:[^:]+:(?!lambda|sqs|sns|logs).*"

KINDS: dict[str, Kind] = {
    EVENT_BUS: Kind(
        id="{name}", arn=ARN + "events:{region}:{account}:event-bus/{name}", replaces=("name", "eventSourceName"), in_use="ValidationException",
        missing="ResourceNotFoundException", refs=(key("kmsKeyIdentifier"),),
        rules=(Length("name", 1, 256, source=model("events", "EventBusName")), Pattern("name", r"[/\.\-_A-Za-z0-9]+", "letters, digits and /.-_", source=model("events", "EventBusName"))),
        actions=describes("events", "CreateEventBus TagResource DescribeEventBus", "DescribeEventBus ListTagsForResource", "UpdateEventBus TagResource UntagResource", "DeleteEventBus"),
    ),
    EVENT_RULE: Kind(
        id="{name}", arn=ARN + "events:{region}:{account}:rule/{name}", replaces=("name", "namePrefix", "eventBusName"), refs=(_BUS, role("roleArn")), autoname_length=64,
        in_use="ValidationException", missing="ResourceNotFoundException", json=("eventPattern",),
        rules=(
            Length("name", 1, 64, source=_RULE), Pattern("name", r"[\.\-_A-Za-z0-9]+", "letters, digits and .-_", source=_RULE),
            Length("description", 0, 512, source=model("events", "RuleDescription")), Json("eventPattern", source=sdk(EVENT_RULE, "eventPattern")),
            Length("eventPattern", 0, 4096, source=model("events", "EventPattern")), Pattern("scheduleExpression", _RATE, "rate(5 minutes) or cron(0 20 * * ? *)", source=_SCHEDULES),
            AtLeastOne(("scheduleExpression", "eventPattern"), source=schema("Events::Rule", "requiredOr")),
            AtMostOne(("isEnabled", "state"), source=sdk(EVENT_RULE, "isEnabled")),
            OneOf("state", ("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"), source=model("events", "RuleState")),
        ),
        actions=describes("events", "PutRule TagResource DescribeRule", "DescribeRule ListTagsForResource", "PutRule TagResource UntagResource", "DeleteRule ListTargetsByRule"),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Kind(
        id="{rule}-{targetId}", outputs={"targetId": "{hex16}"}, replaces=("rule", "targetId", "eventBusName"), autoname="-",
        refs=(Ref("rule", EVENT_RULE, "rule"), _BUS, Ref("arn", (FUNCTION, QUEUE, TOPIC, LOG_GROUP), "target", holds=False, outside=_ELSEWHERE), role("roleArn"),
              Ref("deadLetterConfig.arn", QUEUE, holds=False)),
        rules=(
            Length("targetId", 1, 64, source=model("events", "TargetId")), Pattern("targetId", r"[\.\-_A-Za-z0-9]+", "letters, digits and .-_", source=model("events", "TargetId")),
            Length("input", 0, 8192, source=model("events", "TargetInput")), AtMostOne(("input", "inputPath", "inputTransformer"), source=sdk("aws:cloudwatch/eventTarget:EventTarget", "input")),
            Range("retryPolicy.maximumRetryAttempts", 0, 185, source=model("events", "MaximumRetryAttempts")),
            Range("retryPolicy.maximumEventAgeInSeconds", 60, 86400, source=model("events", "MaximumEventAgeInSeconds")),
        ),
        actions=describes("events", "PutTargets iam:PassRole", "ListTargetsByRule", "PutTargets iam:PassRole", "RemoveTargets"),
    ),
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": Kind(
        id="{eventBusName}", refs=(_BUS,), actions=describes("events", "PutPermission", "DescribeEventBus", "PutPermission", "RemovePermission"),
    ),
}  # fmt: skip
