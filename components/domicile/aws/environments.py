"""What each environment of a region has for itself: its key, its role, its door at the egress tier, its fleet. Called by `aws.region`."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from domicile.aws.ground import Ground
from domicile.aws.machines import Settings
from domicile.control_plane.environment import Environment
from domicile.egress_proxy.aws import Door, EgressTier
from domicile.environment_key.aws import EnvironmentKey
from domicile.network.aws import Network
from domicile.scaling.aws import Code, Scaling
from domicile.worker_hosts.aws import WorkerHosts, WorkerIdentity


@dataclass(frozen=True)
class Shared:
    """What all environments of a stack stand on."""

    key: pulumi.Output[str]
    topic: pulumi.Output[str]
    network: Network
    tier: EgressTier
    settings: Settings
    code: Code | None
    """The functions' code, where several use it."""
    pushed: list[pulumi.Resource]
    """The images that machines run, in the registry."""


@dataclass(frozen=True)
class Served:
    """One environment's rooms, so far as they stand without machines."""

    ground: Ground
    opts: pulumi.ResourceOptions
    id: pulumi.Output[str]
    key: EnvironmentKey
    workers: WorkerIdentity
    door: Door


def prepare(ground: Ground, shared: Shared, id_: pulumi.Output[str], opts: pulumi.ResourceOptions) -> Served:
    """Who it is, what it may read, and where it goes out: there before any machine."""
    secrets = shared.network.endpoints.secrets
    key = EnvironmentKey(ground.noun("environment-key"), ground, shared.key, secrets, shared.topic, opts)
    workers = WorkerIdentity(ground.noun("worker-hosts"), ground, shared.key, secrets, opts)
    return Served(ground, opts, id_, key, workers, shared.tier.door(ground, opts))


def start(served: Served, shared: Shared) -> dict[str, pulumi.Input[object]]:
    """The fleet and what it follows, once there are images; the environment's outputs."""
    ground, images, opts = served.ground, served.ground.aws.images, served.opts
    address = None
    if images:
        fleet = WorkerHosts(
            ground.noun("fleet"), ground, images, shared.network, served.door, served.workers.profile, shared.settings, shared.key,
            served.id, shared.pushed, opts,
        )  # fmt: skip
        address = Scaling(
            ground.noun("scaling"), ground, shared.network, served.door, shared.code or shared.settings, shared.key, shared.topic,
            served.id, fleet.group, opts,
        ).address  # fmt: skip
    return {
        "environment_id": served.id,
        **({"environment_key": served.key.arn} if served.key.arn is not None else {}),
        "worker_profile": served.workers.profile,
        **({"webhook_address": address} if address else {}),
    }


def identity(ground: Ground, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """The environment's id at the control plane: as configured, or of the one that the stack keeps."""
    wanted, plane = ground.config.only_environment, ground.config.control_plane
    if wanted.name is None:
        return pulumi.Output.from_input(wanted.id)
    made = Environment(
        ground.noun("environment"),
        url=plane.url,
        ca_file=str(plane.ca_file) if plane.ca_file else None,
        stack=ground.config.stack,
        name=wanted.name,
        description=wanted.description,
        environment_id=wanted.id or None,
        opts=opts,
    )
    found: pulumi.Output[str] = made.id
    return found


class ServedEnvironment(pulumi.ComponentResource):
    """One of several environments: what is below it goes with it, and nothing else does."""

    def __init__(self, ground: Ground, opts: pulumi.ResourceOptions) -> None:
        super().__init__("domicile:aws:ServedEnvironment", ground.environment, None, opts)
        self.register_outputs({})
