"""Where data lies: jurisdictions, AWS regions, vendors' sites, and the residency manifest.

Facts and pure functions: the standard library only, so that configuration, components, command and policies all import it.
Each fact has its source; `MEMORY` marks what rests on general knowledge and was checked against no document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Jurisdiction = Literal[
    "ae", "au", "bh", "br", "ca", "ch", "eu", "gb", "id", "il", "in", "jp", "kr", "mx", "my", "nz", "sa", "sg", "th", "tw", "us", "za"
]
"""ISO 3166 codes in lower case, and `eu` for the European Union."""

Where = Jurisdiction | Literal["hk", "global", "operator", "unknown"]
"""A jurisdiction, or: a place of none that a stack may have (`hk`), no one place (`global`), the operator's own machine, not known."""

STAND_IN_ADDRESS = "203.0.113.10"
"""The stand-in's address in the namespace that stands for the internet (TEST-NET-3, RFC 5737)."""

AWS_URL = "https://aws-external-anthropic.{region}.api.aws"
"""Claude Platform on AWS, in the region that a workspace is bound to (SDK 2.11, `lib/aws/_credentials.py`). Roles sign there, and no
environment key works (platform.claude.com: Claude Platform on AWS, 2026-08)."""

FIXED_URLS = {"stand-in": f"https://{STAND_IN_ADDRESS}", "anthropic": "https://api.anthropic.com"}
"""The control planes that have one address for everybody, by their `kind`."""

MEMORY = "general knowledge, checked against no document"


@dataclass(frozen=True)
class Source:
    """Where a fact was read, and when the copy that was read was of."""

    document: str
    as_of: str = ""

    def __str__(self) -> str:
        return f"{self.document} ({self.as_of})" if self.as_of else self.document


@dataclass(frozen=True)
class Region:
    """An AWS region of the commercial partition. `zones` are the letters of the zones that new accounts can use."""

    name: str
    place: str
    jurisdiction: Where
    zones: tuple[str, ...] = ("a", "b", "c")

    def zone(self, letter: str) -> str:
        return f"{self.name}{letter}"


REGION_SOURCE = Source("docs.aws.amazon.com: Automated Security Response on AWS, plan your deployment, supported AWS Regions", "2025")
"""Codes and cities. The country of each city is general knowledge. The zones' letters are among those that moto has for one account (a test
holds them to it); in regions from before November 2012 an account may have others (AWS Regions and Availability Zones: AZ IDs)."""

_REGIONS = (
    Region("af-south-1", "Cape Town", "za"),
    Region("ap-east-1", "Hong Kong", "hk"),
    Region("ap-east-2", "Taipei", "tw"),
    Region("ap-northeast-1", "Tokyo", "jp", ("a", "c", "d")),
    Region("ap-northeast-2", "Seoul", "kr", ("a", "b", "c", "d")),
    Region("ap-northeast-3", "Osaka", "jp"),
    Region("ap-south-1", "Mumbai", "in"),
    Region("ap-south-2", "Hyderabad", "in"),
    Region("ap-southeast-1", "Singapore", "sg"),
    Region("ap-southeast-2", "Sydney", "au"),
    Region("ap-southeast-3", "Jakarta", "id"),
    Region("ap-southeast-4", "Melbourne", "au"),
    Region("ap-southeast-5", "Kuala Lumpur", "my"),
    Region("ap-southeast-6", "Auckland", "nz"),
    Region("ap-southeast-7", "Bangkok", "th"),
    Region("ca-central-1", "Montreal", "ca", ("a", "b", "d")),
    Region("ca-west-1", "Calgary", "ca"),
    Region("eu-central-1", "Frankfurt", "eu"),
    Region("eu-central-2", "Zurich", "ch"),
    Region("eu-north-1", "Stockholm", "eu"),
    Region("eu-south-1", "Milan", "eu"),
    Region("eu-south-2", "Spain", "eu"),
    Region("eu-west-1", "Ireland", "eu"),
    Region("eu-west-2", "London", "gb"),
    Region("eu-west-3", "Paris", "eu"),
    Region("il-central-1", "Tel Aviv", "il"),
    Region("me-central-1", "United Arab Emirates", "ae"),
    Region("me-south-1", "Bahrain", "bh"),
    Region("mx-central-1", "Querétaro", "mx"),
    Region("sa-east-1", "São Paulo", "br"),
    Region("us-east-1", "N. Virginia", "us", ("a", "b", "c", "d", "f")),
    Region("us-east-2", "Ohio", "us"),
    Region("us-west-1", "N. California", "us", ("a", "b")),
    Region("us-west-2", "Oregon", "us", ("a", "b", "c", "d")),
)
REGIONS = {region.name: region for region in _REGIONS}


