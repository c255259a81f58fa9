"""Where a stack's data may lie, from its configuration. Called by `residency`.

A stack of this project says it (`domicile:jurisdiction`); of another, the rule's parameter does, or the provider's tag, or its own region.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from domicile.residency import Place, place_of_host, place_of_region
from domicile_policies.resource import NotKnown, Resource, Unknown
from domicile_policies.rule import Asked

PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "jurisdiction": {"type": "string", "default": "", "description": "where data may lie; empty: as the stack's configuration says"}
}


def said(asked: Asked) -> str:
    """The jurisdiction as the stack's configuration says, or the rule's parameter; empty where neither does."""
    return str(asked.config.get("domicile:jurisdiction") or asked.parameters.get("jurisdiction") or "")


def jurisdiction(resource: Resource, asked: Asked) -> str:
    """Of the stack; else of the provider by its tags, else of the provider's region. Raises NotKnown."""
    return said(asked) or _tagged(resource) or place_of_region(_region(resource)).where


def _tagged(resource: Resource) -> str:
    provider = resource.inputs if resource.is_a("pulumi:providers:*") else resource.provider
    tags = provider.get("defaultTags")
    if isinstance(tags, Unknown):
        return ""
    found = (json.loads(tags) if isinstance(tags, str) else tags) or {}
    tagged = found.get("tags", {}).get("domicile:jurisdiction", "")
    return tagged if isinstance(tagged, str) else ""


def _region(resource: Resource) -> str:
    region = resource.provider.get("region", "")
    if isinstance(region, Unknown):
        raise NotKnown("provider.region")
    return str(region)


def section(asked: Asked, name: str) -> Any:
    """A section of the stack's configuration; Pulumi hands objects over as JSON texts."""
    text = asked.config.get(f"domicile:{name}", "")
    return json.loads(text) if text[:1] in ("{", "[") else {}


def place_of(url: str, asked: Asked) -> Place:
    """Where an address lies: as somebody of the team answers for it, or as its host's name tells."""
    host = urlsplit(url).hostname or ""
    declared = {each.get("host"): each for each in section(asked, "residency").get("places", [])}
    return Place(declared[host]["jurisdiction"], "declared") if host in declared else place_of_host(host)


def excepted(path: str, asked: Asked, today: date) -> bool:
    """Whether the stack's configuration lets this property lie elsewhere, today still."""
    listed = section(asked, "residency").get("exceptions", [])
    return any(each.get("property") == path and date.fromisoformat(str(each.get("expires"))) >= today for each in listed)
