"""Residency: where a stack's own endpoints lie, what is excepted and by whom, and the check of every region-bearing property."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from domicile.config.aws.access import BROUGHT
from domicile.config.egress import canonical_host
from domicile.config.faults import ConfigError, Fault, Objection, Step, refuse
from domicile.config.section import Section, repeated
from domicile.residency import (
    Entry,
    Jurisdiction,
    Manifest,
    Place,
    Property,
    PropertyKind,
    Waiver,
    manifest,
    place_of_arn,
    place_of_backend,
    place_of_host,
    place_of_region,
    regions_in,
)
from domicile_host.settings import Hostname

if TYPE_CHECKING:
    from domicile.config.aws import Aws
    from domicile.config.perimeter import Declared

LONGEST_EXCEPTION = timedelta(days=366)
TUNNEL_EDGE = "region1.v2.argotunnel.com"


class DeclaredPlace(Section):
    """An endpoint of your own, or of a vendor whose address doesn't say where it is: somebody answers for where it lies."""

    host: Annotated[Hostname, BeforeValidator(canonical_host)] = Field(description="its host name", examples=["collector.example.com"])
    jurisdiction: Jurisdiction = Field(description="where it lies", examples=["jp"])
    owner: str = Field(min_length=1, max_length=100, description="who answers for that", examples=["platform@example.com"])


class ResidencyException(Section):
    """A property that may lie elsewhere for a time."""

    property: str = Field(description="the property's path", examples=["controlPlane.url"])
    reason: str = Field(min_length=10, max_length=300, description="why, in a sentence", examples=["the agent runs at Anthropic"])
    owner: str = Field(min_length=1, max_length=100, description="who answers for it", examples=["platform@example.com"])
    expires: date = Field(description="the last day, in quotes; a year ahead at most", examples=['"2027-06-30"'])


class Residency(Section):
    """What the stack says about places."""

    state_backend: str = Field(
        "file://",
        description="where Pulumi keeps the state: `file://`, or `s3://bucket?region=…`",
        examples=["s3://acme-state?region=ap-northeast-1"],
    )
    places: tuple[DeclaredPlace, ...] = Field((), description="endpoints whose address doesn't say where they lie")
    exceptions: tuple[ResidencyException, ...] = Field((), description="what may lie elsewhere, until when")

    @model_validator(mode="after")
    def _fits_together(self) -> Residency:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        for again, first in repeated([place.host for place in self.places]):
            yield Objection(("places", again, "host"), "each host once", f"remove it: places[{first}] names the same")
        for again, first in repeated([found.property for found in self.exceptions]):
            yield Objection(("exceptions", again, "property"), "each property once", f"remove it: exceptions[{first}] names the same")
        for index, place in enumerate(self.places):
            if (known := place_of_host(place.host)).where not in ("unknown", place.jurisdiction):
                yield Objection(("places", index, "jurisdiction"), f"{known.where}: {known.basis}", f"set `{known.where}`, or except it")
        for index, found in enumerate(self.exceptions):
            yield from _term_objections(("exceptions", index, "expires"), found.expires, _today())


def _term_objections(at: tuple[Step, ...], expires: date, today: date) -> Iterator[Objection]:
    if expires < today:
        yield Objection(at, f"a day not yet past, {today} or later", "bring the property home, or have its owner renew the exception")
    elif expires > today + LONGEST_EXCEPTION:
        yield Objection(at, f"at most a year ahead, {today + LONGEST_EXCEPTION}", "set an earlier day: an exception is looked at each year")


def _today() -> date:
    return date.today()


def region_bearing(config: Declared) -> Iterator[Property]:
    """Every property of an AWS stack that decides where data lies; what has no key in the configuration goes by its room's name."""
    aws = config.aws
    if aws is None:
        return
    region, access = place_of_region(aws.region), aws.access
    yield Property("aws.region", "provider", aws.region, region)
    for zone in aws.zones:
        yield Property(f"network.zones.{zone}", "zone", zone, region)
    for service in (*ENDPOINTS, *(SESSION_MANAGER if aws.network.session_manager else ())):
        yield Property(f"network.endpoints.{service}", "endpoint", f"com.amazonaws.{aws.region}.{service}", region)
    if config.private_control_plane:
        yield Property("network.endpoints.control-plane", "endpoint", f"com.amazonaws.{aws.region}.{CONTROL_PLANE_SERVICE}", region)
    for path, kind, value in _made_here(config, aws):
        yield Property(path, kind, f"{value}, {aws.region}", region)
    if access.encryption_key:
        yield Property("aws.access.encryptionKey", "key", access.encryption_key, place_of_arn(access.encryption_key))
    for name in (*BROUGHT.values(), "permissions_boundary"):
        if arn := getattr(access, name):
            yield Property(f"aws.access.{to_camel(name)}", "role", arn, place_of_arn(arn))
    yield Property(
        "residency.stateBackend", "state backend", config.residency.state_backend, place_of_backend(config.residency.state_backend)
    )
    yield Property("controlPlane.url", "control plane", config.control_plane.url, _place(config, config.control_plane.url))
    for index, sink in enumerate(config.audit.sinks):
        yield Property(f"audit.sinks[{index}].url", "sink", sink.url, _place(config, sink.url))
    if aws.tunnel:
        yield Property("aws.tunnel", "tunnel", TUNNEL_EDGE, place_of_host(TUNNEL_EDGE))