def regions_in(jurisdiction: str) -> tuple[str, ...]:
    """The AWS regions of a jurisdiction."""
    return tuple(region.name for region in _REGIONS if region.jurisdiction == jurisdiction)


@dataclass(frozen=True)
class Site:
    """A vendor's endpoints, by a pattern that a host name matches whole, and where what is sent there lies."""

    vendor: str
    name: str
    hosts: str
    where: Where
    source: Source


_DATADOG = Source("docs.datadoghq.com: Getting Started with Datadog Sites", "2026")
_DATADOG_SKILLS = Source("github.com/datadog-labs/agent-skills: dd-account-setup/references/regions.md", "2026")
_SUMO = Source("sumologic.com/help: AWS region by Sumo Logic deployment", "2026")
_SUMO_ENDPOINTS = Source("sumologic.com/help: API authentication, endpoints, and security", "2026")
_SPLUNK = Source("docs.splunk.com: HTTP Event Collector, http-inputs-<deployment>.splunkcloud.com names no region", "2026")
_ANTHROPIC = Source("platform.claude.com: data residency (workspace geo is `us` only; `inference_geo` is `global` or `us`)", "2026-08")
_ANTHROPIC_AWS = Source("platform.claude.com: Claude Platform on AWS (data may not reside in AWS; subservices may move)", "2026")
_CLOUDFLARE = Source("developers.cloudflare.com: Data Localization, region support (tunnel edges themselves are anycast)", "2026-07")
_CLOUDFLARE_US = Source("developers.cloudflare.com: Tunnel with firewall, `--region us`", "2026")


def _datadog(name: str, domain: str, where: Where, source: Source = _DATADOG) -> Site:
    """A site's own domain, its sub-domains but not those of other sites, which end in the same letters."""
    return Site(
        "Datadog", name, rf"(?!([a-z0-9-]+\.)*(us3|us5|ap1|ap2|uk1)\.datadoghq\.com)([a-z0-9-]+\.)*{re.escape(domain)}", where, source
    )


def _datadog_numbered(name: str, where: Where, source: Source = _DATADOG) -> Site:
    return Site("Datadog", name.upper(), rf"([a-z0-9-]+\.)*{name}\.datadoghq\.com", where, source)


def _sumo(name: str, label: str, where: Where, source: Source = _SUMO) -> Site:
    """Collection endpoints are `endpointN.collection.<label>.sumologic.com`; US1 has no label."""
    return Site("Sumo Logic", name, rf"[a-z0-9-]+(\.collection)?{label}\.sumologic\.com", where, source)


SITES = (
    _datadog("US1", "datadoghq.com", "us"),
    _datadog_numbered("us3", "us"),
    _datadog_numbered("us5", "us"),
    _datadog("EU1", "datadoghq.eu", "eu"),
    _datadog("US1-FED", "ddog-gov.com", "us"),
    _datadog_numbered("ap1", "jp"),
    _datadog_numbered("ap2", "au"),
    _datadog_numbered("uk1", "gb", _DATADOG_SKILLS),
    _sumo("AU", r"\.au", "au"),
    _sumo("CA", r"\.ca", "ca"),
    _sumo("CH", r"\.ch", "ch", _SUMO_ENDPOINTS),
    _sumo("DE", r"\.de", "eu"),
    _sumo("EU", r"\.eu", "eu"),
    _sumo("FED", r"\.fed", "us"),
    _sumo("IN", r"\.in", "in"),
    _sumo("JP", r"\.jp", "jp"),
    _sumo("KR", r"\.kr", "kr"),
    _sumo("US1", "", "us"),
    _sumo("US2", r"\.us2", "us"),
    Site("Splunk Cloud", "any", r"([a-z0-9-]+\.)+splunkcloud(gc)?\.com", "unknown", _SPLUNK),
    Site("Anthropic", "API", r"api\.anthropic\.com", "us", _ANTHROPIC),
    Site("Anthropic", "Claude Platform on AWS", r"aws-external-anthropic\.[a-z0-9-]+\.api\.aws", "global", _ANTHROPIC_AWS),
    Site("Cloudflare", "tunnel edge, US", r"us-region[12]\.v2\.argotunnel\.com", "us", _CLOUDFLARE_US),
    Site("Cloudflare", "tunnel edge", r"([a-z0-9-]+\.)*argotunnel\.com", "global", _CLOUDFLARE),
    Site("Cloudflare", "API", r"api\.cloudflare\.com", "global", _CLOUDFLARE),
)
"""The first that matches holds."""

