"""The MCP tunnel of one region: the tunnel at the control plane, its secrets, and two hosts that connect it. Called by `aws.assemble`."""

from __future__ import annotations

from itertools import product

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.alarms import Alarm, alarm
from domicile.aws.ground import Ground
from domicile.aws.machines import Kind, Settings, launch_template, propagated
from domicile.aws.names import TUNNEL_IMAGES
from domicile.config.aws import Tunnel as TunnelConfig
from domicile.control_plane.tunnel import Tunnel, TunnelCertificate, fingerprint
from domicile.egress_proxy.aws import EgressTier
from domicile.mcp_tunnel.machine import NOUN, machine_configuration
from domicile.network.aws import Network
from domicile.network.aws.security_groups import HTTPS, allow
from domicile.sandbox_image.aws import Registry

HOSTS, DISK_GIB, DELETION_DAYS = 2, 20, 30
EDGE_PORT = 7844
EDGES = ("198.41.192.0/24", "198.41.200.0/24")
"""Where cloudflared connects, TCP and UDP: the two regions' addresses all lie in these (developers.cloudflare.com: tunnel with firewall,
2025-02-27). Anthropic's documentation (2026-08) asks for a wider 198.41.192.0/19. The hosts have no IPv6."""


class McpTunnel(pulumi.ComponentResource):
    """Nothing comes in: cloudflared goes out to Cloudflare, and what comes through it ends in mcp-proxy, which knows the servers."""

    domain: pulumi.Output[str]
    """A server `name` is at `https://<name>.<domain>`."""

    def __init__(
        self, name: str, ground: Ground, tunnel: TunnelConfig, network: Network, tier: EgressTier, settings: Settings,
        key: pulumi.Output[str], topic: pulumi.Output[str], opts: pulumi.ResourceOptions,
    ) -> None:  # fmt: skip
        super().__init__("domicile:aws:McpTunnel", name, None, opts)
        self._ground, self._tunnel, self._network, self._key = ground, tunnel, network, key
        self._below = pulumi.ResourceOptions(parent=self)
        made, trusted = self._at_the_control_plane()
        self.domain = made.domain
        readers = (ground.names.tunnel_role,)
        self._secret("token", ground.names.tunnel_token, "the tunnel's connector token")
        self._secret("authority", ground.names.tunnel_authority, "the CA whose certificates the tunnel trusts, with its key")
        Registry("tunnel-registry", ground, key, self._below, images=TUNNEL_IMAGES, pullers=readers)
        self._hosts(tier, settings, trusted)
        down = Alarm("tunnel-down", "No host has a connection for the MCP tunnel, or none reports.", "TunnelNotReady", 0.0,
                     periods=5, statistic="Minimum", silence="breaching")  # fmt: skip
        alarm(ground, topic, down, self._below)
        self.register_outputs({"domain": self.domain})

    def _at_the_control_plane(self) -> tuple[Tunnel, list[pulumi.Resource]]:
        """The tunnel, and what it trusts: a new CA beside the last one before any host uses it."""
        plane = self._ground.config.control_plane
        where = {"url": plane.url, "ca_file": str(plane.ca_file) if plane.ca_file else None}
        made = Tunnel("tunnel", name=self._ground.names.prefix, tunnel_id=self._tunnel.id, opts=self._below, **where)
        trusted: list[pulumi.Resource] = [
            TunnelCertificate(f"authority-{fingerprint(pem)[:12]}", tunnel_id=made.id, pem=pem, opts=self._below, **where)
            for pem in self._tunnel.authorities
        ]
        return made, trusted

    def _secret(self, noun: str, name: str, description: str) -> None:
        """Made empty: `domicile tunnel` puts the value in. Read by the tunnel hosts only, through the VPC endpoint."""
        names = self._ground.names
        secret = aws.secretsmanager.Secret(
            f"tunnel-{noun}",
            name=name,
            description=description,
            kms_key_id=self._key,
            recovery_window_in_days=DELETION_DAYS,
            opts=self._below,
        )
        policy = self._network.endpoints.secrets.apply(lambda found: policies.secret(names, found, names.tunnel_role))
        aws.secretsmanager.SecretPolicy(f"tunnel-{noun}", secret_arn=secret.arn, policy=policy, block_public_policy=True, opts=self._below)

    def _hosts(self, tier: EgressTier, settings: Settings, trusted: list[pulumi.Resource]) -> None:
        """Where the egress proxies are, because there alone is a route out; their own group says where it may lead."""
        ground, tunnel = self._ground, self._tunnel
        policy = self._key.apply(lambda arn: policies.tunnel_host(ground.names, arn))
        profile = ground.machine_role("tunnel-host", "tunnel hosts: token, CA, images, settings, metrics", policy, self._below)
        configuration = self.domain.apply(lambda domain: machine_configuration(ground, tunnel, domain))
        kind = Kind(NOUN, tunnel.instance_type, DISK_GIB, self._group(), profile, configuration)
        template = launch_template(kind, ground, settings, self._key, self._below)
        aws.autoscaling.Group(
            NOUN,
            name=ground.names.group(NOUN),
            min_size=HOSTS,
            max_size=HOSTS,
            vpc_zone_identifiers=list(tier.way_out.subnets),
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            health_check_type="EC2",
            health_check_grace_period=180,
            instance_maintenance_policy={"min_healthy_percentage": 100, "max_healthy_percentage": 150},
            instance_refresh={"strategy": "Rolling", "preferences": {"min_healthy_percentage": 100, "skip_matching": True}},
            max_instance_lifetime=int(ground.aws.hosts.lifetime_seconds),
            tags=propagated(ground),
            opts=pulumi.ResourceOptions.merge(self._below, pulumi.ResourceOptions(depends_on=trusted)),
        )

    def _group(self) -> pulumi.Output[str]:
        """Out to Cloudflare's tunnel addresses, to the configured servers' networks and ports, and to AWS's endpoints; in from nobody."""
        network, name = self._network, f"{self._ground.names.prefix}-{NOUN}"
        group = aws.ec2.SecurityGroup(
            NOUN,
            name=name,
            description="tunnel hosts: to Cloudflare tunnel addresses, MCP servers and AWS endpoints, from nobody",
            vpc_id=network.vpc.id,
            tags={"Name": name},
            opts=self._below,
        )
        allow("tunnel-to-endpoints", group.id, network.groups.endpoints, HTTPS, self._below)
        network.groups.let_reach_s3("tunnel", group.id, network.endpoints.s3_prefix_list, self._below)
        for edge, protocol in product(EDGES, ("tcp", "udp")):
            self._out(f"tunnel-edge-{edge}-{protocol}", group.id, edge, EDGE_PORT, "Cloudflare tunnel edge", protocol)
        for cidr, port in sorted({(str(server.network), server.port) for server in self._tunnel.servers}):
            self._out(f"tunnel-server-{cidr}-{port}", group.id, cidr, port, "MCP servers")
        identity: pulumi.Output[str] = group.id
        return identity

    def _out(self, name: str, group: pulumi.Input[str], cidr: str, port: int, description: str, protocol: str = "tcp") -> None:
        aws.vpc.SecurityGroupEgressRule(
            name,
            security_group_id=group,
            cidr_ipv4=cidr,
            ip_protocol=protocol,
            from_port=port,
            to_port=port,
            description=description,
            opts=self._below,
        )
