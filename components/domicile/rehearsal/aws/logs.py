"""Amazon CloudWatch Logs."""

from __future__ import annotations

from ..kinds import Distinct, Grants, Kind, Ref
from ..rules import AtLeastOne, AtMostOne, Length, OneOf, Pattern, Policy, model
from .tokens import KEY, LOG_GROUP
from .vocabulary import ARN, describes, reference, report, role, schema, sdk

_NAME = model("logs", "LogGroupName")
_OF_GROUP = Ref("logGroupName", LOG_GROUP, "group", holds=False, part=True)
_DAYS = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

KINDS: dict[str, Kind] = {
    LOG_GROUP: Kind(
        id="{name}", arn=ARN + "logs:{region}:{account}:log-group:{name}", outputs={"logGroupClass": "STANDARD", "retentionInDays": 0, "deletionProtectionEnabled": False},
        replaces=("name", "namePrefix", "logGroupClass"), missing="ResourceNotFoundException", refs=(Ref("kmsKeyId", KEY, "key", holds=False),),
        guards={"deletionProtectionEnabled": True}, guarded="ValidationException", handles=("{arn}:*",),
        rules=(
            Length("name", 1, 512, source=_NAME), Pattern("name", r"[\.\-_/#A-Za-z0-9]+", "letters, digits and ._-/#", source=_NAME),
            OneOf("retentionInDays", _DAYS, source=reference("logs", "Days")),
            OneOf("logGroupClass", ("STANDARD", "INFREQUENT_ACCESS", "DELIVERY", "ESSENTIALS"), source=model("logs", "LogGroupClass")),
            Pattern("kmsKeyId", r"arn:.+", "a KMS key's ARN", source=reference("logs", "CreateLogGroupRequest.kmsKeyId")),
        ),
        world=(
            Distinct(("name",), schema("Logs::LogGroup", "primaryIdentifier"), code="ResourceAlreadyExistsException"),
            Grants("key", "logs.{region}.amazonaws.com", report("hashicorp/terraform-provider-aws #29282", "2024-03-21"), code="AccessDeniedException"),
        ),
        actions=describes("logs", "CreateLogGroup PutRetentionPolicy AssociateKmsKey TagResource DescribeLogGroups", "DescribeLogGroups ListTagsForResource",
                          "PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey DisassociateKmsKey TagResource UntagResource", "DeleteLogGroup"),
    ),
    "aws:cloudwatch/logStream:LogStream": Kind(
        id="{name}", arn=ARN + "logs:{region}:{account}:log-group:{logGroupName}:log-stream:{name}", replaces=("name", "logGroupName"), refs=(_OF_GROUP,),
        rules=(Length("name", 1, 512, source=model("logs", "LogStreamName")), Pattern("name", r"[^:*]*", "anything but : and *", source=model("logs", "LogStreamName"))),
        actions=describes("logs", "CreateLogStream", "DescribeLogStreams", "", "DeleteLogStream"),
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": Kind(
        id="{name}", replaces=("name", "logGroupName"), refs=(_OF_GROUP,), outputs={"applyOnTransformedLogs": False},
        rules=(
            Length("name", 1, 512, source=model("logs", "FilterName")), Pattern("name", r"[^:*]*", "anything but : and *", source=model("logs", "FilterName")),
            Length("pattern", 0, 1024, source=model("logs", "FilterPattern")),
            Length("metricTransformation.name", 0, 255, source=model("logs", "MetricName")),
            Length("metricTransformation.namespace", 0, 255, source=model("logs", "MetricNamespace")),
        ),
        actions=describes("logs", "PutMetricFilter", "DescribeMetricFilters", "PutMetricFilter", "DeleteMetricFilter"),
    ),
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": Kind(
        id="cwlsf-{number}", replaces=("name", "logGroup"), refs=(Ref("logGroup", LOG_GROUP, "group", holds=False, part=True), role("roleArn")),
        outputs={"applyOnTransformedLogs": False, "roleArn": "", "distribution": "ByLogStream"},
        rules=(Length("name", 1, 512, source=model("logs", "FilterName")), Length("filterPattern", 0, 1024, source=model("logs", "FilterPattern")),
               OneOf("distribution", ("Random", "ByLogStream"), source=model("logs", "Distribution"))),
        actions=describes("logs", "PutSubscriptionFilter iam:PassRole", "DescribeSubscriptionFilters", "PutSubscriptionFilter iam:PassRole", "DeleteSubscriptionFilter"),
    ),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": Kind(
        id="{policyName}", replaces=("policyName", "resourceArn"), outputs={"policyScope": "ACCOUNT", "revisionId": ""},
        rules=(
            Policy("policyDocument", "resource", 51200, compact=False, source=model("logs", "PolicyDocument")),
            *(rule(("policyName", "resourceArn"), source=sdk("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "policyName")) for rule in (AtLeastOne, AtMostOne)),
        ),
        actions=describes("logs", "PutResourcePolicy", "DescribeResourcePolicies", "PutResourcePolicy", "DeleteResourcePolicy"),
    ),
}  # fmt: skip
