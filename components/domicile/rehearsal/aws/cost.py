"""What a stack costs in a month, at three sizes, from what its rehearsal has made and list prices. For the stack's page in `docs/aws`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from domicile.config import PerimeterConfig
from domicile.config.aws import Aws

from ..cloud import Thing

FILE = Path(__file__).with_name("prices.yaml")
SESSIONS = (1, 5, 20)
"""Sessions held at once in an environment, for which an estimate is made."""

PROXY_DISK_GIB = 20


@dataclass(frozen=True)
class Price:
    """One line: so much of something, at so much a unit and month, in US dollars."""

    what: str
    quantity: float
    unit: float

    @property
    def month(self) -> float:
        return self.quantity * self.unit


@cache
def prices() -> Mapping[str, Any]:
    """The price file."""
    found: Mapping[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return found


def of_region(region: str) -> tuple[Mapping[str, Any], str]:
    """A region's prices, and what to say of them; KeyError for a region without."""
    own = prices()["regions"][region]
    if "like" not in own:
        return own, ""
    like, factor = prices()["regions"][own["like"]], own["factor"]
    machines = {name: price * factor for name, price in like["machines"].items()}
    scaled = {name: price * factor for name, price in like.items() if name != "machines"}
    return {**scaled, "machines": machines}, f"estimated as {own['like']}'s times {factor}"


def hosts(config: PerimeterConfig, sessions: int) -> int:
    """Worker hosts for so many sessions of one environment at once, within what is in force for it."""
    fleet = _aws(config).hosts
    return max(fleet.minimum, min(fleet.maximum, math.ceil(sessions / config.worker_host.capacity)), 1)


def estimate(config: PerimeterConfig, things: Iterable[Thing], sessions: int) -> list[Price]:
    """A month with so many sessions held all the time, in each environment of a stack with several."""
    at, _ = of_region(_aws(config).region)
    found, every = list(things), sessions * len(config.served)
    return [line for line in (*_machines(config, at, sessions), *_fixed(found, at), *_traffic(at, every)) if line.quantity]


def _aws(config: PerimeterConfig) -> Aws:
    if config.aws is None:
        raise ValueError("a configuration of platform aws")
    return config.aws


def _machines(config: PerimeterConfig, at: Mapping[str, Any], sessions: int) -> Iterator[Price]:
    for environment, served in config.served.items():
        fleet, whose = _aws(served).hosts, f" of {environment}" if environment else ""
        yield from _fleet("worker hosts", whose, at, (fleet.instance_types[0], hosts(served, sessions), fleet.disk_bytes >> 30))
    proxies = _aws(config).proxies
    yield from _fleet("egress proxies", "", at, (proxies.instance_type, proxies.minimum * len(config.tiers), PROXY_DISK_GIB))


def _fleet(name: str, whose: str, at: Mapping[str, Any], machines: tuple[str, int, int]) -> Iterator[Price]:
    """`machines`: of which kind, how many, and the GiB of each one's disk."""
    kind, count, gib = machines
    yield Price(f"{name}{whose}, {kind}", count, at["machines"][kind] * prices()["hours"])
    yield Price(f"{name}' disks{whose}, GiB of gp3", count * gib, at["gp3_gb_month"])


def _fixed(found: list[Thing], at: Mapping[str, Any]) -> Iterator[Price]:
    hours = prices()["hours"]
    count = {
        kind: sum(thing.token.endswith(f":{kind}") for thing in found) for kind in ("NatGateway", "Eip", "LoadBalancer", "Key", "Secret")
    }
    interfaces = sum(len(t.properties.get("subnetIds") or ()) for t in found if t.token.endswith(":VpcEndpoint"))
    yield Price("NAT gateways", count["NatGateway"], at["nat_hour"] * hours)
    yield Price("public addresses", count["Eip"], at["address_hour"] * hours)
    yield Price("interface endpoints, one a service and zone", interfaces, at["endpoint_hour"] * hours)
    yield Price(
        "internal balancers, with one unit of capacity", count["LoadBalancer"], (at["balancer_hour"] + at["balancer_unit_hour"]) * hours
    )
    yield Price("KMS keys", count["Key"], at["key_month"])
    yield Price("secrets", count["Secret"], at["secret_month"])
    yield Price("alarms", sum(thing.token.endswith(":MetricAlarm") for thing in found), at["alarm_month"])


def _traffic(at: Mapping[str, Any], sessions: int) -> Iterator[Price]:
    assumed = prices()["assumed"]
    yield Price("GB out, through NAT to the internet", sessions * assumed["sessions_gb_out"], at["nat_gb"] + at["out_gb"])
    yield Price("GB through endpoints", sessions * assumed["sessions_gb_endpoints"], at["endpoint_gb"])
    yield Price("GB of flow and query logs", sessions * assumed["sessions_gb_logs"], at["logs_gb"])
    yield Price("GB of new records in the archive", sessions * assumed["sessions_gb_archive"], at["s3_gb_month"])
