"""What a stack declares: the allowlist that its egress is held against. From the stack's configuration, or by the rule's parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from domicile.residency import AWS_URL, FIXED_URLS
from domicile_policies.resource import Resource
from domicile_policies.rule import Asked

HTTPS = 443
Target = tuple[str, int]
"""Host and port; the host may be `*.` and a domain."""


@dataclass(frozen=True)
class Declared:
    """`hosts` are for sandboxes; `beside` is what worker hosts need for themselves: control plane and sinks."""

    hosts: frozenset[Target] = frozenset()
    beside: frozenset[Target] = frozenset()
    names: frozenset[str] = frozenset()
    """Hosts that other machines of the stack look up, and no sandbox: MCP servers behind a tunnel."""
    accounts: frozenset[str] = frozenset()
    """Numbers of the accounts whose things data may be written to."""
    sandboxes: tuple[str, ...] = ()
    """Names of the resources that run sandboxes, as patterns; none: what is under Domicile's own worker hosts."""
    pods: Mapping[str, str] | None = None
    """Labels of the pods that are sandboxes; none: those that bear Domicile's own."""
    doors: tuple[Mapping[str, str], ...] = ()
    """Labels of pods that sandboxes may reach: proxies, and resolvers that guard names themselves."""
    unseen: Mapping[str, str] | None = None
    """Ids of what isn't in the stack (a subnet, a group) that somebody answers for: pattern → reason."""
    locks: int = 2
    """How many guards must stand before each undeclared way."""
    environments: Mapping[str, frozenset[Target]] | None = None
    """Of a stack that serves several environments the hosts of each; `hosts` then has those of all."""

    def of(self, resource: Resource) -> Declared:
        """What holds for the sandboxes that a resource runs: of several environments those of its own, which its name begins with."""
        if self.environments is None:
            return self
        return replace(self, hosts=self.environments.get(resource.name.partition("/")[0], frozenset()))

    def answered(self, identity: str) -> str:
        """The reason why something outside the stack is taken for closed; empty if nobody answers for it."""
        return next((reason for pattern, reason in (self.unseen or {}).items() if fnmatchcase(identity, pattern)), "")

    def allows(self, host: str, port: int, *, machines: bool = False) -> bool:
        """Whether a host (or a pattern of hosts) and port are declared; for the machines themselves too, with what is beside."""
        targets = self.hosts | self.beside if machines else self.hosts
        return any(port == each_port and covers(each, host) for each, each_port in targets)

    def allows_name(self, name: str) -> bool:
        """Whether a DNS name is that of a declared host."""
        return any(covers(each, name) for each in (*(host for host, _ in self.hosts | self.beside), *self.names))


def covers(declared: str, host: str) -> bool:
    """`*.example.com` covers every name below, and no other pattern than one below it."""
    declared, host = declared.lower(), host.lower().rstrip(".")
    return declared == host or (declared.startswith("*.") and host.endswith(declared[1:]))


def declared(asked: Asked) -> Declared:
    """The stack's own declaration, with what the parameters add."""
    config, given = asked.config, asked.parameters
    aws = _section(config, "aws")
    accounts = {str(each) for each in (aws.get("account"), *given.get("accounts", ())) if each}
    extra = {(str(each["host"]), int(each.get("port", HTTPS))) for each in given.get("allow", ())}
    common = _rules(_section(config, "egress")) | extra
    environments = {
        name: frozenset(_rules(each["egress"]) | extra if each.get("egress") else common)
        for name, each in _section(config, "environments").items()
    }
    return Declared(
        hosts=frozenset().union(*environments.values()) if environments else frozenset(common),
        environments=environments or None,
        beside=frozenset(_beside(config)),
        names=frozenset(str(each.get("host")) for each in (aws.get("tunnel") or {}).get("servers", ())),
        accounts=frozenset(accounts),
        sandboxes=tuple(given.get("sandboxes", ())),
        pods=given.get("pods") or None,
        doors=tuple(given.get("doors", ())),
        unseen={str(each["id"]): str(each["reason"]) for each in given.get("unseen", ())},
        locks=int(given.get("locks", 2)),
    )


def _rules(egress: Mapping[str, Any]) -> set[Target]:
    return {(str(rule.get("host", "")), int(rule.get("port", HTTPS))) for rule in egress.get("rules", ())}


def _beside(config: Mapping[str, str]) -> Iterator[Target]:
    plane = _section(config, "controlPlane")
    fixed = AWS_URL.format(region=plane.get("region")) if plane.get("kind") == "aws" else FIXED_URLS.get(str(plane.get("kind")), "")
    url = str(plane.get("url") or fixed)
    sinks = (str(sink.get("url", "")) for sink in _section(config, "audit").get("sinks", ()))
    for each in (url, *sinks):
        parts = urlsplit(each)
        if parts.hostname:
            yield parts.hostname, parts.port or (HTTPS if parts.scheme == "https" else 80)


def _section(config: Mapping[str, str], name: str) -> Mapping[str, Any]:
    text = config.get(f"domicile:{name}")
    found = json.loads(text) if isinstance(text, str) and text.startswith("{") else text
    return found if isinstance(found, Mapping) else {}
