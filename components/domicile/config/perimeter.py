"""The whole configuration of one stack: what its YAML declares, and what is in force once the defaults that depend on it are filled in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from domicile.config.audit import Audit
from domicile.config.aws import Aws
from domicile.config.control_plane import ControlPlane
from domicile.config.egress import Egress
from domicile.config.environment import Environment
from domicile.config.environments import ServedEnvironment, environments_objections
from domicile.config.faults import ConfigRefusedError, Objection, Step, path_text, refuse
from domicile.config.network import Network
from domicile.config.residency import Residency, residency_objections
from domicile.config.retain import Retain
from domicile.config.section import Section
from domicile.config.worker_host import WorkerHost
from domicile.residency import Jurisdiction

LATER_PLATFORMS = ("cloudflare", "kubernetes")
"""Platforms of the design that this version doesn't build yet."""

MACHINE_IMAGE_RUNTIMES = ("crun", "runc")
"""What Fedora CoreOS brings along."""


class Declared(Section):
    """What a stack's configuration says: the keys `domicile:<key>` of `stacks/Pulumi.<stack>.yaml`."""

    platform: Literal["local", "aws"] = Field("local", description="where the perimeter is built")
    jurisdiction: Jurisdiction = Field(description="where data may lie, one of jp, eu, ae, bh, us …", examples=["jp"])
    environment: Environment | None = Field(None, description="the environment served; the stand-in makes its own if unset")
    environments: dict[str, ServedEnvironment] = Field({}, description="with `platform: aws`: several, by names of the stack's own")
    control_plane: ControlPlane = Field(ControlPlane.model_validate({"kind": "stand-in"}), description="the work queue's endpoint")
    worker_host: WorkerHost = Field(WorkerHost(), description="the worker host and its sandboxes")
    network: Network = Field(Network(), description="addresses inside the perimeter")
    egress: Egress = Field(Egress(), description="what sandboxes may reach")
    audit: Audit = Field(Audit(), description="what is recorded and where it goes")
    retain: Retain = Field(Retain(), description="what stays when the stack is destroyed")
    residency: Residency = Field(Residency(), description="where endpoints lie, and what may lie elsewhere until when")
    aws: Aws | None = Field(None, description="with `platform: aws`: the account, the region, and what is built there")

    @property
    def private_control_plane(self) -> bool:
        """Whether the control plane is reached through an endpoint in the region's own network."""
        plane = self.control_plane
        if plane.kind != "aws" or self.aws is None:
            return False
        return plane.region == self.aws.region if plane.private_link is None else plane.private_link

    @property
    def urls_outside(self) -> tuple[str, ...]:
        """What worker hosts themselves reach beyond their region's own network: the control plane, the sinks."""
        plane = () if self.private_control_plane else (self.control_plane.url,)
        return (*plane, *(sink.url for sink in self.audit.sinks))

    @field_validator("platform", mode="before")
    @classmethod
    def _built_yet(cls, value: object) -> object:
        if value in LATER_PLATFORMS:
            raise ConfigRefusedError(Objection((), f"local or aws: {value} is not in this version", "set `platform: local`"))
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Declared:
        refuse(self._platform_objections())
        refuse([*self._environment_objections(), *environments_objections(self), *self._objections_of_each()])
        refuse(residency_objections(self))
        return self

    def _objections_of_each(self) -> Iterator[Objection]:
        """Of the stack's own sections, and of what each environment has in their place."""
        yield from self._section_objections((), self.worker_host, self.egress)
        for name, each in self.environments.items():
            yield from self._section_objections(("environments", name), each.worker_host, each.egress)

    def _section_objections(self, at: tuple[Step, ...], host: WorkerHost | None, egress: Egress | None) -> Iterator[Objection]:
        if host is not None:
            yield from self._runtime_objections(at, host)
            yield from self._room_objections(at, host)
        if egress is not None:
            yield from self._door_objections(at, egress)
            yield from self._resolver_objections(at, egress)

    def _platform_objections(self) -> Iterator[Objection]:
        if self.control_plane.kind == "aws" and self.platform != "aws":
            allowed = "with `platform: aws` only: requests are signed with a machine's role"
            yield Objection(("controlPlane", "kind"), allowed, "set `platform: aws`, or `controlPlane: {kind: anthropic}`")
        if self.platform == "local":
            if self.aws is not None:
                yield Objection(("aws",), "no `aws` with `platform: local`", "set `platform: aws`, or remove `aws`")
        elif self.aws is None:
            yield Objection(("aws",), "required with `platform: aws`", "set `domicile:aws: {region: …, account: …, access: …}`")
        else:
            yield from self._aws_objections(self.aws)

    def _aws_objections(self, aws: Aws) -> Iterator[Objection]:
        if self.control_plane.kind == "stand-in":
            yield Objection(("controlPlane", "kind"), "a control plane that the region can reach", "set `controlPlane: {kind: anthropic}`")
        if self.control_plane.kind == "aws":
            yield from self._claude_platform_objections(aws)
        if self.network.sandbox_range.overlaps(aws.network.cidr):
            allowed = f"a range apart from the VPC's {aws.network.cidr}"
            yield Objection(("network", "sandboxRange"), allowed, "remove `sandboxRange` for 100.96.0.0/16, or move `aws.network.cidr`")

    def _claude_platform_objections(self, aws: Aws) -> Iterator[Objection]:
        """What Claude Platform on AWS hasn't (platform.claude.com, 2026-08), and what this stack does there by id only."""
        plane = self.control_plane
        if plane.private_link and plane.region != aws.region:
            allowed = f"only for a workspace in this stack's region {aws.region}: a service's endpoint is in its own region"
            yield Objection(("controlPlane", "privateLink"), allowed, "remove it: the workspace is then reached through the egress tier")
        if aws.tunnel is not None:
            yield Objection(("aws", "tunnel"), "no MCP tunnel: Claude Platform on AWS has none", "remove `tunnel`")
        if self.environment and self.environment.name is not None:
            allowed = "no `name`: at Claude Platform on AWS an environment is made in the Console"
            yield Objection(("environment", "name"), allowed, "remove `name`, and set `id`")

    def _runtime_objections(self, at: tuple[Step, ...], host: WorkerHost) -> Iterator[Objection]:
        if self.aws is not None and host.runtime not in MACHINE_IMAGE_RUNTIMES:
            allowed = "a runtime that the machine image has: " + ", ".join(MACHINE_IMAGE_RUNTIMES)
            yield Objection((*at, "workerHost", "runtime"), allowed, f"set `runtime: {MACHINE_IMAGE_RUNTIMES[0]}`")

    def _environment_objections(self) -> Iterator[Objection]:
        if self.platform == "local" and self.environment and self.environment.name is not None:
            allowed = "no `name` with `platform: local`: its environment is made at the Console"
            yield Objection(("environment", "name"), allowed, "remove `name`, and set `id`")
        if self.environment is None and not self.environments and self.control_plane.kind != "stand-in":
            allowed = f"required with `controlPlane.kind: {self.control_plane.kind}`: the environment's id, as the Console shows it"
            yield Objection(("environment", "id"), allowed, "set `domicile:environment: {id: env_…}`")

    def _room_objections(self, at: tuple[Step, ...], host: WorkerHost) -> Iterator[Objection]:
        """An address rests after its sandbox's end, so that no late packet meets a new session: twice the sandboxes must fit."""
        sandboxes = host.capacity + host.warm
        needed = 2 * sandboxes + 3
        if self.network.sandbox_range.num_addresses < needed:
            prefix = 32 - (needed - 1).bit_length()
            allowed = f"at least {needed} addresses: two a sandbox (capacity + warm = {sandboxes}), the proxy's, first and last"
            fix = f"take a /{prefix} or wider, or lower `{path_text((*at, 'workerHost', 'capacity'))}`"
            yield Objection(("network", "sandboxRange"), allowed, fix)

    def _door_objections(self, at: tuple[Step, ...], egress: Egress) -> Iterator[Objection]:
        """The session gateway is the only door to the control plane; a rule beside it would let a sandbox call it as anyone."""
        host = urlsplit(self.control_plane.url).hostname or ""
        for place, rule in enumerate(egress.rules):
            if rule.covers(host):
                allowed = f"no host of the control plane ({host}): sandboxes reach it through the session gateway only"
                yield Objection((*at, "egress", "rules", place, "host"), allowed, "remove the rule, or name the hosts beside it one by one")

    def _resolver_objections(self, at: tuple[Step, ...], egress: Egress) -> Iterator[Objection]:
        for place, address in enumerate(egress.resolvers):
            if address in self.network.sandbox_range:
                allowed = f"an address outside network.sandboxRange {self.network.sandbox_range}"
                yield Objection((*at, "egress", "resolvers", place), allowed, "name the DNS server's own address, or move `sandboxRange`")


