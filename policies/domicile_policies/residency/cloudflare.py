"""Where Cloudflare keeps and serves what a stack has there: within the stack's jurisdiction, by a rule of Cloudflare's that promises it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

from domicile.residency import Place, place_of_host, place_of_region
from domicile_policies.places import PARAMETERS, said
from domicile_policies.resource import Resource
from domicile_policies.rule import Asked, Violation, rule

_CONTROLS = ("SOC2:CC6.7", "ISO27001:A.5.31", "ISO27001:A.5.34", "NIST:SA-9(5)")
_REGIONS: Mapping[str, str] = {
    **{key: key for key in ("ae", "au", "br", "ca", "ch", "eu", "in", "jp", "kr", "sa", "sg", "tw", "us", "za")},
    **dict.fromkeys(("at", "de", "es", "fr", "it", "nl", "isoeu"), "eu"), "uk": "gb", "gb": "gb", "fedramp": "us",
}  # fmt: skip
"""Keys of Regional Services, and the jurisdiction that each stays in: Cloudflare, Data Localization, Region support (2026-07).

The page names the regions; that a country's key is its code is general knowledge.
"""


def jurisdiction(asked: Asked) -> str:
    """The stack's own, else the parameter's, else that of its AWS region; empty where nothing says."""
    where: str = said(asked) or place_of_region(asked.config.get("aws:region", "")).where
    return "" if where == "unknown" else where


def outside(path: str, where: str, asked: Asked) -> Iterator[Violation]:
    """A violation unless `where` is the jurisdiction; without one, nothing is inside."""
    inside = jurisdiction(asked)
    if not inside:
        yield Violation(path, "no jurisdiction is declared: give the parameter `jurisdiction`, or domicile:jurisdiction")
    elif where != inside:
        yield Violation(path, f"lies in {where}; allowed: {inside}")


@rule(
    "DOM-RES-080", "Logs are pushed within the jurisdiction.", "cloudflare:index/logpushJob:LogpushJob", severity="critical",
    controls=_CONTROLS, parameters=PARAMETERS,
    why="Logs of the gateway have names, addresses and paths of whoever worked: the same data that may not leave.",
    fix="Name a destination whose site lies in the jurisdiction: a bucket with its region, or a vendor's host of that site.",
)  # fmt: skip
def logs(resource: Resource, asked: Asked) -> Iterator[Violation]:
    yield from outside("destinationConf", place_of_destination(resource.get("destinationConf")).where, asked)


def place_of_destination(destination: str) -> Place:
    """Where a Logpush destination lies: a bucket by its `region`, anything else by its host."""
    parts = urlsplit(destination)
    if parts.scheme == "s3":
        region = parse_qs(parts.query).get("region", [""])[0]
        return place_of_region(region) if region else Place("unknown", "the bucket's region isn't given")
    return place_of_host(parts.hostname or "")


@rule(
    "DOM-RES-081", "Names are served within the jurisdiction.", "cloudflare:index/regionalHostname:RegionalHostname", severity="high",
    controls=_CONTROLS, parameters=PARAMETERS,
    why="Without Regional Services of that region TLS is opened wherever the caller is: in any of Cloudflare's places.",
    fix="Set regionKey to the jurisdiction's key: jp, eu, us, ae ….",
)  # fmt: skip
def names(resource: Resource, asked: Asked) -> Iterator[Violation]:
    key = resource.get("regionKey")
    yield from outside("regionKey", _REGIONS.get(key, f"no one jurisdiction ({key})"), asked)


@rule(
    "DOM-RES-082", "Buckets are kept within the jurisdiction.", "cloudflare:index/r2Bucket:R2Bucket", severity="critical",
    controls=_CONTROLS, parameters=PARAMETERS,
    why="`location` is only a hint; `jurisdiction` is what Cloudflare promises, and it promises the EU, the US and FedRAMP's.",
    fix="Set jurisdiction: eu, us or fedramp; for any other jurisdiction keep the data in a store that promises it.",
)  # fmt: skip
def buckets(resource: Resource, asked: Asked) -> Iterator[Violation]:
    kept = {"eu": "eu", "us": "us", "fedramp": "us"}.get(resource.get("jurisdiction", "default"), "no one place")
    yield from outside("jurisdiction", kept, asked)
