"""What a proof says: the ways that are allowed, the findings, and what was assumed. Made by `prove`, shown by `show` and the rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from domicile_policies.resource import Resource

Kind = Literal["open", "one-lock", "entrance", "undecided"]
KINDS: Mapping[Kind, str] = {
    "open": "there is a way to it, and it isn't declared",
    "one-lock": "one guard alone stands before a way to it",
    "entrance": "others than worker hosts can use the way out",
    "undecided": "it can't be told whether there is a way",
}


@dataclass(frozen=True)
class Hop:
    """One step: what is passed, and by what it is let through. `resource` is None for what the stack has no resource of."""

    at: str
    by: str = ""
    resource: Resource | None = None

    def __str__(self) -> str:
        return f"{self.at} ({self.by})" if self.by else self.at


def told(resource: Resource) -> str:
    """A resource as people name it: `securityGroup egress-proxies`."""
    kind = resource.type.rpartition(":")[2]
    return f"{kind[:1].lower()}{kind[1:]} {resource.name}"


def hop(resource: Resource, by: str = "") -> Hop:
    return Hop(told(resource), by, resource)


@dataclass(frozen=True)
class Way:
    """Hops from the sandbox to a destination: `internet: packages.example.com:443`."""

    to: str
    hops: tuple[Hop, ...]
    note: str = ""

    def __str__(self) -> str:
        return " → ".join([*map(str, self.hops), self.to])

    def as_json(self) -> dict[str, Any]:
        hops = [{"at": h.at, "by": h.by, "urn": h.resource.urn if h.resource else ""} for h in self.hops]
        return {"to": self.to, "hops": hops, **({"note": self.note} if self.note else {})}


@dataclass(frozen=True)
class Finding:
    """A way that mustn't be, or that can't be decided. `resource` and `path` are where to mend it."""

    kind: Kind
    way: Way
    because: str
    resource: Resource
    path: str = ""

    def __str__(self) -> str:
        return f"{self.because}: {self.way}"

    def as_json(self) -> dict[str, Any]:
        where = {"resource": self.resource.name, "type": self.resource.type, "urn": self.resource.urn, "path": self.path}
        return {"kind": self.kind, "because": self.because, **where, **self.way.as_json()}


@dataclass(frozen=True)
class Assumption:
    """What the proof couldn't look into, and what guards it."""

    that: str
    guard: str

    def as_json(self) -> dict[str, str]:
        return {"that": self.that, "guard": self.guard}


@dataclass
class Proof:
    """Collected while the graph is walked; each thing once."""

    allowed: list[Way] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.findings

    def allow(self, way: Way) -> None:
        """Each way once; there may be several to one destination."""
        if str(way) not in {str(each) for each in self.allowed}:
            self.allowed.append(way)

    def find(self, kind: Kind, because: str, hops: Iterable[Hop], to: str, resource: Resource, path: str = "") -> None:
        """Once for what is wrong and where: the first way to it stands for all."""
        key = (kind, because, to, resource.urn, path)
        if key not in {(each.kind, each.because, each.way.to, each.resource.urn, each.path) for each in self.findings}:
            self.findings.append(Finding(kind, Way(to, tuple(hops)), because, resource, path))

    def assume(self, that: str, guard: str) -> None:
        found = Assumption(that, guard)
        if found not in self.assumptions:
            self.assumptions.append(found)

    def as_json(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "allowed": [each.as_json() for each in self.allowed],
            "findings": [each.as_json() for each in self.findings],
            "assumptions": [each.as_json() for each in self.assumptions],
        }
