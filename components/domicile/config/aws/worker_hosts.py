"""The fleet of worker hosts: which machines, how many, how they are paid for and for how long each lives."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from domicile.config.aws.identifiers import InstanceType, MachineImageId
from domicile.config.faults import Objection, refuse
from domicile.config.section import Duration, Section, Size, repeated

DAY_SECONDS = 86_400


class WarmPool(Section):
    """Machines that are stopped after their first start, and serve within seconds instead of minutes."""

    size: int = Field(1, ge=1, le=50, description="at least so many are kept ready; AWS keeps more while fewer than `max` run")


class WorkerHosts(Section):
    """Machines of one kind behind one autoscaling group."""

    instance_types: tuple[InstanceType, ...] = Field(
        ("m7i.2xlarge",), description="in the order of preference; more than one finds capacity sooner"
    )
    machine_image: MachineImageId | None = Field(
        None, description="a Fedora CoreOS image; unset: the stable stream's newest of the region at the time of `up`"
    )
    minimum: int = Field(1, alias="min", ge=0, le=1000, description="machines at least")
    maximum: int = Field(4, alias="max", ge=1, le=1000, description="machines at most")
    on_demand_base: int = Field(1, ge=0, le=1000, description="machines that are never spot")
    on_demand_percent: int = Field(100, ge=0, le=100, description="share of on-demand machines above the base; the rest is spot")
    lifetime_seconds: Duration = Field(7 * DAY_SECONDS, description="after which a machine is replaced; AWS allows 1 to 365 days")
    drain_seconds: Duration = Field(
        3600, ge=60, le=7200, description="how long a machine may finish its sessions; AWS's lifecycle hook allows 2 h"
    )
    disk_bytes: Size = Field(100 << 30, ge=20 << 30, le=16 << 40, description="root volume (encrypted gp3), sandboxes' workspaces included")
    warm_pool: WarmPool | None = Field(None, description="stopped machines kept ready; not with spot")

    @model_validator(mode="after")
    def _fits_together(self) -> WorkerHosts:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        if not self.instance_types:
            yield Objection(("instanceTypes",), "at least one instance type", "set for example `[m7i.2xlarge]`")
        for again, first in repeated(self.instance_types):
            yield Objection(("instanceTypes", again), "each type once", f"remove it: instanceTypes[{first}] is the same")
        if self.minimum > self.maximum:
            yield Objection(("min",), f"at most `max`, {self.maximum}", f"set `min` to {self.maximum} or less, or raise `max`")
        if self.on_demand_base > self.maximum:
            yield Objection(("onDemandBase",), f"at most `max`, {self.maximum}", f"set `onDemandBase` to {self.maximum} or less")
        if not DAY_SECONDS <= self.lifetime_seconds <= 365 * DAY_SECONDS:
            yield Objection(("lifetime",), "1d to 365d, as AWS allows", "set `lifetime: 7d`")
        if self.disk_bytes % (1 << 30):
            yield Objection(("disk",), "whole GiB: EBS volumes have no smaller unit", "set for example `disk: 100GiB`")
        if self.warm_pool and (self.on_demand_percent < 100 or len(self.instance_types) > 1):
            allowed = "no warm pool with spot or several instance types: AWS refuses it with a mixed instances policy"
            yield Objection(("warmPool",), allowed, "set `onDemandPercent: 100` and one instance type, or remove `warmPool`")

    @property
    def mixed(self) -> bool:
        """Whether the group needs a mixed instances policy."""
        return self.on_demand_percent < 100 or len(self.instance_types) > 1
