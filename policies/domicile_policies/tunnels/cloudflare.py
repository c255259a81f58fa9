"""Tunnels through Cloudflare: what they open is named, guarded by Access, checked to the end, and recorded.

Values and their meaning: Cloudflare's API documentation, as the docstrings of `pulumi_cloudflare` 6.23 carry it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from domicile_policies.resource import NotKnown, Resource
from domicile_policies.rule import Asked, Violation, rule

TUNNEL = "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared"
CONNECTOR = "cloudflare:index/zeroTrustTunnelWarpConnector:ZeroTrustTunnelWarpConnector"
CONFIG = "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig"
ROUTE = "cloudflare:index/zeroTrustTunnelCloudflaredRoute:ZeroTrustTunnelCloudflaredRoute"
POLICY = "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy"
APPLICATION = "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication"
SERVICE_TOKEN = "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken"  # noqa: S105 a type's name
LOGGING = "cloudflare:index/zeroTrustGatewayLogging:ZeroTrustGatewayLogging"
SETTINGS = "cloudflare:index/zeroTrustGatewaySettings:ZeroTrustGatewaySettings"
ZONE_SETTING = "cloudflare:index/zoneSetting:ZoneSetting"

_BOUNDARY = ("SOC2:CC6.6", "ISO27001:A.8.20", "NIST:SC-7", "NIST:AC-17")
_HOURS = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


@rule(
    "DOM-TUN-080", "A tunnel's configuration lies in the stack.", TUNNEL, severity="high",
    controls=("SOC2:CC8.1", "ISO27001:A.8.9", "NIST:CM-2", "NIST:CM-3"),
    why="With configSrc `local` a file on the machine says what the tunnel opens: neither this pack nor a review sees it.",
    fix="Set configSrc: cloudflare, and declare a ZeroTrustTunnelCloudflaredConfig.",
)  # fmt: skip
def configured_here(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if resource.get("configSrc", "local") != "cloudflare":
        yield Violation("configSrc", "isn't cloudflare")


@rule(
    "DOM-TUN-081", "A tunnel's secret isn't in the stack.", TUNNEL, CONNECTOR, severity="critical",
    controls=("SOC2:CC6.1", "ISO27001:A.5.17", "NIST:IA-5(7)"),
    why="Whoever has tunnelSecret can stand in for the tunnel; as an input it lies in state, previews and logs.",
    fix="Leave tunnelSecret out: Cloudflare makes one. Put the tunnel's token into the secrets manager by hand.",
)  # fmt: skip
def no_secret(resource: Resource, asked: Asked) -> Iterator[Violation]:
    try:
        given = bool(resource.get("tunnelSecret"))
    except NotKnown:
        given = True  # whatever it will be, it comes through the stack
    if given:
        yield Violation("tunnelSecret", "is given")


@rule(
    "DOM-TUN-082", "A tunnel opens what it names, and nothing else.", CONFIG, severity="high", controls=_BOUNDARY,
    why="A last ingress rule that is a service, or one with a `*` for a host, opens that service under every name of the tunnel.",
    fix="Name a hostname without * in every rule but the last, and make the last one's service http_status:404.",
)  # fmt: skip
def named_hosts(resource: Resource, asked: Asked) -> Iterator[Violation]:
    rules = list(resource.items("config.ingresses"))
    if not rules:
        yield Violation("config.ingresses", "is empty: nothing says what the tunnel opens")
    for number, (at, _) in enumerate(rules, 1):
        if number == len(rules) and not resource.get(f"{at}.hostname"):
            if not resource.get(f"{at}.service", "").startswith("http_status:4"):
                yield Violation(f"{at}.service", "isn't http_status:4xx, and is what all other names get")
        elif "*" in resource.get(f"{at}.hostname", "*"):
            yield Violation(f"{at}.hostname", "is absent or has a *")


@rule(
    "DOM-TUN-083", "What a tunnel opens is behind Access.", CONFIG, severity="critical",
    controls=("SOC2:CC6.1", "SOC2:CC6.6", "ISO27001:A.8.5", "NIST:IA-2", "NIST:AC-17"),
    why="Without it a request that passes Cloudflare by another way, or by a mistake in an application, is served.",
    fix="Set originRequest.access with required: true, teamName and audTags, on the configuration or on each ingress rule.",
)  # fmt: skip
def behind_access(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for at, _ in resource.items("config.ingresses"):
        if resource.get(f"{at}.service", "").startswith("http_status:"):
            continue
        where = f"{at}.originRequest.access"
        found = where if resource.get(where) is not None else "config.originRequest.access"
        if resource.get(f"{found}.required") is not True:
            yield Violation(f"{where}.required", "isn't true")
        elif resource.known(f"{found}.audTags") and not resource.get(f"{found}.audTags"):
            yield Violation(f"{where}.audTags", "names no application")


@rule(
    "DOM-TUN-084", "A tunnel checks who it speaks to behind it.", CONFIG, severity="high",
    controls=("SOC2:CC6.7", "ISO27001:A.8.24", "NIST:SC-8", "NIST:IA-9"),
    why="With noTlsVerify, or plain http to another machine, whoever is on the way reads and answers in the service's place.",
    fix="Use https:// with caPool, or http:// to localhost alone; remove noTlsVerify.",
    parameters={"local": {"type": "array", "items": {"type": "string"}, "default": ["localhost", "127.0.0.1", "[::1]"]}},
)  # fmt: skip
def origin_verified(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if resource.get("config.originRequest.noTlsVerify"):
        yield Violation("config.originRequest.noTlsVerify", "is true")
    for at, _ in resource.items("config.ingresses"):
        if resource.get(f"{at}.originRequest.noTlsVerify"):
            yield Violation(f"{at}.originRequest.noTlsVerify", "is true")
        scheme, _, rest = resource.get(f"{at}.service", "").partition("://")
        if scheme in ("http", "tcp") and not any(
            rest == local or rest.startswith((f"{local}:", f"{local}/")) for local in asked.parameters["local"]
        ):
            yield Violation(f"{at}.service", f"speaks plain {scheme} to another machine")


@rule(
    "DOM-TUN-085", "A tunnel's networks are narrow.", ROUTE, severity="high", controls=(*_BOUNDARY, "NIST:AC-4"),
    why="A route of everything makes the perimeter reachable by each device of the account, and can draw its traffic out.",
    fix="Route the service's own network: at most the size in `widest`.",
    parameters={
        "widest": {"type": "integer", "minimum": 1, "maximum": 32, "default": 24},
        "widest6": {"type": "integer", "minimum": 1, "maximum": 128, "default": 64},
    },
)  # fmt: skip
def narrow(resource: Resource, asked: Asked) -> Iterator[Violation]:
    network = ip_network(resource.get("network"), strict=False)
    widest = asked.parameters["widest" if network.version == 4 else "widest6"]
    if network.prefixlen < widest:
        yield Violation("network", f"is a /{network.prefixlen}, wider than /{widest}")


@rule(
    "DOM-TUN-086", "Access lets in somebody in particular.", POLICY, severity="critical",
    controls=("SOC2:CC6.1", "SOC2:CC6.3", "ISO27001:A.5.15", "NIST:AC-3", "NIST:AC-6"),
    why="`bypass` switches Access off, and `everyone` or any service token is whoever finds the name.",
    fix="Include groups, identity providers' groups or one service token; decide allow or non_identity.",
)  # fmt: skip
def lets_in(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if (decision := resource.get("decision")) == "deny":
        return
    yield from _let_in(resource, "", decision)


def _let_in(resource: Resource, at: str, decision: str) -> Iterator[Violation]:
    """Whom a policy lets in, declared by itself or (`at`) within an application."""
    if decision == "bypass":
        yield Violation(f"{at}decision", "is bypass")
    for each, _ in resource.items(f"{at}includes"):
        for kind in ("everyone", "anyValidServiceToken"):
            if resource.get(f"{each}.{kind}") is not None:
                yield Violation(f"{each}.{kind}", "lets in whoever comes")


@rule(
    "DOM-TUN-087", "An application of Access has policies, and asks again.", APPLICATION, severity="high",
    controls=("SOC2:CC6.1", "ISO27001:A.8.5", "NIST:AC-3", "NIST:AC-17"),
    why="Sessions that last for weeks outlive the right to them; preflight requests that pass by reach the service unjudged.",
    fix="Give `policies`, a sessionDuration of at most `longest_hours`, and no optionsPreflightBypass.",
    parameters={"longest_hours": {"type": "integer", "minimum": 1, "default": 24}},
)  # fmt: skip
def application(resource: Resource, asked: Asked) -> Iterator[Violation]:
    policies = list(resource.items("policies"))
    if not policies:
        yield Violation("policies", "is empty")
    for at, _ in policies:
        if (decision := resource.get(f"{at}.decision")) is not None:
            yield from _let_in(resource, f"{at}.", decision)
    if hours(resource.get("sessionDuration", "24h")) > asked.parameters["longest_hours"]:
        yield Violation("sessionDuration", f"is longer than {asked.parameters['longest_hours']} hours")
    if resource.get("optionsPreflightBypass"):
        yield Violation("optionsPreflightBypass", "is true")


def hours(duration: str) -> float:
    """A duration as Cloudflare writes it (`2h45m`); one that isn't understood, `forever` among them, is endless."""
    found = _HOURS.fullmatch(duration)
    if not duration or not found:
        return float("inf")
    return sum(int(part or 0) / unit for part, unit in zip(found.groups(), (1, 60, 3600), strict=True))


