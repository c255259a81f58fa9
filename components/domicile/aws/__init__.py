"""Puts the rooms together in one AWS region. Called by `Perimeter` for platform `aws`; nothing else imports the provider."""

from __future__ import annotations

import json
import os

import pulumi

from domicile.aws.alarms import AlarmTopic
from domicile.aws.ground import Ground
from domicile.aws.machines import Settings
from domicile.config import PerimeterConfig, residency_manifest
from domicile.config.residency import check_backend
from domicile.control_plane.environment import Environment
from domicile.control_plane.operator import require_credential
from domicile.egress_proxy.aws import EgressTier
from domicile.egress_proxy.aws.machines import EgressProxies
from domicile.environment_key.aws import EncryptionKey, EnvironmentKey
from domicile.mcp_tunnel.aws import McpTunnel
from domicile.network.aws import Network
from domicile.sandbox_image.aws import Registry
from domicile.scaling.aws import Scaling
from domicile.siem_sink.aws import Archive
from domicile.worker_hosts.aws import WorkerHosts, WorkerIdentity


def assemble(config: PerimeterConfig, perimeter: pulumi.Resource) -> dict[str, pulumi.Input[object]]:
    """Builds the region; the outputs of `perimeter`. The order is that of need: key, network, what both guard, machines."""
    if backend := os.environ.get("PULUMI_BACKEND_URL"):
        check_backend(config, f"stack {config.stack}", backend)
    if config.environment.name is not None or (config.aws and config.aws.tunnel):
        require_credential()
    ground = Ground.of(config)
    environment = _environment(config, pulumi.ResourceOptions(parent=perimeter))
    provider = ground.provider(pulumi.ResourceOptions(parent=perimeter))
    below = pulumi.ResourceOptions(parent=perimeter, providers=[provider])
    key = EncryptionKey("encryption-key", ground, below).arn
    topic = AlarmTopic("alarms", ground, key, below).arn
    network = Network("network", ground, key, below)
    secret = EnvironmentKey("environment-key", ground, key, network.endpoints.secrets, topic, below)
    archive = Archive("archive", ground, key, below)
    registry = Registry("registry", ground, key, below)
    workers = WorkerIdentity("worker-hosts", ground, key, network.endpoints.secrets, below)
    tier = EgressTier("egress", ground, network, key, below)
    network.guard_names(tier.balancer)
    settings = Settings("settings", ground, key, below)
    scaling = None
    if ground.aws.images:
        EgressProxies("egress-proxies", ground, ground.aws.images, network, tier, settings, key, below)
        fleet = WorkerHosts("fleet", ground, ground.aws.images, network, tier, workers.profile, settings, key, environment, below)
        scaling = Scaling("scaling", ground, network, tier, settings, key, topic, environment, fleet.group, below)
    tunnel = None
    if ground.aws.tunnel:
        tunnel = McpTunnel("mcp-tunnel", ground, ground.aws.tunnel, network, tier, settings, key, topic, below)
    return {
        "environment_id": environment,
        "control_plane_url": config.control_plane.url,
        **({"environment_key": secret.arn} if secret.arn is not None else {}),
        "archive": archive.bucket,
        "repositories": registry.urls,
        "worker_profile": workers.profile,
        **({"tunnel_domain": tunnel.domain} if tunnel else {}),
        **({"webhook_address": scaling.address} if scaling and scaling.address else {}),
        "residency": json.loads(residency_manifest(config, config.stack).to_json()),
    }


def _environment(config: PerimeterConfig, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """The environment's id: as configured, or of the one that the stack keeps."""
    wanted, plane = config.environment, config.control_plane
    if wanted.name is None:
        return pulumi.Output.from_input(wanted.id)
    made = Environment(
        "environment",
        url=plane.url,
        ca_file=str(plane.ca_file) if plane.ca_file else None,
        stack=config.stack,
        name=wanted.name,
        description=wanted.description,
        environment_id=wanted.id or None,
        opts=opts,
    )
    identity: pulumi.Output[str] = made.id
    return identity
