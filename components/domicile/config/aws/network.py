"""The VPC: its own, or one that is there already."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Literal

from pydantic import Field, model_validator

from domicile.config.aws.identifiers import SubnetId, VpcId
from domicile.config.faults import Objection, refuse
from domicile.config.section import Section, WholeNetwork, repeated

ZoneLetter = Literal["a", "b", "c", "d", "e", "f"]
PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""RFC 1918. Shared space (100.64.0.0/10) is left to the sandboxes' links."""


class ExistingVpc(Section):
    """A VPC and subnets of your own. Their routes stay yours: the worker subnets must have none to the internet."""

    vpc: VpcId = Field(description="the VPC", examples=["vpc-0123456789abcdef0"])
    worker_subnets: tuple[SubnetId, ...] = Field(description="subnets without a route to the internet, one a zone, for worker hosts")
    worker_route_tables: tuple[str, ...] = Field(
        description="their route tables, to which the S3 gateway endpoint is added", examples=["[rtb-0123456789abcdef0]"]
    )
    egress_subnets: tuple[SubnetId, ...] = Field(description="subnets with a route through a NAT gateway, one a zone, for egress proxies")

    @model_validator(mode="after")
    def _fits_together(self) -> ExistingVpc:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        for name, given in (("workerSubnets", self.worker_subnets), ("egressSubnets", self.egress_subnets)):
            if len(given) < 2:
                yield Objection((name,), "at least two subnets, in different zones", "name one subnet a zone")
            for again, first in repeated(given):
                yield Objection((name, again), "each subnet once", f"remove it: {name}[{first}] is the same")
        if shared := set(self.worker_subnets) & set(self.egress_subnets):
            yield Objection(
                ("egressSubnets",), "other subnets than the worker hosts'", f"give egress proxies subnets apart from {min(shared)}"
            )
        if not self.worker_route_tables:
            yield Objection(("workerRouteTables",), "at least one route table", "name the worker subnets' route tables, `rtb-…`")


class AwsNetwork(Section):
    """Where the perimeter's machines are."""

    cidr: WholeNetwork = Field(
        IPv4Network("10.64.0.0/16"), description="the VPC's addresses, the existing one's too", examples=["10.64.0.0/16"]
    )
    zones: tuple[ZoneLetter, ...] = Field((), description="letters of the zones to use; none: the region's first two")
    existing: ExistingVpc | None = Field(None, description="a VPC and subnets of your own; unset: the stack makes them")
    session_manager: bool = Field(
        False,
        description="endpoints, names and rights for SSM Session Manager, to look into a machine; its agent is not in Fedora CoreOS: set a "
        "`hosts.machineImage` that has it",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> AwsNetwork:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        if not any(self.cidr.subnet_of(network) for network in PRIVATE):
            yield Objection(("cidr",), "a network inside " + ", ".join(map(str, PRIVATE)), "take one that your networks leave free")
        elif not 16 <= self.cidr.prefixlen <= 22:
            yield Objection(("cidr",), "a /16 to /22: AWS allows none wider, and narrower has no room for the zones' subnets", "take a /16")
        if len(self.zones) == 1 or len(self.zones) > 4:
            yield Objection(("zones",), "two to four zones", "name two, or remove `zones` for the region's first two")
        for again, first in repeated(self.zones):
            yield Objection(("zones", again), "each zone once", f"remove it: zones[{first}] is the same")