@rule(
    "DOM-TUN-088", "Service tokens end.", SERVICE_TOKEN, severity="medium", controls=("SOC2:CC6.2", "ISO27001:A.5.17", "NIST:IA-5"),
    why="A token that nobody renews is a token that nobody remembers; it works until somebody finds it.",
    fix="Set duration to at most `longest_hours`: 8760h is a year, and what Cloudflare takes when nothing is said.",
    parameters={"longest_hours": {"type": "integer", "minimum": 1, "default": 2160}},
)  # fmt: skip
def tokens_end(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if hours(resource.get("duration", "8760h")) > asked.parameters["longest_hours"]:
        yield Violation("duration", f"is longer than {asked.parameters['longest_hours']} hours")


_KINDS: Mapping[str, Any] = {"dns": "names", "http": "requests", "l4": "connections"}


@rule(
    "DOM-AUD-080", "The gateway records what passes it.", LOGGING, SETTINGS, severity="high",
    controls=("SOC2:CC7.2", "ISO27001:A.8.15", "NIST:AU-2", "NIST:AU-12"),
    why="Blocks alone don't tell what was let out.",
    fix="Set settingsByRuleType.dns, http and l4 to logAll: true, and the settings' activityLog.enabled to true.",
)  # fmt: skip
def recorded(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if resource.is_a(SETTINGS):
        if resource.get("settings.activityLog.enabled") is not True:
            yield Violation("settings.activityLog.enabled", "isn't true")
        return
    for kind, what in _KINDS.items():
        if resource.get(f"settingsByRuleType.{kind}.logAll") is not True:
            yield Violation(f"settingsByRuleType.{kind}.logAll", f"isn't true: {what} that pass aren't recorded")


@rule(
    "DOM-TUN-089", "A zone encrypts to the end, as new clients do.", ZONE_SETTING, severity="medium",
    controls=("SOC2:CC6.7", "ISO27001:A.8.24", "NIST:SC-8", "NIST:SC-13"),
    why="`flexible` and `full` take any certificate or none behind Cloudflare; TLS below 1.2 is broken.",
    fix="Set ssl to strict, min_tls_version to 1.2 or 1.3, and always_use_https to on.",
)  # fmt: skip
def encrypted(resource: Resource, asked: Asked) -> Iterator[Violation]:
    wanted = {"ssl": ("strict", "origin_pull"), "min_tls_version": ("1.2", "1.3"), "always_use_https": ("on",)}
    allowed = wanted.get(resource.get("settingId"))
    if allowed and resource.get("value") not in allowed:
        yield Violation("value", f"of {resource.get('settingId')} isn't {' or '.join(allowed)}")
