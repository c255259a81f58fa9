"""Encryption in AWS: everything at rest lies under a key of one's own, whose policy keeps duties apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domicile_policies.iam import IDENTITY, Statement, documents
from domicile_policies.relations import each_of, pointing_at, yes
from domicile_policies.resource import NotKnown, Resource, Stack
from domicile_policies.rule import Asked, Violation, rule, stack_rule

REST = ("SOC2:CC6.1", "ISO27001:A.8.24", "NIST:SC-28")
CUSTODY = ("SOC2:CC6.1", "ISO27001:A.8.24", "NIST:SC-12")
KEY = "aws:kms/key:Key"
KEYS = ("aws:kms/key:Key", "aws:kms/externalKey:ExternalKey", "aws:kms/alias:Alias", "aws:kms/replicaKey:ReplicaKey")
OWN = "isn't a key of your own: name a customer managed KMS key"


def own_key(resource: Resource, path: str) -> bool:
    """Whether the key at `path` is a customer managed one: one of this stack, or named and not AWS's own. Raises NotKnown."""
    try:
        value = resource.get(path)
    except NotKnown:
        if any(source.is_a(*KEYS) for source in resource.sources(path) or ()):
            return True
        raise
    return bool(value) and "alias/aws/" not in str(value)


@rule(
    "DOM-KEY-001", "Keys are renewed by themselves", KEY,
    why="A key that is never renewed protects ever more data with the same bytes.", fix="set enableKeyRotation to true",
    severity="medium", controls=CUSTODY,
)  # fmt: skip
def rotated(key: Resource, _: Asked) -> Iterator[Violation]:
    symmetric = key.get("customerMasterKeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT" and not key.get("customKeyStoreId")
    if symmetric and not yes(key.get("enableKeyRotation")):
        yield Violation("enableKeyRotation", "only true is allowed")


@rule(
    "DOM-KEY-002", "A key's removal can be noticed and undone", KEY, "aws:kms/externalKey:ExternalKey", "aws:kms/replicaKey:ReplicaKey",
    why="Whatever a removed key protects is gone with it: the audit archive for one.", fix="set deletionWindowInDays to 30",
    severity="high", controls=("SOC2:CC7.5", "ISO27001:A.8.24", "NIST:SC-12"),
    parameters={"days": {"type": "integer", "minimum": 7, "maximum": 30, "default": 30, "description": "days that a removal waits"}},
)  # fmt: skip
def slow_removal(key: Resource, asked: Asked) -> Iterator[Violation]:
    least = asked.parameters.get("days", 30)
    if key.get("deletionWindowInDays", 30) < least:  # 30 where nothing is said (KMS API: ScheduleKeyDeletion)
        yield Violation("deletionWindowInDays", f"is below {least}")


ADMINISTER = ("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion")


@rule(
    "DOM-KEY-003", "A key's policy says who, and keeps duties apart", KEY, "aws:kms/keyPolicy:KeyPolicy",
    why="The policy that AWS gives by default lets every administrator of the account decrypt everything (KMS guide: key policies).",
    fix="write statements with named actions, each to principals named by a condition; whoever administers the key doesn't decrypt",
    severity="high", controls=("SOC2:CC6.3", "ISO27001:A.8.2", "NIST:AC-5"),
)  # fmt: skip
def closed_key(key: Resource, _: Asked) -> Iterator[Violation]:
    if key.get("bypassPolicyLockoutSafetyCheck"):
        yield Violation("bypassPolicyLockoutSafetyCheck", "only false is allowed")
    found = list(documents(key, "key"))
    if not found:
        yield Violation("policy", "AWS's own default holds: everybody with KMS rights in the account")
    for statement in (each for document in found for each in document.statements if each.allows):
        yield from _open_key(statement)


def _open_key(statement: Statement) -> Iterator[Violation]:
    whole_account = any(kind == "AWS" and str(value).endswith(":root") for kind, value in statement.principals)
    if (statement.for_anyone or whole_account) and not statement.bound:
        yield Violation(statement.path, "whoever has KMS rights, in the account or anywhere, is let in: name roles by a condition")
    if any("*" in str(action) for action in statement.actions) or statement.not_actions:
        yield Violation(f"{statement.path}.Action", "name each action")
    elif any(map(statement.covers, ADMINISTER)) and statement.covers("kms:Decrypt"):
        yield Violation(f"{statement.path}.Action", "who administers the key may decrypt with it")


@rule(
    "DOM-KEY-004", "Secrets lie under an own key", "aws:secretsmanager/secret:Secret",
    why="AWS's own key has a policy that nobody can tighten or watch.", fix="set kmsKeyId to a customer managed key", severity="high",
    controls=REST,
)  # fmt: skip
def secret_key(secret: Resource, _: Asked) -> Iterator[Violation]:
    if not own_key(secret, "kmsKeyId"):
        yield Violation("kmsKeyId", OWN)


@rule(
    "DOM-KEY-005", "Logs lie under an own key", "aws:cloudwatch/logGroup:LogGroup",
    why="Logs tell what was reached and asked for; whoever reads them must be let in by the key's policy too.",
    fix="set kmsKeyId to a customer managed key", severity="medium", controls=REST,
)  # fmt: skip
def log_key(group: Resource, _: Asked) -> Iterator[Violation]:
    if not own_key(group, "kmsKeyId"):
        yield Violation("kmsKeyId", OWN)


BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
ENCRYPTIONS = ("aws:s3/bucketServerSideEncryptionConfiguration:*", "aws:s3/bucketServerSideEncryptionConfigurationV2:*")
LOGGINGS = ("aws:s3/bucketLogging:*", "aws:s3/bucketLoggingV2:*")


@stack_rule(
    "DOM-KEY-006", "Buckets encrypt with an own key",
    why="S3's own encryption opens for whoever may read the object; an own key asks once more.",
    fix="add aws.s3.BucketServerSideEncryptionConfiguration with aws:kms and a customer managed key; a bucket that only takes S3's access "
    "logs may have AES256, as S3 can't deliver them otherwise (S3 guide: server access logging)",
    severity="high", controls=REST,
)  # fmt: skip
def bucket_keys(stack: Stack, _: Asked) -> Iterator[Violation]:
    for bucket in stack.of(*BUCKETS):
        yield from each_of(bucket, _bucket_key(stack, bucket))


def _bucket_key(stack: Stack, bucket: Resource) -> Iterator[Violation]:
    takes_logs = bool(pointing_at(stack, bucket, "targetBucket", *LOGGINGS))
    inline = [(bucket, "serverSideEncryptionConfiguration.rule.applyServerSideEncryptionByDefault", "sseAlgorithm")]
    apart = [
        (each, f"rules[{n}].applyServerSideEncryptionByDefault", "sseAlgorithm")
        for each in pointing_at(stack, bucket, "bucket", *ENCRYPTIONS)
        for n, _ in enumerate(each.get("rules", []))
    ]
    for each, path, name in apart or inline:
        algorithm = each.get(f"{path}.{name}")
        own = algorithm in ("aws:kms", "aws:kms:dsse") and own_key(each, f"{path}.kmsMasterKeyId")
        if not own and not (takes_logs and algorithm == "AES256"):
            yield Violation(path, OWN, bucket)


DISKS: Mapping[str, Sequence[str]] = {
    "aws:ec2/launchTemplate:LaunchTemplate": ("blockDeviceMappings[*].ebs",),
    "aws:ec2/instance:Instance": ("rootBlockDevice", "ebsBlockDevices[*]"),
    "aws:ec2/launchConfiguration:LaunchConfiguration": ("rootBlockDevice", "ebsBlockDevices[*]"),
    "aws:ebs/volume:Volume": ("",), "aws:ebs/snapshotCopy:SnapshotCopy": ("",), "aws:ec2/amiCopy:AmiCopy": ("",),
}  # fmt: skip


@rule(
    "DOM-KEY-007", "Disks lie under an own key", *DISKS,
    why="Sandboxes' workspaces are on them; a snapshot of a disk without an own key opens for whoever gets at it.",
    fix="set encrypted to true and kmsKeyId to a customer managed key on every disk, the root's too", severity="high", controls=REST,
)  # fmt: skip
def disk_keys(machine: Resource, _: Asked) -> Iterator[Violation]:
    for pattern in DISKS[machine.type]:
        name = pattern.partition("[*]")[0]
        paths = [pattern.replace("[*]", f"[{n}]") for n, _ in enumerate(machine.items(name))] if "[*]" in pattern else [pattern]
        if not paths and name == "blockDeviceMappings":
            yield Violation(name, "the image decides whether the disk is encrypted: name the root device")
        for path in paths:
            yield from _disk(machine, f"{path}." if path else "")


def _disk(machine: Resource, path: str) -> Iterator[Violation]:
    if machine.get(f"{path}virtualName") or machine.get(f"{path}noDevice"):
        return
    if not yes(machine.get(f"{path}encrypted")):
        yield Violation(f"{path}encrypted", "only true is allowed")
    if not machine.is_a("aws:ec2/launchConfiguration:*") and not own_key(machine, f"{path}kmsKeyId"):
        yield Violation(f"{path}kmsKeyId", OWN)


@rule(
    "DOM-KEY-008", "Images lie under an own key", "aws:ecr/repository:Repository",
    why="An image holds the team's code; its key's policy is a second lock on it.",
    fix="set encryptionConfigurations to KMS with a customer managed key; it can't be changed later", severity="medium", controls=REST,
)  # fmt: skip
def repository_key(repository: Resource, _: Asked) -> Iterator[Violation]:
    kind = repository.get("encryptionConfigurations[0].encryptionType")
    if kind not in ("KMS", "KMS_DSSE") or not own_key(repository, "encryptionConfigurations[0].kmsKey"):
        yield Violation("encryptionConfigurations", OWN)


MESSAGES = {"aws:sns/topic:Topic": "kmsMasterKeyId", "aws:sqs/queue:Queue": "kmsMasterKeyId", "aws:kinesis/stream:Stream": "kmsKeyId",
            "aws:cloudwatch/eventBus:EventBus": "kmsKeyIdentifier"}  # fmt: skip


@rule(
    "DOM-KEY-009", "Messages lie under an own key", *MESSAGES,
    why="Alarms and events name hosts, keys and sessions.", fix="name a customer managed key", severity="medium", controls=REST,
)  # fmt: skip
def message_keys(queue: Resource, _: Asked) -> Iterator[Violation]:
    path = MESSAGES[queue.type]
    if not own_key(queue, path):
        yield Violation(path, OWN)


STORES: Mapping[str, tuple[str, str]] = {
    "aws:rds/instance:Instance": ("storageEncrypted", "kmsKeyId"), "aws:rds/cluster:Cluster": ("storageEncrypted", "kmsKeyId"),
    "aws:docdb/cluster:Cluster": ("storageEncrypted", "kmsKeyId"), "aws:neptune/cluster:Cluster": ("storageEncrypted", "kmsKeyArn"),
    "aws:redshift/cluster:Cluster": ("encrypted", "kmsKeyId"), "aws:efs/fileSystem:FileSystem": ("encrypted", "kmsKeyId"),
    "aws:dynamodb/table:Table": ("serverSideEncryption.enabled", "serverSideEncryption.kmsKeyArn"),
    "aws:opensearch/domain:Domain": ("encryptAtRest.enabled", "encryptAtRest.kmsKeyId"),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("atRestEncryptionEnabled", "kmsKeyId"),
    "aws:backup/vault:Vault": ("", "kmsKeyArn"), "aws:fsx/lustreFileSystem:LustreFileSystem": ("", "kmsKeyId"),
    "aws:cloudtrail/trail:Trail": ("", "kmsKeyId"),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": ("serverSideEncryption.enabled", "serverSideEncryption.keyArn"),
}  # fmt: skip
"""Stores by the switch of their encryption and the property of its key (pulumi-aws 7 schema)."""


@rule(
    "DOM-KEY-010", "Databases and file systems lie under an own key", *STORES,
    why="What a team stores beside the perimeter holds the same data.", fix="switch encryption on and name a customer managed key",
    severity="high", controls=REST,
)  # fmt: skip
def store_keys(store: Resource, _: Asked) -> Iterator[Violation]:
    switch, path = STORES[store.type]
    if switch and not yes(store.get(switch)):
        yield Violation(switch, "only true is allowed")
    if not own_key(store, path):
        yield Violation(path, OWN)


OBJECTS = ("aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/bucketObject:BucketObject", "aws:s3/objectCopy:ObjectCopy")


@rule(
    "DOM-KEY-011", "Objects are put under an own key", *OBJECTS,
    why="An object says its own encryption, over the bucket's default.",
    fix="set serverSideEncryption to aws:kms and kmsKeyId to a customer managed key", severity="medium", controls=REST,
)  # fmt: skip
def object_keys(stored: Resource, _: Asked) -> Iterator[Violation]:
    if stored.get("serverSideEncryption") not in ("aws:kms", "aws:kms:dsse"):
        yield Violation("serverSideEncryption", "only aws:kms is allowed")
    if not own_key(stored, "kmsKeyId"):
        yield Violation("kmsKeyId", OWN)
    if stored.get("acl", "private") != "private":
        yield Violation("acl", "only private is allowed")


_BY_SERVICE = ("kms:ViaService", "kms:GrantIsForAWSResource")


@rule(
    "DOM-KEY-019", "Who decrypts does so through a service", KEY, "aws:kms/keyPolicy:KeyPolicy", *IDENTITY,
    why="A role that may call the key itself decrypts whatever bytes it got hold of, past the policy of the store that they came from.",
    fix="bind kms:Decrypt and kms:CreateGrant by kms:ViaService, or by kms:GrantIsForAWSResource; AWS's service-linked roles need neither",
    severity="medium", controls=("SOC2:CC6.3", "ISO27001:A.8.24", "NIST:AC-6"),
)  # fmt: skip
def through_services(bearer: Resource, _: Asked) -> Iterator[Violation]:
    for document in documents(bearer, "key", "identity"):
        for statement in document.statements:
            asked = statement.allows and (statement.covers("kms:Decrypt") or statement.covers("kms:CreateGrant"))
            if asked and not _for_service(statement) and not any(each.narrow for each in statement.condition(*_BY_SERVICE)):
                yield Violation(statement.path, "allows to decrypt or grant without a service between")


def _for_service(statement: Statement) -> bool:
    """Whether its principals are services: themselves, or by a service-linked role that may decrypt but not grant."""
    if statement.principals and all(kind == "Service" for kind, _ in statement.principals):
        return True
    arns = [str(value) for each in statement.condition("aws:PrincipalArn") for value in each.values]
    return bool(arns) and all(":role/aws-service-role/" in arn for arn in arns) and not statement.covers("kms:CreateGrant")
