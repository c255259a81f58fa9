"""The MCP tunnel of one region: the tunnel at the control plane, its secrets, and two hosts that connect it. Called by `aws.region`."""

from __future__ import annotations

from itertools import product

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.alarms import Alarm, alarm
from domicile.aws.ground import Ground
from domicile.aws.machines import Kind, Settings, group, launch_template
from domicile.aws.names import TUNNEL_IMAGES
from domicile.aws.previewed import previewed
from domicile.aws.secret import secret
from domicile.config.aws import Tunnel as TunnelConfig
from domicile.control_plane.tunnel import Tunnel, TunnelCertificate, fingerprint
from domicile.egress_proxy.aws import EgressTier
from domicile.mcp_tunnel.machine import NOUN, machine_configuration
from domicile.network.aws import Network
from domicile.network.aws.security_groups import HTTPS, allow
from domicile.sandbox_image.aws import Registry

HOSTS, DISK_GIB = 2, 20
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
        secrets = {
            "token": (ground.names.tunnel_token, "the tunnel's connector token"),
            "authority": (ground.names.tunnel_authority, "the CA whose certificates the tunnel trusts, with its key"),
        }
        for noun, (path, said) in secrets.items():
            secret(f"tunnel-{noun}", path, said, ground, key, network.endpoints.secrets, self._below, readers=readers)
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

    def _hosts(self, tier: EgressTier, settings: Settings, trusted: list[pulumi.Resource]) -> None:
        """Where the egress proxies are, because there alone is a route out; their own group says where it may lead."""
        ground, tunnel = self._ground, self._tunnel
        policy = previewed(self._key, ground.names.unmade_key).apply(lambda arn: policies.tunnel_host(ground.names, arn))
        profile = ground.machine_role("tunnel-host", "tunnel hosts: token, CA, images, settings, metrics", policy, self._below)
        configuration = previewed(self.domain, "not-known-yet.invalid").apply(lambda domain: machine_configuration(ground, tunnel, domain))
        kind = Kind(NOUN, ground.aws.tunnel_instance_type, DISK_GIB, (self._security_group(),), profile, configuration)
        template = launch_template(kind, ground, settings, self._key, self._below)
        group(
            NOUN,
            ground,
            tier.way_out.subnets,
            pulumi.ResourceOptions.merge(self._below, pulumi.ResourceOptions(depends_on=trusted)),
            between=(HOSTS, HOSTS),
            grace_seconds=180,
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            health_check_type="EC2",
        )

    def _security_group(self) -> pulumi.Output[str]:
        """Out to Cloudflare's tunnel addresses, to the configured servers' networks and ports, and to AWS's endpoints; in from nobody."""
        network, name = self._network, f"{self._ground.names.prefix}-{NOUN}"
        made = aws.ec2.SecurityGroup(
            NOUN,
            name=name,
            description="tunnel hosts: to Cloudflare tunnel addresses, MCP servers and AWS endpoints, from nobody",
            vpc_id=network.vpc.id,
            tags={"Name": name},
            opts=self._below,
        )
        allow("tunnel-to-endpoints", made.id, network.groups.endpoints, HTTPS, self._below)
        network.groups.let_reach_s3("tunnel", made.id, network.endpoints.s3_prefix_list, self._below)
        for edge, protocol in product(EDGES, ("tcp", "udp")):
            self._out(f"tunnel-edge-{edge}-{protocol}", made.id, edge, EDGE_PORT, "Cloudflare tunnel edge", protocol)
        for cidr, port in sorted({(str(server.network), server.port) for server in self._tunnel.servers}):
            self._out(f"tunnel-server-{cidr}-{port}", made.id, cidr, port, "MCP servers")
        identity: pulumi.Output[str] = made.id
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
