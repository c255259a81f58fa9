"""A picture of an applied stack, in Mermaid: what its rehearsal has made, and what leads where. For the stack's page in `docs/aws`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ..cloud import Thing

_TIERS = {
    "worker": "worker subnets: no route out",
    "egress": "egress subnets: routes through NAT",
    "public": "public subnets: NAT gateways",
}
_BESIDE = {
    "Key": "KMS key", "Secret": "secret", "Bucket": "bucket", "Repository": "repository", "LogGroup": "log group", "Topic": "topic",
    "Function": "function", "Queue": "queue", "Api": "HTTP API", "Alias": "",
}  # fmt: skip
_PARTS = {
    "Vpc", "Subnet", "NatGateway", "VpcEndpoint", "LoadBalancer", "Group", *(kind for kind, label in _BESIDE.items() if label),
}  # fmt: skip


def picture(things: Iterable[Thing], region: str) -> list[str]:
    """The lines of a Mermaid flow chart."""
    found = sorted(things, key=lambda thing: (thing.token, thing.name))
    lines = ["flowchart LR", '  anthropic(["Anthropic control plane"])', '  internet(["hosts of the egress policy"])']
    lines += [f'  subgraph region["{region}"]', '    subgraph vpc["VPC"]', *_inside(found), "    end", *_beside(found), "  end"]
    return [*lines, *_ways(found)]


def counts(things: Iterable[Thing]) -> list[tuple[str, int]]:
    """How many of each type there are that the picture doesn't show."""
    kinds = Counter(kind for thing in things if (kind := _kind(thing)) not in _PARTS)
    return sorted(kinds.items())


def _kind(thing: Thing) -> str:
    return thing.token.rpartition(":")[2]


def _of(found: list[Thing], kind: str) -> list[Thing]:
    return [thing for thing in found if _kind(thing) == kind]


def _inside(found: list[Thing]) -> Iterator[str]:
    subnets = _of(found, "Subnet")
    for tier, label in _TIERS.items():
        zones = sorted(str(s.properties.get("availabilityZone")) for s in subnets if s.name.startswith(f"{tier}-"))
        if zones:
            yield f'      {tier}["{label}<br/>{", ".join(zones)}"]'
    interfaces = sorted(thing.name for thing in _of(found, "VpcEndpoint"))
    if interfaces:
        yield f'      endpoints["VPC endpoints, closed to own roles and things<br/>{", ".join(interfaces)}"]'
    for balancer in _of(found, "LoadBalancer"):
        yield f'      balancer-{balancer.name}["{"internal " if balancer.properties.get("internal") else ""}balancer {balancer.name}"]'
    for group in _of(found, "Group"):
        sizes = f"{group.properties.get('minSize')} to {group.properties.get('maxSize')}"
        yield f'      group-{_id(group.name)}["{group.name}<br/>{sizes} machines"]'


def _beside(found: list[Thing]) -> Iterator[str]:
    for kind, label in _BESIDE.items():
        names = [thing.name for thing in _of(found, kind)]
        if names and label:
            several = (label.removesuffix("y") + "ies" if label.endswith("ry") else f"{label}s") if len(names) > 1 else label
            yield f'    {kind.lower()}["{several}: {", ".join(names)}"]'


def _ways(found: list[Thing]) -> Iterator[str]:
    """Who may speak to whom, as subnets, endpoints and balancers have it."""
    groups = {group.name for group in _of(found, "Group")}
    for group in sorted(groups):
        yield f"  {'egress' if 'egress' in group else 'worker'} --- group-{_id(group)}"
    for balancer in _of(found, "LoadBalancer"):
        yield f"  worker -->|3128| balancer-{balancer.name} --> egress"
    if _of(found, "VpcEndpoint"):
        yield "  worker -->|443| endpoints"
        for kind in ("Key", "Secret", "Bucket", "Repository", "LogGroup"):
            if _of(found, kind):
                yield f"  endpoints --> {kind.lower()}"
    if _of(found, "NatGateway"):
        yield "  egress -->|policy again| public --> internet"
        yield "  public --> anthropic"


def _id(name: str) -> str:
    """A node's: of several environments each has a group of the same noun."""
    return name.replace("/", "-")
