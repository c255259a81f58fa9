"""The egress tier's machines: stock Envoy on Fedora CoreOS, as many as the work asks for, in every zone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pulumi
import pulumi_aws as aws

from domicile.aws import image_policy
from domicile.aws.ground import Ground
from domicile.aws.ignition import MachineFile, configuration
from domicile.aws.machines import Kind, Settings, group, launch_template
from domicile.aws.names import numbered
from domicile.aws.packet_filter import guard, packet_filter
from domicile.config.aws import Images
from domicile.config.environments import door
from domicile.egress_proxy.aws import EgressTier
from domicile.machine.identities import Identity
from domicile.network.aws import Network
from domicile.network.aws.security_groups import EGRESS_PORT, HEALTH_PORT
from domicile.worker_hosts.quadlet import name, unit
from domicile.worker_hosts.services import Service
from domicile_host.egress.bootstrap import command
from domicile_host.egress.tier import TierSettings, bootstrap
from domicile_host.settings import EgressPolicy

NOUN = "egress-proxies"
BOOTSTRAP = Path("/etc/domicile/envoy.json")
FILTER, GUARD = Path("/etc/domicile/egress.nft"), "domicile-egress-guard.service"
DISK_GIB = 20
MANY_FILES = "LimitNOFILE=65536"
"""Two descriptors a tunnel."""


class EgressProxies(pulumi.ComponentResource):
    """The fleet behind a tier's balancer."""

    def __init__(
        self, name: str, ground: Ground, images: Images, network: Network, tier: EgressTier, settings: Settings, key: pulumi.Output[str],
        pushed: Sequence[pulumi.Resource], opts: pulumi.ResourceOptions, *, number: int = 1,
    ) -> None:  # fmt: skip
        super().__init__("domicile:aws:EgressProxies", name, None, opts)
        below = pulumi.ResourceOptions(parent=self)
        self._noun, self._number = numbered(NOUN, number), number
        kind = Kind(
            self._noun, ground.aws.proxies.instance_type, DISK_GIB, (network.groups.proxies,), tier.profile,
            pulumi.Output.from_input(machine_configuration(ground, images, number)), pushed,
        )  # fmt: skip
        template = launch_template(kind, ground, settings, key, below)
        self._scale(ground, tier, template, below)
        self.register_outputs({})

    def _scale(self, ground: Ground, tier: EgressTier, template: aws.ec2.LaunchTemplate, below: pulumi.ResourceOptions) -> None:
        """A machine counts when the balancer finds its proxy ready; a new template replaces machines a few at a time."""
        proxies = ground.aws.proxies
        fleet = group(
            self._noun,
            ground,
            tier.way_out.subnets,
            below,
            between=(proxies.minimum, proxies.maximum),
            grace_seconds=180,
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            target_group_arns=list(tier.target_groups[self._number]),
            health_check_type="ELB",
            default_instance_warmup=120,
        )
        aws.autoscaling.Policy(
            self._noun,
            name="processor",
            autoscaling_group_name=fleet.name,
            policy_type="TargetTrackingScaling",
            target_tracking_configuration={
                "predefined_metric_specification": {"predefined_metric_type": "ASGAverageCPUUtilization"},
                "target_value": float(proxies.cpu_percent),
            },
            opts=below,
        )


def machine_configuration(ground: Ground, images: Images, number: int = 1) -> str:
    """The Ignition configuration of one proxy: Envoy, its bootstrap, and the filter that keeps the role's credentials from it."""
    proxy = Service(
        name="egress",
        image="egress",
        command=tuple(command(BOOTSTRAP)),
        identity=Identity.EGRESS,
        reads=(BOOTSTRAP,),
        writes=(),
        memory_bytes=3 << 29,
        ready=BOOTSTRAP,
        stop_seconds=30,
    )
    doors = tier_settings(ground, number)
    rendered = json.dumps(bootstrap(*doors), indent=1)
    text = unit(proxy, ground.names.image("egress", images.egress), after=(GUARD,), limits=(MANY_FILES,))
    return configuration(
        ground.names,
        numbered(NOUN, number),
        image_policy.policy(ground.names, images.signing_key),
        (
            MachineFile(str(BOOTSTRAP), rendered),
            MachineFile(str(FILTER), packet_filter("domicile_egress", accepted=(*(each.port for each in doors), HEALTH_PORT))),
        ),
        {name(proxy): text},
        {GUARD: guard(FILTER)},
    )


def tier_settings(ground: Ground, number: int = 1) -> tuple[TierSettings, ...]:
    """Each environment's policy again, with what its worker hosts need for themselves."""
    config = ground.config
    beside = []
    for url in config.urls_outside:
        parts = urlsplit(url)
        beside.append((parts.hostname or "", parts.port or 443))
    mine = {name: served for name, served in config.served.items() if not name or config.environments[name].tier == number}
    return tuple(
        TierSettings(
            name=ground.names.prefix,
            environment=name,
            policy=EgressPolicy.model_validate(served.egress.model_dump(by_alias=False)),
            beside=tuple(beside),
            refused_networks=(ground.aws.network.cidr, *ground.aws.proxies.refused_networks),
            port=door(name, config.environments[name]) if name else EGRESS_PORT,
            health_port=HEALTH_PORT,
        )
        for name, served in mine.items()
    )
