"""Where AWS keeps what a stack makes: all that bears a region lies in the stack's jurisdiction, and nothing is copied out of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from domicile.residency import Place, place_of_arn, place_of_region
from domicile_policies.iam import documents
from domicile_policies.ignition import STORED, stored
from domicile_policies.places import PARAMETERS, excepted, jurisdiction, place_of
from domicile_policies.relations import each_of, pointing_at, texts, unknowns
from domicile_policies.resource import NotKnown, Resource, Stack
from domicile_policies.rule import Asked, Violation, rule, stack_rule

LIES = ("SOC2:CC6.7", "ISO27001:A.5.34", "NIST:SA-9(5)")
SENT = ("SOC2:CC6.7", "ISO27001:A.5.14", "NIST:SA-9(5)")
INSIDE = "choose a region of the stack's jurisdiction"
_ZONE = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d+)(?:[a-z]|-.+)?")


def _outside(place: Place, where: str, path: str) -> Iterator[Violation]:
    if place.where != where:
        yield Violation(path, f"lies in `{place.where}`, and data stays in `{where}` ({place.basis})")


@rule(
    "DOM-RES-001", "The provider's region lies in the jurisdiction", "pulumi:providers:aws",
    why="Everything of the provider is made in its region.", fix=INSIDE, severity="critical", controls=LIES, parameters=PARAMETERS,
)  # fmt: skip
def provider_region(provider: Resource, asked: Asked) -> Iterator[Violation]:
    region = provider.get("region")
    if not region:
        yield Violation("region", "isn't said: the environment of whoever runs it decides")
        return
    where = jurisdiction(provider, asked)
    place = place_of_region(region)
    yield from _outside(place, where if where != "unknown" else place.where, "region")
    if place.where == "unknown":
        yield Violation("region", f"nobody knows here where it lies ({place.basis})")


@rule(
    "DOM-RES-002", "A resource's own region lies in the jurisdiction", "aws:*",
    why="A resource may name another region than its provider's.", fix=INSIDE, severity="critical", controls=LIES, parameters=PARAMETERS,
)  # fmt: skip
def own_region(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for name in ("region", "serviceRegion", "sourceRegion"):
        if named := resource.get(name):
            yield from _outside(place_of_region(named), jurisdiction(resource, asked), name)


@rule(
    "DOM-RES-003", "Zones and services of a network lie in the jurisdiction", "aws:ec2/*", "aws:autoscaling/group:Group",
    "aws:rds/*", "aws:ebs/*",
    why="A zone, or an endpoint's service, of another region is in another country.", fix=INSIDE, severity="high", controls=LIES,
    parameters=PARAMETERS,
)  # fmt: skip
def zones(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for name in ("availabilityZone", "availabilityZones"):
        for path, zone in resource.items(name):
            region = _ZONE.fullmatch(str(zone))
            place = place_of_region(region[1] if region else str(zone))
            yield from _outside(place, jurisdiction(resource, asked), path if name.endswith("s") else name)
    service = re.match(r"(?:com|aws)\.(?:amazonaws|api)\.([a-z0-9-]+)\.", resource.get("serviceName", ""))
    if service:
        yield from _outside(place_of_region(service[1]), jurisdiction(resource, asked), "serviceName")


@rule(
    "DOM-RES-004", "Keys stay in their region", "aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey", "aws:kms/externalKey:ExternalKey",
    "aws:kms/replicaExternalKey:ReplicaExternalKey",
    why="A multi-region key can be copied to any region; what it protects can then be read there (KMS guide: multi-Region keys).",
    fix="leave multiRegion out", severity="high", controls=LIES,
)  # fmt: skip
def single_region(key: Resource, _: Asked) -> Iterator[Violation]:
    if key.is_a("aws:kms/replica*"):
        yield Violation("primaryKeyArn", "is a key of another region")
    if key.get("multiRegion"):
        yield Violation("multiRegion", "only false is allowed")


COPIES: Mapping[str, Sequence[str]] = {
    "aws:secretsmanager/secret:Secret": ("replicas",), "aws:s3/bucket:Bucket": ("replicationConfiguration",),
    "aws:s3/bucketV2:BucketV2": ("replicationConfigurations",), "aws:dynamodb/table:Table": ("replicas",),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": ("rules",), "aws:dynamodb/globalTable:GlobalTable": ("replicas",),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": ("replicationConfiguration",),
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": ("sourceDbInstanceArn",),
    "aws:rds/globalCluster:GlobalCluster": ("",), "aws:docdb/globalCluster:GlobalCluster": ("",),
    "aws:neptune/globalCluster:GlobalCluster": ("",), "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": ("",),
    "aws:efs/replicationConfiguration:ReplicationConfiguration": ("destination",),
    "aws:redshift/snapshotCopy:SnapshotCopy": ("destinationRegion",), "aws:s3control/multiRegionAccessPoint:MultiRegionAccessPoint": ("",),
    "aws:backup/plan:Plan": ("rules[*].copyActions",),
}  # fmt: skip
"""Where copies are asked for, by type; an empty path: the thing itself is spread over regions."""


@rule(
    "DOM-RES-005", "Nothing is copied to another region", *COPIES,
    why="A replica elsewhere is the data elsewhere.", fix="leave replication out, or keep the copy in a region of the jurisdiction by an "
    "exception of this rule", severity="high", controls=SENT,
)  # fmt: skip
def no_copies(resource: Resource, _: Asked) -> Iterator[Violation]:
    for pattern in COPIES[resource.type]:
        name, _each, rest = pattern.partition("[*].")
        paths = [f"{name}[{n}].{rest}" for n, _ in enumerate(resource.items(name))] if rest else [pattern]
        for path in paths:
            if not path or resource.get(path):
                yield Violation(path or "type", "copies to another region")


GLOBAL = ("aws:cloudfront/distribution:*", "aws:globalaccelerator/*", "aws:s3/bucketAccelerateConfiguration:*", "aws:networkmanager/*",
          "aws:lambda/functionEventInvokeConfig:Edge*", "aws:cloudfront/function:*", "aws:shield/*")  # fmt: skip


@rule(
    "DOM-RES-006", "No service without a region carries data", *GLOBAL,
    why="What is served from AWS's edges is processed in whatever country the edge stands.", fix="serve it from the region",
    severity="high", controls=SENT,
)  # fmt: skip
def nothing_global(resource: Resource, _: Asked) -> Iterator[Violation]:
    yield Violation("type", "has no region of its own")


@rule(
    "DOM-RES-007", "What a resource names by ARN lies in the jurisdiction", "aws:*",
    why="A log's destination, an alarm's topic or a key in another region takes the data there.", fix=INSIDE, severity="high",
    controls=SENT, parameters=PARAMETERS,
)  # fmt: skip
def arns(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for path, text in texts(resource.inputs):
        parts = text.split(":", 5)
        if len(parts) == 6 and parts[0] == "arn" and re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d+", parts[3]):
            yield from _outside(place_of_arn(text), jurisdiction(resource, asked), path)
    for path in filter(_ARN.search, unknowns(resource.inputs)):
        made_from = resource.sources(path)
        if not made_from or not all(source.is_a("aws:*") for source in made_from):
            raise NotKnown(path)


_ARN = re.compile(r"(?:[aA]rns?|[kK]ms(?:Master)?Key(?:Id)?|Actions)(?:\[\d+\])*$")
"""Properties that take ARNs, by how they end. One made from a thing of this stack lies where that does, which is judged there."""

ADDRESSES = {
    "aws:sns/topicSubscription:TopicSubscription": "endpoint",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": "httpEndpointConfiguration.url",
    "aws:cloudwatch/eventApiDestination:EventApiDestination": "invocationEndpoint",
}


@rule(
    "DOM-RES-008", "What is sent to an address lies in the jurisdiction", *ADDRESSES,
    why="Records and alarms go to SIEM vendors by an address, whose site decides the country.",
    fix="use the vendor's site in the jurisdiction; of an own host say under `residency.places` where it lies", severity="high",
    controls=SENT, parameters=PARAMETERS,
)  # fmt: skip
def addresses(resource: Resource, asked: Asked) -> Iterator[Violation]:
    path = ADDRESSES[resource.type]
    address = resource.get(path, "")
    if address.startswith(("http://", "https://")):
        yield from _outside(place_of(address, asked), jurisdiction(resource, asked), path)


@rule(
    "DOM-RES-009", "What machines send to lies in the jurisdiction, or somebody answers for it", STORED,
    why="Worker hosts send every audit record to the SIEM sinks, and what tools answer to the control plane.",
    fix="use the vendor's site in the jurisdiction, or except the property under `residency.exceptions` with reason, owner and expiry",
    severity="critical", controls=("SOC2:CC9.2", "ISO27001:A.5.23", "NIST:SA-9(5)"), parameters=PARAMETERS,
)  # fmt: skip
def sinks(settings: Resource, asked: Asked) -> Iterator[Violation]:
    found = stored(settings)
    for path, text in (found.files if found else {}).items():
        if path.endswith("/settings.json"):
            for prop, url in _sent_to(json.loads(text)):
                if not excepted(prop, asked, date.today()):
                    yield from _outside(place_of(url, asked), jurisdiction(settings, asked), f"content:{path}:{prop}")


def _sent_to(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Addresses in a worker host's settings, each by its property in the stack's configuration."""
    for n, sink in enumerate(told.get("audit", {}).get("sinks", [])):
        if url := sink.get("url"):
            yield f"audit.sinks[{n}].url", url
    if url := told.get("control_plane", {}).get("url"):
        yield "controlPlane.url", url


