"""Several environments in one stack: each with a queue, a key, worker hosts and an egress policy of its own, on one ground."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic.alias_generators import to_camel

from domicile.config.aws import WorkerHosts
from domicile.config.aws.access import OF_ENVIRONMENT
from domicile.config.egress import Egress
from domicile.config.environment import Environment
from domicile.config.faults import Objection
from domicile.config.section import repeated
from domicile.config.worker_host import WorkerHost

if TYPE_CHECKING:
    from domicile.config.perimeter import Declared

FIRST_PORT, LAST_PORT = 10_000, 31_999
"""Of the doors at the egress tier; above them begin the ports that the proxies dial from."""

TIERS, DOORS = 4, 50
"""A balancer has at most 50 listeners and a group of machines 50 target groups, neither of which AWS raises (Elastic Load Balancing and
EC2 Auto Scaling guides: quotas, 2026-11)."""

SUBNET_BITS, KEPT_BY_AWS, ENDPOINTS_AND_BALANCERS = 4, 5, 16
"""A worker subnet is a sixteenth of the VPC; addresses in each that no machine gets."""

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


class ServedEnvironment(Environment):
    """One of several. What it sets takes the place of the stack's `workerHost`, `aws.hosts` or `egress`, whole; unset, those hold."""

    worker_host: WorkerHost | None = Field(None, description="its worker hosts' services and sandboxes; unset: as `workerHost` says")
    hosts: WorkerHosts | None = Field(None, description="its fleet; unset: as `aws.hosts` says")
    egress: Egress | None = Field(None, description="what its sandboxes may reach; unset: as `egress` says")
    tier: int = Field(
        1, ge=1, le=TIERS, description=f"the egress tier that it goes through, with machines of its own for {DOORS} environments"
    )
    port: int | None = Field(
        None, ge=FIRST_PORT, le=LAST_PORT, description="its door at the egress tier; unset: by its name", examples=["10001"]
    )


def door(name: str, served: ServedEnvironment) -> int:
    """The port of an environment's door. It depends on nothing but the name, so that environments come and go without moving others'."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return served.port or FIRST_PORT + number % (LAST_PORT - FIRST_PORT + 1)


def environments_objections(config: Declared) -> Iterator[Objection]:
    """What is wrong with the environments of a stack as a whole."""
    if not config.environments:
        return
    if config.environment is not None:
        allowed = "`environment` or `environments`: a stack serves one environment, or names several"
        yield Objection(("environments",), allowed, "move `environment` below a name into `environments`, or remove one of the two")
    if config.aws is None:
        yield Objection(("environments",), "only with `platform: aws`: a machine serves one", "set `environment`, or make a stack for each")
        return
    if config.control_plane.kind == "aws":
        allowed = "not with `controlPlane.kind: aws`: IAM knows workspaces and no environments: each role could serve every queue"
        yield Objection(("environments",), allowed, "make a stack for each, with a workspace of its own")
    for name in (to_camel(each) for each in OF_ENVIRONMENT if getattr(config.aws.access, each)):
        allowed = f"no `{name}` with `environments`: each has a role of its own, which reads no other's key"
        fix = "remove `workerRole` and `workerInstanceProfile`" if name == "workerRole" else f"remove `{name}`"
        yield Objection(("aws", "access", name), allowed, fix)
    yield from _name_objections(config.environments)
    yield from _once_objections(config.environments)
    yield from _door_objections(config.environments)
    yield from _room_objections(config)


def _name_objections(served: Mapping[str, ServedEnvironment]) -> Iterator[Objection]:
    for name in served:
        if not _NAME.fullmatch(name):
            allowed = "a name of a lower-case letter, then up to 62 letters, digits or hyphens, no hyphen last"
            yield Objection(("environments", name), allowed, "rename it, as in `payments`")


def _once_objections(served: Mapping[str, ServedEnvironment]) -> Iterator[Objection]:
    """Two that served one queue would be one environment with two keys and two policies: whichever is the wider would hold."""
    names = list(served)
    for key in ("id", "name"):
        given = [(name, getattr(served[name], key)) for name in names if getattr(served[name], key)]
        for again, first in repeated([value for _, value in given]):
            allowed = f"each environment of the control plane once: environments.{given[first][0]} is the same"
            yield Objection(("environments", given[again][0], key), allowed, "give it an environment of its own, or remove it")


def _door_objections(served: Mapping[str, ServedEnvironment]) -> Iterator[Objection]:
    names = list(served)
    for again, first in repeated([door(name, served[name]) for name in names]):
        allowed = f"a port of its own at the egress tier: {door(names[again], served[names[again]])} is environments.{names[first]}'s"
        yield Objection(("environments", names[again], "port"), allowed, f"set another from {FIRST_PORT} to {LAST_PORT}")
    for tier, count in sorted(Counter(each.tier for each in served.values()).items()):
        if count > DOORS:
            allowed = f"at most {DOORS} environments in an egress tier, as AWS has it: tier {tier} has {count}"
            fix = f"set `tier: {tier + 1}` for some of them" if tier < TIERS else "move some into a stack of their own"
            yield Objection(("environments",), allowed, fix)


def _room_objections(config: Declared) -> Iterator[Objection]:
    """Each group may be half as large again while its machines are replaced, and functions need addresses too."""
    aws = config.aws
    if aws is None or aws.network.existing is not None:
        return
    size = 1 << (32 - aws.network.cidr.prefixlen - SUBNET_BITS)
    zones = len(aws.zones)
    room = zones * (size - KEPT_BY_AWS - ENDPOINTS_AND_BALANCERS - 2 * len(config.environments))
    needed = sum((3 * (each.hosts or aws.hosts).maximum + 1) // 2 for each in config.environments.values())
    if needed > room:
        allowed = f"worker hosts that find room in {aws.network.cidr}: {max(room, 0)}; while all are replaced it is {needed}"
        yield Objection(("environments",), allowed, "lower `hosts.max` of some, widen `aws.network.cidr`, or move some into another stack")
