"""What AWS stores and runs, against the world: buckets, snapshots, machines that nobody logs in to, data that isn't removed in passing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domicile_policies.access.rights import WHO
from domicile_policies.iam import Statement, documents
from domicile_policies.ignition import STORED, stored
from domicile_policies.keys.encryption import BUCKETS
from domicile_policies.relations import each_of, pointing_at, yes
from domicile_policies.resource import Resource, Stack
from domicile_policies.rule import Asked, Violation, rule, stack_rule

PROTECTED = ("SOC2:CC7.5", "ISO27001:A.8.13", "NIST:CP-9")
PUBLIC_ACCESS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


@stack_rule(
    "DOM-ACC-009", "Buckets can't be made public",
    why="One statement or one object's list of rights opens a bucket; the block refuses both.",
    fix="add aws.s3.BucketPublicAccessBlock with all four switches on", severity="critical", controls=WHO,
)  # fmt: skip
def blocked(stack: Stack, _: Asked) -> Iterator[Violation]:
    for bucket in stack.of(*BUCKETS):
        if not pointing_at(stack, bucket, "bucket", "aws:s3/bucketPublicAccessBlock:*"):
            yield Violation("", "has no block of public access", bucket)
    for block in stack.of("aws:s3/bucketPublicAccessBlock:*", "aws:s3/accountPublicAccessBlock:*"):
        yield from each_of(block, _blocks(block))


def _blocks(block: Resource) -> Iterator[Violation]:
    for name in PUBLIC_ACCESS:
        if not block.get(name):
            yield Violation(name, "only true is allowed", block)


@stack_rule(
    "DOM-ACC-010", "A bucket's objects are its owner's",
    why="Lists of rights on single objects let in whom no policy names.",
    fix="add aws.s3.BucketOwnershipControls with BucketOwnerEnforced", severity="medium", controls=WHO,
)  # fmt: skip
def owned(stack: Stack, _: Asked) -> Iterator[Violation]:
    for bucket in stack.of(*BUCKETS):
        yield from each_of(bucket, _owner(stack, bucket))
    for acl in stack.of("aws:s3/bucketAcl:*", "aws:s3/bucketAclV2:*"):
        if acl.inputs.get("acl") != "private":
            yield Violation("acl", "only private is allowed", acl)


def _owner(stack: Stack, bucket: Resource) -> Iterator[Violation]:
    controls = pointing_at(stack, bucket, "bucket", "aws:s3/bucketOwnershipControls:*")
    if not any(each.get("rule.objectOwnership") == "BucketOwnerEnforced" for each in controls):
        yield Violation("", "objects may belong to others", bucket)
    if bucket.get("acl", "private") != "private" or bucket.get("grants"):
        yield Violation("acl", "only private is allowed", bucket)


@stack_rule(
    "DOM-ACC-011", "Buckets and topics speak TLS only",
    why="A request in clear can be read and changed on its way.",
    fix='deny everything where aws:SecureTransport is "false" (and, for buckets, s3:TlsVersion below 1.2) in the policy', severity="high",
    controls=("SOC2:CC6.7", "ISO27001:A.8.24", "NIST:SC-8"),
)  # fmt: skip
def tls(stack: Stack, _: Asked) -> Iterator[Violation]:
    for bucket in stack.of(*BUCKETS):
        yield from each_of(bucket, _tls(stack, bucket, "bucket", "aws:s3/bucketPolicy:*", "s3:GetObject"))
    for topic in stack.of("aws:sns/topic:Topic"):
        yield from each_of(topic, _tls(stack, topic, "arn", "aws:sns/topicPolicy:*", "sns:Publish"))
    for queue in stack.of("aws:sqs/queue:Queue"):
        yield from each_of(queue, _tls(stack, queue, "queueUrl", "aws:sqs/queuePolicy:*", "sqs:SendMessage"))


def _tls(stack: Stack, target: Resource, prop: str, type_: str, action: str) -> Iterator[Violation]:
    bearers = [target, *pointing_at(stack, target, prop, type_)]
    every = [each for bearer in bearers for document in documents(bearer, "resource") for each in document.statements]
    denied = [each for each in every if not each.allows and each.for_anyone and each.covers(action)]
    if not any(_in_clear(each) for each in denied):
        yield Violation("policy", "nothing denies requests in clear", target)
    if action.startswith("s3:") and not any(each.condition("s3:TlsVersion") for each in denied):
        yield Violation("policy", "nothing denies TLS below 1.2", target)


def _in_clear(statement: Statement) -> bool:
    """Whether it is about requests without TLS, and about all of them."""
    [*about] = (each for each in statement.condition("aws:SecureTransport") if each.operator == "Bool")
    return len(statement.conditions) == 1 and any("false" in (str(value).lower() for value in each.values) for each in about)


SHARED: Mapping[str, Sequence[str]] = {
    "aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission": ("accountId",),
    "aws:ec2/amiLaunchPermission:AmiLaunchPermission": ("group", "accountId", "organizationArn", "organizationalUnitArn"),
    "aws:rds/snapshot:Snapshot": ("sharedAccounts",), "aws:rds/clusterSnapshot:ClusterSnapshot": ("sharedAccounts",),
    "aws:ebs/snapshotBlockPublicAccess:SnapshotBlockPublicAccess": (), "aws:ec2/imageBlockPublicAccess:ImageBlockPublicAccess": (),
    "aws:lambda/layerVersionPermission:LayerVersionPermission": ("principal",),
}  # fmt: skip


@rule(
    "DOM-ACC-012", "Images, snapshots and layers aren't given away", *SHARED,
    why="A shared snapshot is a copy of the disk in another account, where nothing of this perimeter holds.",
    fix="leave it out; keep the account's block of public snapshots and images on", severity="critical", controls=WHO,
)  # fmt: skip
def not_shared(thing: Resource, _: Asked) -> Iterator[Violation]:
    for path in SHARED[thing.type]:
        if path in thing.inputs:
            yield Violation(path, "gives it to others")
    if thing.is_a("aws:*/*BlockPublicAccess:*") and thing.get("state") in ("unblocked", None):
        yield Violation("state", "unblocks public sharing")


LOGIN = ("aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/instance:Instance", "aws:ec2/launchConfiguration:LaunchConfiguration", STORED)


@rule(
    "DOM-ACC-013", "Nobody logs in to a machine", *LOGIN, "aws:ec2/keyPair:KeyPair",
    why="A key pair, or a running SSH server, is a door that no session and no audit knows.",
    fix="leave keyName out; in Ignition have no keys of users and mask sshd.service", severity="high",
    controls=("SOC2:CC6.6", "ISO27001:A.8.18", "NIST:AC-17"),
)  # fmt: skip
def no_login(machine: Resource, _: Asked) -> Iterator[Violation]:
    if machine.is_a("aws:ec2/keyPair:*"):
        yield Violation("publicKey", "is a key for machines")
    elif machine.type != STORED:
        if "keyName" in machine.inputs:
            yield Violation("keyName", "lets whoever has the key log in")
    elif (found := stored(machine)) is not None:
        if any(user.get("sshAuthorizedKeys") or user.get("passwordHash") for user in found.users):
            yield Violation("content:passwd", "has a user who may log in")
        if "sshd.service" not in found.masked:
            yield Violation("content:sshd.service", "isn't masked")


@rule(
    "DOM-ACC-014", "The provider refuses other accounts", "pulumi:providers:aws",
    why="With another account's credentials in the shell the perimeter would be built, or torn down, there.",
    fix="set allowedAccountIds", severity="medium", controls=("SOC2:CC8.1", "ISO27001:A.8.31", "NIST:CM-5"),
)  # fmt: skip
def one_account(provider: Resource, _: Asked) -> Iterator[Violation]:
    if provider.get("allowedAccountIds", "[]") in ([], "[]"):
        yield Violation("allowedAccountIds", "names no account")


KEEPERS: Mapping[str, tuple[str, bool]] = {
    "aws:rds/instance:Instance": ("deletionProtection", True), "aws:rds/cluster:Cluster": ("deletionProtection", True),
    "aws:docdb/cluster:Cluster": ("deletionProtection", True), "aws:neptune/cluster:Cluster": ("deletionProtection", True),
    "aws:dynamodb/table:Table": ("deletionProtectionEnabled", True), "aws:s3/bucket:Bucket": ("forceDestroy", False),
    "aws:s3/bucketV2:BucketV2": ("forceDestroy", False), "aws:ecr/repository:Repository": ("forceDelete", False),
    "aws:backup/vault:Vault": ("forceDestroy", False), "aws:cognito/userPool:UserPool": ("deletionProtection", True),
}  # fmt: skip


@rule(
    "DOM-ACC-015", "What holds data isn't removed in passing", *KEEPERS,
    why="A wrong destroy, or a replacement that nobody read in the preview, takes the data along.",
    fix="set the property named; empty it by hand when it is really to go", severity="high", controls=PROTECTED,
)  # fmt: skip
def kept(store: Resource, _: Asked) -> Iterator[Violation]:
    path, wanted = KEEPERS[store.type]
    value = store.get(path, False)
    if (yes(value) or value == "ACTIVE") != wanted:
        yield Violation(path, f"only {str(wanted).lower()} is allowed")


@rule(
    "DOM-ACC-016", "Machines are replaced within days", "aws:autoscaling/group:Group",
    why="A machine that lives for months runs old software, and whatever got into it.",
    fix="set maxInstanceLifetime within the parameter `days`", severity="medium", controls=("SOC2:CC7.1", "ISO27001:A.8.8", "NIST:CM-2"),
    parameters={"days": {"type": "integer", "minimum": 1, "maximum": 365, "default": 30, "description": "the longest life of a machine"}},
)  # fmt: skip
def short_lives(fleet: Resource, asked: Asked) -> Iterator[Violation]:
    most, life = int(asked.parameters.get("days", 30)), fleet.get("maxInstanceLifetime", 0)
    if not life:
        yield Violation("maxInstanceLifetime", "isn't said")
    elif life > most * 86_400:
        yield Violation("maxInstanceLifetime", f"is above {most} days")


@stack_rule(
    "DOM-ACC-018", "What machines and functions start from is written by administrators only",
    why="Whoever writes into the bucket of settings and code decides what new machines and functions run, and reads what they are told.",
    fix="deny s3:PutObject, s3:DeleteObject and s3:GetObject to all but named roles in the bucket's policy", severity="high",
    controls=("SOC2:CC8.1", "ISO27001:A.8.9", "NIST:CM-5"),
)  # fmt: skip
def settings_bucket(stack: Stack, _: Asked) -> Iterator[Violation]:
    for bucket in stack.of(*BUCKETS):
        programs = [each for each in pointing_at(stack, bucket, "bucket", STORED) if _starts(each)]
        if programs or pointing_at(stack, bucket, "s3Bucket", "aws:lambda/function:Function"):
            yield from each_of(bucket, _written_by_named(stack, bucket))


def _starts(stored_object: Resource) -> bool:
    return stored_object.inputs.get("contentType") in ("application/vnd.coreos.ignition+json", "application/zip")


def _written_by_named(stack: Stack, bucket: Resource) -> Iterator[Violation]:
    bearers = [bucket, *pointing_at(stack, bucket, "bucket", "aws:s3/bucketPolicy:*")]
    every = [each for bearer in bearers for document in documents(bearer, "resource") for each in document.statements]
    denied = [each for each in every if not each.allows and each.for_anyone and each.condition("aws:PrincipalArn")]
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:GetObject"):
        if not any(each.covers(action) for each in denied):
            yield Violation("policy", f"nothing denies {action} to all but named roles", bucket)
