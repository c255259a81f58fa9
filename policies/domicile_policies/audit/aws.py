"""Records in AWS: made of everything that passes, kept as long as is said, where nobody shortens or deletes them, and somebody is told."""

from __future__ import annotations

from collections.abc import Iterator

from domicile_policies.iam import documents
from domicile_policies.keys.encryption import BUCKETS, LOGGINGS
from domicile_policies.places import section
from domicile_policies.relations import each_of, pointing_at, yes
from domicile_policies.resource import NotKnown, Resource, Stack
from domicile_policies.rule import Asked, Violation, rule, stack_rule

MADE = ("SOC2:CC7.2", "ISO27001:A.8.15", "NIST:AU-12")
KEPT = ("SOC2:CC7.3", "ISO27001:A.5.33", "NIST:AU-11")
GUARDED = ("SOC2:CC7.3", "ISO27001:A.8.15", "NIST:AU-9")
WATCHED = ("SOC2:CC7.2", "ISO27001:A.8.16", "NIST:AU-5")
VPC = "aws:ec2/vpc:Vpc"
FLOW = "aws:ec2/flowLog:FlowLog"


@stack_rule(
    "DOM-AUD-001", "Each VPC's flows are recorded",
    why="Who talked to whom is known from nothing else once a machine is gone.", fix="add aws.ec2.FlowLog with the VPC's id",
    severity="high", controls=MADE,
)  # fmt: skip
def flow_logs(stack: Stack, _: Asked) -> Iterator[Violation]:
    for vpc in stack.of(VPC):
        if not pointing_at(stack, vpc, "vpcId", FLOW):
            yield Violation("", "has no flow log", vpc)


@rule(
    "DOM-AUD-002", "Flow logs record what passed and what was refused", FLOW,
    why="A log of accepted flows alone doesn't show who knocks; one that adds up ten minutes shows no order.",
    fix="set trafficType to ALL and maxAggregationInterval to 60", severity="medium", controls=MADE,
)  # fmt: skip
def whole_flows(log: Resource, _: Asked) -> Iterator[Violation]:
    if log.get("trafficType", "ALL" if "transitGatewayId" in log.inputs else None) != "ALL":
        yield Violation("trafficType", "only ALL is allowed")
    if log.get("maxAggregationInterval", 600) > 60:
        yield Violation("maxAggregationInterval", "only 60 is allowed")


@stack_rule(
    "DOM-AUD-003", "Each VPC's name queries are recorded",
    why="A query carries data out, and is the first sign of a search for a way.",
    fix="add aws.route53.ResolverQueryLogConfigAssociation with the VPC's id", severity="medium", controls=MADE,
)  # fmt: skip
def query_logs(stack: Stack, _: Asked) -> Iterator[Violation]:
    for vpc in stack.of(VPC):
        if not pointing_at(stack, vpc, "resourceId", "aws:route53/resolverQueryLogConfigAssociation:*"):
            yield Violation("", "has no log of its name queries", vpc)


@rule(
    "DOM-AUD-004", "Logs are kept for a time that is said", "aws:cloudwatch/logGroup:LogGroup",
    why="A group that says nothing keeps for ever, one that says little forgets before anybody looks.",
    fix="set retentionInDays to at least the parameter `days`", severity="medium", controls=KEPT,
    parameters={"days": {"type": "integer", "minimum": 1, "default": 365, "description": "days that logs are kept at least"}},
)  # fmt: skip
def retention(group: Resource, asked: Asked) -> Iterator[Violation]:
    least, days = int(asked.parameters.get("days", 365)), group.get("retentionInDays", 0)
    if days < least:
        yield Violation("retentionInDays", f"is below {least}" if days else "isn't said")


LOCKS = ("aws:s3/bucketObjectLockConfiguration:*", "aws:s3/bucketObjectLockConfigurationV2:*")


@rule(
    "DOM-AUD-005", "What is locked is locked for everybody, long enough", *LOCKS,
    why="In governance mode whoever has the right deletes before the time (S3 guide: Object Lock).",
    fix="set rule.defaultRetention to mode COMPLIANCE and at least the parameter `days`", severity="critical", controls=KEPT,
    parameters={"days": {"type": "integer", "minimum": 1, "default": 365, "description": "days that a record is locked at least"}},
)  # fmt: skip
def locked(lock: Resource, asked: Asked) -> Iterator[Violation]:
    least = int(asked.parameters.get("days", 365))
    if lock.get("rule.defaultRetention.mode") != "COMPLIANCE":
        yield Violation("rule.defaultRetention.mode", "only COMPLIANCE is allowed")
    days = lock.get("rule.defaultRetention.years", 0) * 365 + lock.get("rule.defaultRetention.days", 0)
    if days < least:
        yield Violation("rule.defaultRetention", f"is below {least} days")


