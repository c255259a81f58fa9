"""Amazon S3: buckets, their many settings, objects. What the SDK has twice (`BucketVersioning`, `BucketVersioningV2`) is here twice."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from ..kinds import Distinct, Kind, Neighbour, PolicyOf, Ref, World
from ..rules import AtLeastOne, AtMostOne, Excludes, Items, Length, Needs, Never, OneOf, Pattern, Policy, Range, Rule, model
from .tokens import BUCKET, FUNCTION, QUEUE, TOPIC
from .vocabulary import ARN, describes, guide, key, moto, only, provider, reference, report, role, sdk

_NAMES = guide("Amazon S3 User Guide, General purpose bucket naming rules", "2026-11-21")
_OF_BUCKET = Ref("bucket", BUCKET, "bucket", holds=False, part=True)
_ENCRYPTION = ("AES256", "aws:fsx", "aws:backup", "aws:kms", "aws:kms:dsse")
_CLASSES = ("GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR")
_VERSIONINGS = ("aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2")
_SSE = "rules[*].applyServerSideEncryptionByDefault."
_RETENTION = "rule.defaultRetention."


def _setting(verb: str, operation: str, rules: tuple[Rule, ...] = (), refs: tuple[Ref, ...] = (), world: tuple[World, ...] = ()) -> Kind:
    """A setting of a bucket: one of each, named after the bucket, gone with it. S3 itself takes a second in the place of the first (it knows
    each by the bucket alone); here it is refused, as two would undo each other for ever."""
    return Kind(
        id="{bucket}", replaces=("bucket",), refs=(_OF_BUCKET, *refs), rules=rules, autoname="-",
        world=(Distinct(("bucket",), only("s3", operation), code="AlreadyExists"), *world),
        actions=describes("s3", f"Put{verb}", f"Get{verb}", f"Put{verb}", f"Put{verb}"),
    )  # fmt: skip


_OBJECT = Kind(
    id="{bucket}/{key}", arn=ARN + "s3:::{bucket}/{key}", replaces=("bucket", "key"), changing=("etag", "versionId"), autoname="-",
    outputs={"etag": "{hex32}", "versionId": "{hex32.version}", "contentType": "application/octet-stream", "storageClass": "STANDARD", "serverSideEncryption": "aws:kms",
             "bucketKeyEnabled": False, "acl": "private", "kmsKeyId": "", "key": "{key}"},
    refs=(Ref("bucket", BUCKET, "bucket"), key("kmsKeyId")),
    rules=(Length("key", 1, 1024, source=model("s3", "ObjectKey")), AtMostOne(("source", "content", "contentBase64"), source=provider("s3/object.go", "033c721bf1ed")),
           OneOf("serverSideEncryption", _ENCRYPTION, source=model("s3", "ServerSideEncryption")),
           OneOf("objectLockMode", ("GOVERNANCE", "COMPLIANCE"), source=model("s3", "ObjectLockMode")),
           Needs("objectLockMode", "objectLockRetainUntilDate", source=report("boto/s3transfer #224", "2021-11-20"))),
    actions=describes("s3", "PutObject PutObjectTagging GetObject", "GetObject GetObjectTagging", "PutObject PutObjectTagging", "DeleteObject DeleteObjectVersion ListBucketVersions"),
)  # fmt: skip

_SINGLE: dict[str, Kind] = {
    "Bucket": Kind(
        id="{bucket}", arn=ARN + "s3:::{bucket}", known_everywhere=True, autoname_length=63, missing="NoSuchBucket", in_use="BucketNotEmpty", force="forceDestroy",
        outputs={"bucketRegionalDomainName": "{bucket}.s3.{region}.amazonaws.com", "bucketDomainName": "{bucket}.s3.amazonaws.com", "bucketRegion": "{region}",
                 "hostedZoneId": "Z{hex10}", "objectLockEnabled": False, "requestPayer": "BucketOwner", "accelerationStatus": "", "policy": "", "forceDestroy": False,
                 "websiteDomain": "", "websiteEndpoint": "", "bucketNamespace": "global", "acl": "private"},
        replaces=("bucket", "bucketPrefix", "bucketNamespace", "objectLockEnabled"), keeps=("policy", "acl"),
        rules=(
            Length("bucket", 3, 63, source=_NAMES),
            Pattern("bucket", r"[a-z0-9][a-z0-9.-]*[a-z0-9]", "small letters, digits, dots and hyphens, beginning and ending with a letter or digit", source=_NAMES),
            Never("bucket", r"\.\.|^\d+\.\d+\.\d+\.\d+$|^xn--|^sthree-|^amzn-s3-demo-|-s3alias$|--ol-s3$|\.mrap$|--x-s3$|--table-s3$",
                  "two dots in a row, an IP address, or a prefix or suffix that S3 keeps", source=_NAMES),
        ),
        world=(Distinct(("bucket",), _NAMES, "world", "BucketAlreadyExists"),),
        actions=describes("s3", "CreateBucket PutBucketTagging PutBucketObjectLockConfiguration ListBucket",
                          "ListBucket GetBucketLocation GetBucketTagging GetBucketAcl GetBucketCORS GetBucketLogging GetBucketObjectLockConfiguration GetBucketPolicy "
                          "GetBucketRequestPayment GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetLifecycleConfiguration GetReplicationConfiguration "
                          "GetAccelerateConfiguration", "PutBucketTagging", "DeleteBucket ListBucket"),
    ),
    "BucketPolicy": Kind(
        id="{bucket}", replaces=("bucket",), refs=(_OF_BUCKET,), rules=(Policy("policy", "resource", 20480, compact=False, source=sdk("aws:s3/bucketPolicy:BucketPolicy", "policy")),), autoname="-",
        world=(PolicyOf("policy", ARN + "s3:::{bucket}", report("noobaa/noobaa-core #10058", "2026-09-22")),), actions=describes("s3", "PutBucketPolicy", "GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    ),
    "BucketPublicAccessBlock": _setting("BucketPublicAccessBlock", "PutPublicAccessBlock"),
    "BucketOwnershipControls": _setting("BucketOwnershipControls", "PutBucketOwnershipControls", (
        OneOf("rule.objectOwnership", ("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"), source=model("s3", "ObjectOwnership")),)),
    "BucketNotification": _setting("BucketNotification", "PutBucketNotificationConfiguration", (), (
        Ref("topics[*].topicArn", TOPIC, holds=False), Ref("queues[*].queueArn", QUEUE, holds=False), Ref("lambdaFunctions[*].lambdaFunctionArn", FUNCTION, holds=False))),
    "BucketReplicationConfig": _setting("ReplicationConfiguration", "PutBucketReplication", (
        Items("rules", 1, 1000, source=reference("s3", "ReplicationConfiguration.Rules")), OneOf("rules[*].status", ("Enabled", "Disabled"), source=model("s3", "ReplicationRuleStatus"))),
        (role("role"), Ref("rules[*].destination.bucket", BUCKET, holds=False, anywhere=True)),
        (Neighbour(_VERSIONINGS, "bucket", "id", BUCKET, moto("s3/exceptions.py"), unless={"objectLockEnabled": True}, code="InvalidRequest"),)),
    "BucketObject": _OBJECT,
    "BucketObjectv2": _OBJECT,
}  # fmt: skip

_TWICE: dict[str, Kind] = {
    "BucketVersioning": _setting("BucketVersioning", "PutBucketVersioning", (OneOf("versioningConfiguration.status", ("Enabled", "Suspended", "Disabled"), source=sdk(_VERSIONINGS[0], "versioningConfiguration.status")),)),
    "BucketServerSideEncryptionConfiguration": _setting("EncryptionConfiguration", "PutBucketEncryption", (
        OneOf(_SSE + "sseAlgorithm", _ENCRYPTION, source=model("s3", "ServerSideEncryption")),
        Excludes(_SSE + "sseAlgorithm", _SSE + "kmsMasterKeyId", ("AES256",), source=reference("s3", "ServerSideEncryptionByDefault.KMSMasterKeyID"))), (key(_SSE + "kmsMasterKeyId"),)),
    "BucketObjectLockConfiguration": _setting("BucketObjectLockConfiguration", "PutObjectLockConfiguration", (
        OneOf(_RETENTION + "mode", ("GOVERNANCE", "COMPLIANCE"), source=model("s3", "ObjectLockRetentionMode")),
        AtMostOne((_RETENTION + "days", _RETENTION + "years"), source=reference("s3", "DefaultRetention")),
        Needs(_RETENTION + "days", _RETENTION + "mode", source=reference("s3", "DefaultRetention.Days")),
        *(Range(_RETENTION + period, 1, inf, source=provider("s3/bucket_object_lock_configuration.go", "01c08000ddb1")) for period in ("days", "years")),
        OneOf("objectLockEnabled", ("Enabled",), source=model("s3", "ObjectLockEnabled"))), (),
        (Neighbour(_VERSIONINGS, "bucket", "id", BUCKET, moto("s3/exceptions.py"), unless={"objectLockEnabled": True}, code="InvalidBucketState"),)),
    "BucketLogging": _setting("BucketLogging", "PutBucketLogging", (), (Ref("targetBucket", BUCKET, "target", holds=False, here=True),)),
    "BucketLifecycleConfiguration": _setting("LifecycleConfiguration", "PutBucketLifecycleConfiguration", (
        Items("rules", 1, 1000, source=reference("s3", "PutBucketLifecycleConfiguration")), OneOf("rules[*].status", ("Enabled", "Disabled"), source=model("s3", "ExpirationStatus")),
        Length("rules[*].id", 1, 255, source=reference("s3", "LifecycleRule.ID")), Range("rules[*].expiration.days", 1, inf, source=reference("s3", "LifecycleExpiration.Days")),
        Range("rules[*].noncurrentVersionExpiration.noncurrentDays", 1, inf, source=reference("s3", "NoncurrentVersionExpiration.NoncurrentDays")),
        OneOf("rules[*].transitions[*].storageClass", _CLASSES, source=model("s3", "TransitionStorageClass")),
        AtMostOne(("rules[*].filter.prefix", "rules[*].prefix"), source=moto("s3/models.py")),
        OneOf("transitionDefaultMinimumObjectSize", ("varies_by_storage_class", "all_storage_classes_128K"), source=model("s3", "TransitionDefaultMinimumObjectSize")))),
    "BucketAcl": _setting("BucketAcl", "PutBucketAcl", tuple(
        rule(("acl", "accessControlPolicy"), source=provider("s3/bucket_acl.go", "00a35305dc1b")) for rule in (AtMostOne, AtLeastOne))),
    "BucketRequestPaymentConfiguration": _setting("BucketRequestPayment", "PutBucketRequestPayment", (OneOf("payer", ("Requester", "BucketOwner"), source=model("s3", "Payer")),)),
    "BucketAccelerateConfiguration": _setting("AccelerateConfiguration", "PutBucketAccelerateConfiguration", (OneOf("status", ("Enabled", "Suspended"), source=model("s3", "BucketAccelerateStatus")),)),
    "BucketCorsConfiguration": _setting("BucketCORS", "PutBucketCors", (Items("corsRules", 1, 100, source=reference("s3", "CORSConfiguration.CORSRules")),)),
}  # fmt: skip


def _token(name: str) -> str:
    return f"aws:s3/{name[0].lower()}{name[1:]}:{name}"


KINDS: dict[str, Kind] = {_token(n): k for n, k in _SINGLE.items()} | {
    _token(n + v): replace(k, replaces=(*k.replaces, "expectedBucketOwner")) for n, k in _TWICE.items() for v in ("", "V2")
}