class PerimeterConfig(Declared):
    """The configuration in force: nothing optional is left open that a component would have to decide."""

    stack: str = Field(description="the stack's name")

    @property
    def only_environment(self) -> Environment:
        """The environment of a stack that serves one."""
        if self.environment is None:
            raise ValueError("a stack that serves one environment")
        return self.environment

    @property
    def served(self) -> dict[str, PerimeterConfig]:
        """What is in force for each environment by its name in the stack; of a stack that serves one, itself, under no name."""
        return {name: self._of(each) for name, each in self.environments.items()} or {"": self}

    @property
    def tiers(self) -> tuple[int, ...]:
        """The egress tiers that there are, by number."""
        return tuple(sorted({each.tier for each in self.environments.values()})) or (1,)

    def _of(self, each: ServedEnvironment) -> PerimeterConfig:
        aws = self.aws.model_copy(update={"hosts": each.hosts}) if self.aws and each.hosts else self.aws
        sections = {"worker_host": each.worker_host or self.worker_host, "egress": each.egress or self.egress, "aws": aws}
        return self.model_copy(update={"environment": each, "environments": {}, **sections})

    @property
    def is_stand_in(self) -> bool:
        """Whether the control plane is the stand-in, and so the outside a namespace of this machine."""
        return self.control_plane.kind == "stand-in"

    @property
    def credential_names(self) -> tuple[str, ...]:
        """The credentials that the configuration names, by their places in the secrets manager: those injected, and the sinks'."""
        injected = {rule.credential.name for rule in self.egress.rules if rule.credential}
        of_sinks = {name for sink in self.audit.sinks for name in (sink.headers_from if sink.kind == "otlp" else sink.token_from,) if name}
        return tuple(sorted(injected | of_sinks))