@stack_rule(
    "DOM-AUD-006", "The archive of records is a locked bucket",
    why="Records that can be deleted prove nothing.",
    fix="set objectLockEnabled on the bucket and give it aws.s3.BucketObjectLockConfiguration", severity="critical", controls=GUARDED,
)  # fmt: skip
def archive(stack: Stack, _: Asked) -> Iterator[Violation]:
    for bucket in stack.of(*BUCKETS):
        rules = pointing_at(stack, bucket, "bucket", *LOCKS)
        on = bucket.inputs.get("objectLockEnabled") is True
        if on != bool(rules) and not bucket.get("objectLockConfiguration"):
            yield Violation("objectLockEnabled", "has no time to lock for" if on else "is off, and a lock is asked for", bucket)
    for component in stack.of("domicile:aws:Archive"):
        held = [each for each in stack.under(component) if each.is_a(*BUCKETS) and each.inputs.get("objectLockEnabled") is True]
        if not held:
            yield Violation("", "has no locked bucket", component)


@stack_rule(
    "DOM-AUD-007", "Buckets keep versions",
    why="Without versions an overwritten object is gone, and nothing can be locked.",
    fix="add aws.s3.BucketVersioning with status Enabled", severity="medium", controls=("SOC2:CC7.5", "ISO27001:A.8.13", "NIST:CP-9"),
)  # fmt: skip
def versioned(stack: Stack, _: Asked) -> Iterator[Violation]:
    for bucket in stack.of(*BUCKETS):
        yield from each_of(bucket, _versions(stack, bucket))


def _versions(stack: Stack, bucket: Resource) -> Iterator[Violation]:
    apart = pointing_at(stack, bucket, "bucket", "aws:s3/bucketVersioning:*", "aws:s3/bucketVersioningV2:*")
    on = [each for each in apart if each.get("versioningConfiguration.status") == "Enabled"]
    if not on and not bucket.get("versioning.enabled"):
        yield Violation("versioning", "isn't enabled", bucket)


@stack_rule(
    "DOM-AUD-008", "Accesses to the archive are recorded",
    why="Who read the records is part of the record.", fix="add aws.s3.BucketLogging to another bucket", severity="medium",
    controls=GUARDED,
)  # fmt: skip
def archive_logged(stack: Stack, _: Asked) -> Iterator[Violation]:
    for bucket in stack.of(*BUCKETS):
        if bucket.inputs.get("objectLockEnabled") is True:
            logs = pointing_at(stack, bucket, "bucket", *LOGGINGS)
            own = [each for each in logs if each in pointing_at(stack, bucket, "targetBucket", *LOGGINGS)]
            if not logs or own:
                yield Violation("logging", "logs into itself" if own else "isn't logged", bucket)


LIFECYCLES = ("aws:s3/bucketLifecycleConfiguration:*", "aws:s3/bucketLifecycleConfigurationV2:*")
LOOSEN = ("s3:BypassGovernanceRetention", "s3:DeleteObjectVersion", "s3:PutBucketObjectLockConfiguration")


@stack_rule(
    "DOM-AUD-009", "Records come from worker hosts only, and nobody loosens the lock",
    why="Records that anybody may write or whose lock anybody may change prove nothing either.",
    fix="deny s3:PutObject to all but named roles, and deleting versions or changing the lock to all but administrators, in the bucket's "
    "policy", severity="high", controls=GUARDED,
)  # fmt: skip
def archive_closed(stack: Stack, _: Asked) -> Iterator[Violation]:
    for bucket in stack.of(*BUCKETS):
        if bucket.inputs.get("objectLockEnabled") is True:
            yield from each_of(bucket, _closed(stack, bucket))


def _closed(stack: Stack, bucket: Resource) -> Iterator[Violation]:
    bearers = [bucket, *pointing_at(stack, bucket, "bucket", "aws:s3/bucketPolicy:*")]
    denied = [s for b in bearers for d in documents(b, "resource") for s in d.statements if not s.allows and s.for_anyone]
    by_role = [each for each in denied if not each.conditions or each.condition("aws:PrincipalArn")]
    for action in ("s3:PutObject", *LOOSEN):
        if not any(each.covers(action) for each in by_role):
            yield Violation("policy", f"nothing denies {action} to all but named roles", bucket)
    if not any(each.covers("s3:PutObject") and each.condition("s3:x-amz-server-side-encryption-aws-kms-key-id") for each in denied):
        yield Violation("policy", "nothing denies records under another key", bucket)


@stack_rule(
    "DOM-AUD-010", "No lifecycle removes records",
    why="What expires is deleted without anybody deciding it.",
    fix="leave expiration out of a locked bucket's lifecycle; clear broken uploads only", severity="high", controls=KEPT,
)  # fmt: skip
def nothing_expires(stack: Stack, _: Asked) -> Iterator[Violation]:
    for bucket in stack.of(*BUCKETS):
        if bucket.inputs.get("objectLockEnabled") is True:
            for cycle in pointing_at(stack, bucket, "bucket", *LIFECYCLES):
                yield from each_of(cycle, _expires(cycle))


