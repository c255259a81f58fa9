"""Worker hosts of one region: who they are, and the fleet. Called by `aws.region`.

Each is a Fedora CoreOS machine (why: `aws.ignition`) that runs the four services of `worker_hosts.services` as Quadlet units, and lives
for days: a change of anything that it is told replaces it, a few at a time, each one drained first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from domicile.aws import policies, workspace_policies
from domicile.aws.ground import Ground
from domicile.aws.machines import Kind, Settings, group, launch_template
from domicile.aws.previewed import UNMADE_ENDPOINT, previewed
from domicile.config.aws import Images
from domicile.egress_proxy.aws import Door
from domicile.network.aws import Network
from domicile.worker_hosts.aws.machine import NOUN, Told, machine_configuration
from domicile.worker_hosts.aws.scripts import HEARTBEAT_SECONDS, HOOK

GROUP_METRICS = ("GroupDesiredCapacity", "GroupInServiceInstances", "GroupTerminatingInstances", "GroupMaxSize")


class WorkerIdentity(pulumi.ComponentResource):
    """The worker hosts' role, with what their services need and no more, unless one was brought along."""

    profile: pulumi.Output[str]
    """ARN of the instance profile."""

    def __init__(
        self, name: str, ground: Ground, key: pulumi.Output[str], secrets_endpoint: pulumi.Output[str], opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__("domicile:aws:WorkerIdentity", name, None, opts)
        policy = pulumi.Output.all(previewed(key, ground.names.unmade_key), previewed(secrets_endpoint, UNMADE_ENDPOINT)).apply(
            lambda found: policies.worker_host(ground.names, found[0], ground.config.credential_names, found[1])
        )
        description = "worker hosts: secrets, images, settings, archive, metrics"
        self.profile = ground.machine_role("worker-host", description, policy, pulumi.ResourceOptions(parent=self))
        if ground.names.workspace:
            self._take_sessions(ground)
        self.register_outputs({"profile": self.profile})

    def _take_sessions(self, ground: Ground) -> None:
        """The gateway's role at Claude Platform on AWS: the dispatcher takes it for the process that reads what sandboxes write."""
        trust, policy = workspace_policies.sessions_trust(ground.names), workspace_policies.sessions(ground.names)
        ground.role("sessions", "session gateways: sessions of one workspace", trust, policy, pulumi.ResourceOptions(parent=self))


class WorkerHosts(pulumi.ComponentResource):
    """The fleet: one autoscaling group over the worker subnets' zones, without a door that anybody could knock at."""

    group: pulumi.Output[str]
    """The group's name."""

    def __init__(
        self, name: str, ground: Ground, images: Images, network: Network, door: Door, profile: pulumi.Output[str],
        settings: Settings, key: pulumi.Output[str], environment_id: pulumi.Output[str], pushed: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:  # fmt: skip
        super().__init__("domicile:aws:WorkerHosts", name, None, opts)
        below = pulumi.ResourceOptions(parent=self)
        configuration = pulumi.Output.all(previewed(environment_id, "env_not_known_yet"), door.balancer).apply(
            lambda found: machine_configuration(ground, images, Told(found[0], found[1], door.port))
        )
        hosts = ground.aws.hosts
        kind = Kind(NOUN, hosts.instance_types[0], hosts.disk_bytes >> 30, door.groups, profile, configuration, pushed)
        template = launch_template(kind, ground, settings, key, below)
        fleet = self._group(ground, network, template, below)
        aws.autoscaling.LifecycleHook(
            ground.noun(HOOK),
            name=HOOK,
            autoscaling_group_name=fleet.name,
            lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
            heartbeat_timeout=HEARTBEAT_SECONDS,  # the machine beats while it drains; one that can't is let go
            default_result="CONTINUE",
            opts=below,
        )
        self.group = fleet.name
        self.register_outputs({"group": self.group})

    def _group(
        self, ground: Ground, network: Network, template: aws.ec2.LaunchTemplate, below: pulumi.ResourceOptions
    ) -> aws.autoscaling.Group:
        """A machine is replaced by a new one before it is drained; how many there are between `min` and `max` is the scaling's to say."""
        hosts = ground.aws.hosts
        return group(
            NOUN,
            ground,
            network.vpc.worker_subnets,
            below,
            between=(hosts.minimum, hosts.maximum),
            grace_seconds=300,
            refreshed={"max_healthy_percentage": 150},
            health_check_type="EC2",
            default_instance_warmup=180,
            termination_policies=["OldestLaunchTemplate", "OldestInstance"],
            enabled_metrics=list(GROUP_METRICS),
            **_launch(ground, template),
        )


def _launch(ground: Ground, template: aws.ec2.LaunchTemplate) -> dict[str, Any]:
    """What the group launches: one kind of machine, or a mix of kinds and of on-demand and spot; stopped ones beside it if wanted."""
    hosts, version = ground.aws.hosts, template.latest_version.apply(str)
    if not hosts.mixed:
        pool = {"pool_state": "Stopped", "min_size": hosts.warm_pool.size} if hosts.warm_pool else None
        return {"launch_template": {"id": template.id, "version": version}, "warm_pool": pool}
    return {
        "capacity_rebalance": hosts.on_demand_percent < 100,
        "mixed_instances_policy": {
            "instances_distribution": {
                "on_demand_base_capacity": hosts.on_demand_base,
                "on_demand_percentage_above_base_capacity": hosts.on_demand_percent,
                "on_demand_allocation_strategy": "prioritized",
                "spot_allocation_strategy": "price-capacity-optimized",
            },
            "launch_template": {
                "launch_template_specification": {"launch_template_id": template.id, "version": version},
                "overrides": [{"instance_type": found} for found in hosts.instance_types],
            },
        },
    }