ENDPOINTS = ("autoscaling", "ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "s3", "secretsmanager", "sts")
"""AWS services that worker hosts reach, each through an endpoint in the VPC."""

SESSION_MANAGER = ("ssm", "ssmmessages")
"""And those of SSM's agent (Systems Manager guide: ec2messages, ssmmessages, and other API operations)."""

CONTROL_PLANE_SERVICE = "aws-external-anthropic"
"""Claude Platform on AWS as a service in the VPC. That it has an endpoint: platform.claude.com, Claude Platform on AWS, 2026-08. Its name:
as AWS names endpoints, and as one published example has it; seen in no account yet."""


def _made_here(config: Declared, aws: Aws) -> Iterator[tuple[str, PropertyKind, str]]:
    """What the rooms make in the stack's region. No room makes a replica or a backup elsewhere; the manifest says so."""
    if not aws.access.encryption_key:
        yield "environment_key.key", "key", "AWS KMS, single-region"
    if config.control_plane.kind != "aws":
        yield "environment_key.secret", "secret", "Secrets Manager"
    yield "environment_key.credentials", "secret", "Secrets Manager: what the configuration names"
    yield "environment_key.replicas", "replication", "none: secrets stay in the region"
    yield "siem_sink.archive", "archive", "S3"
    yield "siem_sink.access_log", "bucket", "S3"
    yield "siem_sink.replicas", "replication", "none: buckets stay in the region"
    yield "siem_sink.backup", "backup", "none beside the archive's own versions"
    yield "network.flow_logs", "log group", "CloudWatch Logs"
    yield "network.query_logs", "log group", "CloudWatch Logs"
    yield "machines.settings", "bucket", "S3"
    yield "alarms.topic", "topic", "SNS"
    yield "sandbox_image.registry", "registry", "ECR, not replicated"
    if aws.images:
        yield "hosts.logs", "log group", "CloudWatch Logs"
        yield "proxies.logs", "log group", "CloudWatch Logs"
        yield "scaling.functions", "function", "Lambda"
        yield "scaling.logs", "log group", "CloudWatch Logs"
    if aws.scaling.webhook:
        yield "scaling.webhook_address", "endpoint", "API Gateway, public"
        yield "scaling.webhook_secret", "secret", "Secrets Manager"
    if aws.tunnel:
        yield "mcp_tunnel.secrets", "secret", "Secrets Manager"
        yield "mcp_tunnel.registry", "registry", "ECR, not replicated"
        yield "mcp_tunnel.logs", "log group", "CloudWatch Logs"


def _place(config: Declared, url: str) -> Place:
    host = urlsplit(url).hostname or ""
    declared = next((place for place in config.residency.places if place.host == host), None)
    return Place(declared.jurisdiction, f"declared by {declared.owner}") if declared else place_of_host(host)


def residency_manifest(config: Declared, stack: str) -> Manifest:
    """The manifest of a configuration."""
    waivers = [Waiver(found.property, found.reason, found.owner, found.expires) for found in config.residency.exceptions]
    return manifest(stack, config.jurisdiction, region_bearing(config), waivers)


def check_backend(config: Declared, source: str, url: str) -> None:
    """Raises `ConfigError` when the state goes elsewhere (`url`, as PULUMI_BACKEND_URL has it) than the configuration says."""
    said, real = place_of_backend(config.residency.state_backend), place_of_backend(url)
    if said.where != real.where:
        allowed = f"where the state really goes: {url} lies in `{real.where}`"
        fix = "correct `residency.stateBackend`, or PULUMI_BACKEND_URL"
        raise ConfigError(source, [Fault("residency.stateBackend", config.residency.state_backend, allowed, fix)])


def residency_objections(config: Declared) -> Iterator[Objection]:
    """What lies outside without an exception, and exceptions that except nothing."""
    found = residency_manifest(config, "")
    region = next((entry for entry in found.properties if entry.path == "aws.region"), None)
    if region is not None and not region.inside:
        known = regions_in(config.jurisdiction)
        allowed = f"a region in `{config.jurisdiction}`: {', '.join(known) or 'AWS has none there'}"
        yield Objection(("aws", "region"), allowed, f"set `{known[0]}`, or correct `jurisdiction`" if known else "correct `jurisdiction`")
        return
    for entry in found.outside:
        yield _objection(entry, config.jurisdiction)
    outside = {entry.path for entry in found.properties if not entry.inside}
    for index, excepted in enumerate(config.residency.exceptions):
        if excepted.property not in outside:
            allowed = "the path of a property that lies elsewhere: " + (", ".join(sorted(outside)) or "none does")
            yield Objection(("residency", "exceptions", index, "property"), allowed, "correct the path, or remove the exception")


def _objection(entry: Entry, jurisdiction: str) -> Objection:
    exception = f"or except it: `residency.exceptions: [{{property: {entry.path}, reason: …, owner: …, expires: …}}]`"
    if entry.lies_in == "unknown":
        allowed = f"an endpoint that is known to lie in `{jurisdiction}` ({entry.basis})"
        return Objection(_steps(entry.path), allowed, f"say where it lies under `residency.places`, {exception}")
    allowed = f"a place in `{jurisdiction}`; this lies in `{entry.lies_in}` ({entry.basis})"
    return Objection(_steps(entry.path), allowed, f"choose one in `{jurisdiction}`, {exception}")


def _steps(path: str) -> tuple[Step, ...]:
    """`audit.sinks[0].url` as the steps of a fault."""
    steps: list[Step] = []
    for part in path.split("."):
        name, _, index = part.partition("[")
        steps.append(name)
        if index:
            steps.append(int(index.rstrip("]")))
    return tuple(steps)