def _expires(cycle: Resource) -> Iterator[Violation]:
    for path, each in cycle.items("rules"):
        if not isinstance(each, dict):
            raise NotKnown(path)
        for name in ("expiration", "noncurrentVersionExpiration"):
            if each.get(name) is not None and each.get("status", "Enabled") == "Enabled":
                yield Violation(f"{path}.{name}", "removes records", cycle)


LIVENESS = ["EnvironmentKeyAgeSeconds", "KeyDrainSeconds", "NobodyPolls", "TunnelNotReady"]


@rule(
    "DOM-AUD-011", "Alarms reach somebody, and silence is one", "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm",
    why="An alarm without an action sounds in an empty room; a metric that stops is what a broken or silenced machine looks like.",
    fix="set alarmActions; for metrics of the parameter `liveness` set treatMissingData to breaching", severity="high", controls=WATCHED,
    parameters={"liveness": {"type": "array", "items": {"type": "string"}, "default": LIVENESS,
                             "description": "metrics whose silence is an alarm"}},
)  # fmt: skip
def alarms(alarm: Resource, asked: Asked) -> Iterator[Violation]:
    if not alarm.inputs.get("alarmActions"):
        yield Violation("alarmActions", "reaches nobody")
    if not yes(alarm.get("actionsEnabled", True)):
        yield Violation("actionsEnabled", "only true is allowed")
    if alarm.inputs.get("metricName") in asked.parameters.get("liveness", LIVENESS) and alarm.get("treatMissingData") != "breaching":
        yield Violation("treatMissingData", "only breaching is allowed: silence says nothing good")


@stack_rule(
    "DOM-AUD-012", "A perimeter keeps its audit",
    why="Without an archive or a sink what sandboxes did is on the machine only, which is replaced within days.",
    fix="keep the Archive component, or name a sink under domicile:audit", severity="critical", controls=MADE,
)  # fmt: skip
def audited(stack: Stack, asked: Asked) -> Iterator[Violation]:
    for component in stack.of("domicile:aws:WorkerHosts"):
        if not stack.of("domicile:aws:Archive") and not section(asked, "audit").get("sinks"):
            yield Violation("", "has neither an archive nor a sink for its records", component)


@stack_rule(
    "DOM-AUD-013", "Functions and public APIs log where the stack's logs are",
    why="A log group that AWS makes by itself has no key and no retention.",
    fix="set loggingConfig.logGroup (functions) or accessLogSettings.destinationArn (API stages) to a group of the stack",
    severity="medium", controls=MADE,
)  # fmt: skip
def own_logs(stack: Stack, _: Asked) -> Iterator[Violation]:
    places = {"aws:lambda/function:Function": "loggingConfig", "aws:apigatewayv2/stage:Stage": "accessLogSettings",
              "aws:apigateway/stage:Stage": "accessLogSettings"}  # fmt: skip
    names = {each.inputs.get("name") for each in stack.of("aws:cloudwatch/logGroup:*") if isinstance(each.inputs.get("name"), str)}
    for each in stack.of(*places):
        prop = places[each.type]
        told = each.inputs.get(prop)
        leans = any(source.is_a("aws:cloudwatch/logGroup:*") for source in each.sources(prop) or ())
        group = told.get("logGroup") if isinstance(told, dict) else None
        if told is None or (not leans and not (isinstance(group, str) and group in names)):
            yield Violation(prop, "names no log group of this stack", each)


@rule(
    "DOM-AUD-014", "A balancer passes on who connects", "aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup",
    why="The proxies' records name the worker host by its address; behind a balancer that puts its own there, all are one.",
    fix="set preserveClientIp to true (for targets by address it is off by itself)", severity="medium",
    controls=("SOC2:CC7.2", "ISO27001:A.8.15", "NIST:AU-10"),
)  # fmt: skip
def client_addresses(group: Resource, _: Asked) -> Iterator[Violation]:
    if group.get("protocol") in ("TCP", "TLS", "UDP", "TCP_UDP"):
        default = group.get("targetType", "instance") == "instance"
        if not yes(group.get("preserveClientIp", default)):
            yield Violation("preserveClientIp", "only true is allowed")


@rule(
    "DOM-AUD-015", "The account's own trail records, and can be checked", "aws:cloudtrail/trail:Trail",
    why="A trail that is stopped or has no digests can be lied about.", fix="leave enableLogging on; set enableLogFileValidation to true",
    severity="high", controls=GUARDED,
)  # fmt: skip
def trails(trail: Resource, _: Asked) -> Iterator[Violation]:
    if not yes(trail.get("enableLogging", True)):
        yield Violation("enableLogging", "only true is allowed")
    if not yes(trail.get("enableLogFileValidation")):
        yield Violation("enableLogFileValidation", "only true is allowed")
