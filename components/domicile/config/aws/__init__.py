"""What a stack says with `platform: aws`: the section `domicile:aws`, one file a subject."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from domicile.config.aws.access import BROUGHT, PROFILES, Access
from domicile.config.aws.egress_proxies import EgressProxies
from domicile.config.aws.identifiers import Account, RegionName, arn_account, arn_region
from domicile.config.aws.images import Images
from domicile.config.aws.network import AwsNetwork, ExistingVpc
from domicile.config.aws.records import Alarms, Retention
from domicile.config.aws.scaling import Scaling
from domicile.config.aws.tunnel import McpServer, Tunnel
from domicile.config.aws.worker_hosts import WarmPool, WorkerHosts
from domicile.config.faults import Objection, refuse
from domicile.config.section import Section
from domicile.residency import REGIONS

__all__ = [
    "Access", "Alarms", "Aws", "AwsNetwork", "EgressProxies", "ExistingVpc", "Images", "McpServer", "Retention", "Scaling", "Tunnel",
    "WarmPool", "WorkerHosts",
]  # fmt: skip


class Aws(Section):
    """One account, one region."""

    region: RegionName = Field(description="the region of everything in this stack", examples=["ap-northeast-1"])
    account: Account = Field(description="the account; any other's credentials are refused", examples=['"111122223333"'])
    access: Access = Field(description="administrators, and what is brought along")
    network: AwsNetwork = Field(AwsNetwork(), description="the VPC")
    images: Images | None = Field(None, description="what the machines run; unset: none yet, only the registry to push the images to")
    hosts: WorkerHosts = Field(WorkerHosts(), description="the fleet of worker hosts")
    scaling: Scaling = Field(Scaling(), description="how the fleet follows the work")
    proxies: EgressProxies = Field(EgressProxies(), description="the egress tier")
    retention: Retention = Field(Retention(), description="how long records are kept")
    alarms: Alarms = Field(Alarms(), description="whom alarms reach, and when")
    tunnel: Tunnel | None = Field(None, description="the MCP tunnel; unset: none")
    tags: dict[str, str] = Field({}, description="tags on everything, beside those that the product sets")

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones' names."""
        region = REGIONS[self.region]
        return tuple(region.zone(letter) for letter in self.network.zones or region.zones[:2])

    @property
    def tunnel_instance_type(self) -> str:
        """Of the tunnel's hosts, where there is one."""
        return (self.tunnel and self.tunnel.instance_type) or self.proxies.instance_type

    @property
    def resolver(self) -> IPv4Address:
        """The VPC's DNS server: the network's address plus two (VPC guide: DNS attributes)."""
        return self.network.cidr.network_address + 2

    @model_validator(mode="after")
    def _fits_together(self) -> Aws:
        refuse([*self._zone_objections(), *self._arn_objections(), *self._tag_objections(), *self._scaling_objections()])
        return self

    def _scaling_objections(self) -> Iterator[Objection]:
        if self.scaling.webhook and self.images is None:
            allowed = "only with `images`: a webhook wakes worker hosts, and there are none yet"
            yield Objection(("scaling", "webhook"), allowed, "set `images` too, or remove `webhook`")

    def _zone_objections(self) -> Iterator[Objection]:
        known = REGIONS[self.region].zones
        for place, letter in enumerate(self.network.zones):
            if letter not in known:
                allowed = f"a zone of {self.region} that new accounts can use: " + ", ".join(known)
                yield Objection(("network", "zones", place), allowed, f"write for example `[{known[0]}, {known[1]}]`")

    def _arn_objections(self) -> Iterator[Objection]:
        access = self.access
        given = [(("access", "administrators", place), arn) for place, arn in enumerate(access.administrators)]
        single = ("deployer", "encryption_key", "permissions_boundary", *BROUGHT.values(), *PROFILES.values())
        given_singly = [(("access", to_camel(name)), arn) for name in single if (arn := getattr(access, name))]
        for at, arn in [*given, *given_singly]:
            if arn_account(arn) != self.account:
                yield Objection(at, f"an ARN of this stack's account {self.account}", "name one of that account, or correct `account`")
        if access.encryption_key and arn_region(access.encryption_key) != self.region:
            yield Objection(("access", "encryptionKey"), f"a key in this stack's region {self.region}", "name a key of that region")

    def _tag_objections(self) -> Iterator[Objection]:
        for name, value in self.tags.items():
            if not 1 <= len(name) <= 128 or len(value) > 256 or name.lower().startswith(("aws:", "domicile:")):
                allowed = "a name of 1 to 128 characters that doesn't begin with `aws:` or `domicile:`, and at most 256 of value"
                yield Objection(("tags", name), allowed, "rename or shorten it")
        if len(self.tags) > 40:
            yield Objection(("tags",), "at most 40: AWS allows 50, ten are the product's", "remove some")