_AWS_HOST = re.compile(r"(?:[a-z0-9_-]+\.)*?([a-z]{2}(?:-[a-z]+)+-\d)\.(?:[a-z0-9-]+\.)*(?:amazonaws\.com|api\.aws|on\.aws)")
_OPENSEARCH = re.compile(r"(?:[a-z0-9_-]+\.)+(?:es|aoss)\.amazonaws\.com|(?:[a-z0-9_-]+\.)+aos\.[a-z0-9-]+\.on\.aws")
_AWS_HOST_SOURCE = Source("the region stands in the host name of an AWS endpoint (docs.aws.amazon.com: AWS service endpoints)", "2026")


@dataclass(frozen=True)
class Place:
    """Where something lies, and how that is known."""

    where: Where
    basis: str


def place_of_region(name: str) -> Place:
    """`unknown` for a region that isn't in the table: a new one is added there before a stack may use it."""
    region = REGIONS.get(name)
    return (
        Place(region.jurisdiction, f"AWS {name}, {region.place}: {REGION_SOURCE}") if region else Place("unknown", f"no AWS region {name}")
    )


def place_of_host(host: str) -> Place:
    """By the vendors' sites, or by the region in an AWS endpoint's name."""
    name = host.rstrip(".").lower()
    for site in SITES:
        if re.fullmatch(site.hosts, name):
            return Place(site.where, f"{site.vendor} {site.name}: {site.source}")
    if match := _AWS_HOST.fullmatch(name):
        kind = "OpenSearch" if _OPENSEARCH.fullmatch(name) else "AWS"
        region = place_of_region(match[1])
        return Place(region.where, f"{kind} endpoint in {match[1]}: {_AWS_HOST_SOURCE}")
    return Place("unknown", f"{name} is no site that is known here")


def place_of_url(url: str) -> Place:
    return place_of_host(urlsplit(url).hostname or "")


def place_of_arn(arn: str) -> Place:
    """By the region in an ARN; `global` for services that have none (IAM)."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn":
        return Place("unknown", f"{arn} is no ARN")
    return place_of_region(parts[3]) if parts[3] else Place("global", f"{parts[2]} has no region")


def place_of_backend(url: str) -> Place:
    """Of a Pulumi state backend: `file://` is the operator's machine, an S3 bucket its `region=`, anything else by its host."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Place("operator", "the operator's own machine")
    if parts.scheme == "s3":
        named = parse_qs(parts.query).get("region", [""])[0]
        return place_of_region(named) if named else Place("unknown", f"{url} names no region: add `?region=`")
    if parts.hostname == "api.pulumi.com":
        return Place("us", f"Pulumi Cloud: {MEMORY}")
    return place_of_host(parts.hostname or "")


PropertyKind = Literal[
    "provider", "zone", "key", "replication", "archive", "bucket", "log group", "sink", "registry", "endpoint", "state backend", "backup",
    "control plane", "tunnel", "secret", "role", "function", "topic",
]  # fmt: skip


@dataclass(frozen=True)
class Waiver:
    """An exception from residency for one property: who answers for it, why, and until when."""

    property: str
    reason: str
    owner: str
    expires: date


@dataclass(frozen=True)
class Property:
    """One region-bearing property, by its path in the configuration or the stack's resources."""

    path: str
    kind: PropertyKind
    value: str
    place: Place


@dataclass(frozen=True)
class Entry:
    """One line of the manifest."""

    path: str
    kind: PropertyKind
    value: str
    lies_in: Where
    basis: str
    inside: bool
    waiver: Waiver | None = None


@dataclass(frozen=True)
class Manifest:
    """Every region-bearing property of one stack, and where it lies. `to_json` is the content of `residency.json`."""

    stack: str
    jurisdiction: str
    properties: tuple[Entry, ...]

    @property
    def outside(self) -> tuple[Entry, ...]:
        """What lies elsewhere, or nobody knows where, and nobody answers for."""
        return tuple(entry for entry in self.properties if not entry.inside and entry.waiver is None)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, default=date.isoformat) + "\n"


def manifest(stack: str, jurisdiction: str, properties: Iterable[Property], waivers: Sequence[Waiver] = ()) -> Manifest:
    """Judges each property. What lies on the operator's machine or has no region of its own (IAM) is listed and passes."""
    by_path = {waiver.property: waiver for waiver in waivers}
    entries = []
    for found in properties:
        inside = found.place.where in (jurisdiction, "operator") or (found.kind == "role" and found.place.where == "global")
        waiver = None if inside else by_path.get(found.path)
        entries.append(Entry(found.path, found.kind, found.value, found.place.where, found.place.basis, inside, waiver))
    return Manifest(stack, jurisdiction, tuple(entries))
