"""Puts the rooms together in one AWS region. Called by `Perimeter` for platform `aws`; nothing else imports the provider."""

from __future__ import annotations

import json
import os

import pulumi

from domicile.aws import sdk
from domicile.aws.alarms import AlarmTopic
from domicile.aws.environments import Served, ServedEnvironment, Shared, identity, prepare, start
from domicile.aws.ground import Ground
from domicile.aws.machines import Settings
from domicile.aws.names import numbered
from domicile.config import PerimeterConfig, residency_manifest
from domicile.config.residency import check_backend
from domicile.control_plane.operator import require_credential
from domicile.egress_proxy.aws import EgressTier
from domicile.egress_proxy.aws.machines import EgressProxies
from domicile.environment_key.aws import EncryptionKey
from domicile.mcp_tunnel.aws import McpTunnel
from domicile.network.aws import Network
from domicile.sandbox_image.aws import Registry, to_push
from domicile.sandbox_image.pushed import require
from domicile.scaling.aws import stored
from domicile.siem_sink.aws import Archive


def assemble(config: PerimeterConfig, perimeter: pulumi.Resource) -> dict[str, pulumi.Input[object]]:
    """Builds the region; the outputs of `perimeter`. The order is that of need: key, images, network, what these guard, machines."""
    _check(config)
    sdk.load_by_file()
    ground, above = Ground.of(config), pulumi.ResourceOptions(parent=perimeter)
    require(to_push(ground), pulumi.runtime.is_dry_run())
    ids = {each.environment: identity(each, above) for each in ground.environments}
    below = pulumi.ResourceOptions(parent=perimeter, providers=[ground.provider(above)])
    key = EncryptionKey("encryption-key", ground, below).arn
    registry = Registry("registry", ground, key, below)
    shared = _shared(ground, key, registry, below)
    archive = Archive("archive", ground, key, below)
    served = [prepare(each, shared, ids[each.environment], _own(each, below)) for each in ground.environments]
    if ground.aws.images:
        for tier in config.tiers:
            EgressProxies(
                numbered("egress-proxies", tier), ground, ground.aws.images, shared.network, shared.tier, shared.settings, shared.key,
                shared.pushed, below, number=tier,
            )  # fmt: skip
    return {
        **_outputs(served, shared),
        "control_plane_url": config.control_plane.url,
        "archive": archive.bucket,
        "repositories": registry.urls,
        **_tunnel(ground, shared, below),
        "residency": json.loads(residency_manifest(config, config.stack).to_json()),
    }


def _check(config: PerimeterConfig) -> None:
    if backend := os.environ.get("PULUMI_BACKEND_URL"):
        check_backend(config, f"stack {config.stack}", backend)
    keeps = any(served.only_environment.name is not None for served in config.served.values())
    if keeps or (config.aws and config.aws.tunnel):
        require_credential()


def _shared(ground: Ground, key: pulumi.Output[str], registry: Registry, below: pulumi.ResourceOptions) -> Shared:
    topic = AlarmTopic("alarms", ground, key, below).arn
    network = Network("network", ground, key, below)
    tier = EgressTier("egress", ground, network, key, below)
    network.guard_names(list(tier.balancers.values()))
    settings = Settings("settings", ground, key, below)
    code = stored(ground, settings, key, below) if ground.config.environments and ground.aws.images else None
    return Shared(key, topic, network, tier, settings, code, registry.pushed)


def _own(environment: Ground, below: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """Below what an environment's things are: of a stack that serves one, directly below the perimeter."""
    if not environment.environment:
        return below
    return pulumi.ResourceOptions(parent=ServedEnvironment(environment, below))


def _outputs(served: list[Served], shared: Shared) -> dict[str, pulumi.Input[object]]:
    found = {each.ground.environment: start(each, shared) for each in served}
    return found.get("", {"environments": found})


def _tunnel(ground: Ground, shared: Shared, below: pulumi.ResourceOptions) -> dict[str, pulumi.Input[object]]:
    if not ground.aws.tunnel:
        return {}
    made = McpTunnel(
        "mcp-tunnel", ground, ground.aws.tunnel, shared.network, shared.tier, shared.settings, shared.key, shared.topic, below
    )  # fmt: skip
    return {"tunnel_domain": made.domain}
