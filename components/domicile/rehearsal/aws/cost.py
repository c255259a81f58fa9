"""What a stack costs in a month, at three sizes, from what its rehearsal has made and list prices. For the stack's page in `docs/aws`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domicile.config import PerimeterConfig
from domicile.config.aws import Aws, WorkerHosts

from ..cloud import Thing
from .prices import Rate, prices, rate

SESSIONS = (1, 5, 20)
"""Sessions held at once in an environment, for which an estimate is made."""


@dataclass(frozen=True)
class Price:
    """One line: so much of something, at so much a unit. All of a line's rates are for the same."""

    what: str
    quantity: float
    rates: tuple[Rate, ...]

    @property
    def month(self) -> float:
        """US dollars."""
        return self.quantity * sum(each.usd * (prices().hours if each.per == "an hour" else 1) for each in self.rates)


@dataclass(frozen=True)
class Machines:
    """Machines of one kind, running all the time."""

    name: str
    kind: str
    count: int
    disk_gib: int


def hosts(config: PerimeterConfig, sessions: int) -> int:
    """Worker hosts for so many sessions of one environment at once, within what is in force for it."""
    fleet = _aws(config).hosts
    return max(fleet.minimum, min(fleet.maximum, math.ceil(sessions / config.worker_host.capacity)), 1)


def kept_ready(fleet: WorkerHosts, running: int) -> int:
    """Stopped machines in a warm pool: AWS keeps as many as bring the group to its maximum, and its minimum size at least (PutWarmPool in
    botocore 1.44.5, `MaxGroupPreparedCapacity`)."""
    return max(fleet.warm_pool.size, fleet.maximum - running) if fleet.warm_pool else 0


def estimate(config: PerimeterConfig, things: Iterable[Thing], sessions: int) -> list[Price]:
    """A month with so many sessions held all the time, in each environment of a stack with several. Raises NoPriceError."""
    region, every = _aws(config).region, sessions * len(config.served)
    lines = (*_machines(config, sessions), *_fixed(list(things), region), *_traffic(region, every))
    return [line for line in lines if line.quantity]


def _aws(config: PerimeterConfig) -> Aws:
    if config.aws is None:
        raise ValueError("a configuration of platform aws")
    return config.aws


def _machines(config: PerimeterConfig, sessions: int) -> Iterator[Price]:
    region = _aws(config).region
    for environment, served in config.served.items():
        fleet, whose, running = _aws(served).hosts, f" of {environment}" if environment else "", hosts(served, sessions)
        gib = fleet.disk_bytes >> 30
        yield from _running(region, Machines("worker hosts", fleet.instance_types[0], running, gib), whose)
        yield _disks(region, f"warm pool's disks{whose}", kept_ready(fleet, running) * gib)
    for machines in _beside(config):
        yield from _running(region, machines)


def _beside(config: PerimeterConfig) -> Iterator[Machines]:
    """What a stack has whatever its sessions are."""
    from domicile.egress_proxy.aws.machines import DISK_GIB

    aws = _aws(config)
    yield Machines("egress proxies", aws.proxies.instance_type, aws.proxies.minimum * len(config.tiers), DISK_GIB)
    if aws.tunnel:
        from domicile.mcp_tunnel import aws as hosts_of_tunnel

        yield Machines("tunnel hosts", aws.tunnel_instance_type, hosts_of_tunnel.HOSTS, hosts_of_tunnel.DISK_GIB)


def _running(region: str, machines: Machines, whose: str = "") -> Iterator[Price]:
    yield Price(f"{machines.name}{whose}, {machines.kind}", machines.count, (rate(region, machines.kind),))
    yield _disks(region, f"{machines.name}' disks{whose}", machines.count * machines.disk_gib)


def _disks(region: str, what: str, gib: int) -> Price:
    return Price(f"{what}, GiB of gp3", gib, (rate(region, "gp3_gb_month"),))


def _fixed(found: list[Thing], region: str) -> Iterator[Price]:
    interfaces = sum(len(t.properties.get("subnetIds") or ()) for t in found if t.token.endswith(":VpcEndpoint"))
    balancer = (rate(region, "balancer_hour"), rate(region, "balancer_unit_hour"))
    yield Price("NAT gateways", _count(found, "NatGateway"), (rate(region, "nat_hour"),))
    yield Price("public addresses", _count(found, "Eip"), (rate(region, "address_hour"),))
    yield Price("interface endpoints, one a service and zone", interfaces, (rate(region, "endpoint_hour"),))
    yield Price("internal balancers, with one unit of capacity", _count(found, "LoadBalancer"), balancer)
    yield Price("KMS keys", _count(found, "Key"), (rate(region, "key_month"),))
    yield Price("secrets", _count(found, "Secret"), (rate(region, "secret_month"),))
    yield Price("alarms", _count(found, "MetricAlarm"), (rate(region, "alarm_month"),))


def _count(found: list[Thing], kind: str) -> int:
    return sum(thing.token.endswith(f":{kind}") for thing in found)


def _traffic(region: str, sessions: int) -> Iterator[Price]:
    assumed = prices().assumed
    out = (rate(region, "nat_gb"), rate(region, "out_gb"))
    yield Price("GB out, through NAT to the internet", sessions * assumed.sessions_gb_out, out)
    yield Price("GB through endpoints", sessions * assumed.sessions_gb_endpoints, (rate(region, "endpoint_gb"),))
    yield Price("GB of flow and query logs", sessions * assumed.sessions_gb_logs, (rate(region, "logs_gb"),))
    yield Price("GB of new records in the archive", sessions * assumed.sessions_gb_archive, (rate(region, "s3_gb_month"),))