@stack_rule(
    "DOM-RES-010", "Secrets' and archives' own policies forbid copies",
    why="Whoever administers the account could add a replica outside this stack; the policy refuses even them.",
    fix="deny secretsmanager:ReplicateSecretToRegions in each secret's policy and s3:PutReplicationConfiguration in each locked bucket's",
    severity="medium", controls=LIES,
)  # fmt: skip
def copies_denied(stack: Stack, _: Asked) -> Iterator[Violation]:
    for secret in stack.of("aws:secretsmanager/secret:Secret"):
        yield from each_of(secret, _denies(stack, secret, "secretArn", "aws:secretsmanager/secretPolicy:*", "ReplicateSecretToRegions"))
    for bucket in stack.of("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"):
        if bucket.inputs.get("objectLockEnabled") is True:
            yield from each_of(bucket, _denies(stack, bucket, "bucket", "aws:s3/bucketPolicy:*", "PutReplicationConfiguration"))


def _denies(stack: Stack, target: Resource, prop: str, type_: str, verb: str) -> Iterator[Violation]:
    service = "secretsmanager" if "secret" in target.type else "s3"
    bearers = [target, *pointing_at(stack, target, prop, type_)]
    statements = [each for bearer in bearers for document in documents(bearer, "resource") for each in document.statements]
    if not any(not s.allows and s.for_anyone and not s.conditions and s.covers(f"{service}:{verb}") for s in statements):
        yield Violation("policy", f"nothing denies {service}:{verb}", target)
