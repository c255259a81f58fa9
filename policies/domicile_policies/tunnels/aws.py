"""Tunnels and links in AWS: the MCP tunnel dials out to the places that it names, and nothing else joins the network to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from domicile_policies.iam import documents
from domicile_policies.relations import each_of, pointing_at, targets
from domicile_policies.resource import Resource, Stack
from domicile_policies.rule import Asked, Violation, rule, stack_rule
from domicile_policies.security_groups import GROUPS, TYPES, Opening, openings

JOINED = ("SOC2:CC6.6", "ISO27001:A.8.22", "NIST:CA-3")
TUNNEL = "domicile:aws:McpTunnel"


@stack_rule(
    "DOM-TUN-001", "Nothing comes in to a tunnel host but by its tunnel",
    why="A tunnel host stands where a route out is; a port that it opens is a second door to the MCP servers.",
    fix="leave ingress out of the tunnel hosts' security group", severity="critical",
    controls=("SOC2:CC6.6", "ISO27001:A.8.20", "NIST:SC-7"),
)  # fmt: skip
def no_way_in(stack: Stack, _: Asked) -> Iterator[Violation]:
    for maker in stack.of(*TYPES):
        yield from each_of(maker, _lets_in(stack, maker))


def _parts(stack: Stack, *types: str) -> list[Resource]:
    """What is below a tunnel, of these types."""
    return [each for component in stack.of(TUNNEL) for each in stack.under(component) if each.is_a(*types)]


def _of_hosts(stack: Stack, maker: Resource, way: Literal["ingress", "egress"]) -> Iterator[Opening]:
    """What opens the tunnel hosts' own groups this way."""
    groups = [maker] if maker.is_a(*GROUPS) else targets(stack, maker, "securityGroupId", *GROUPS)
    if any(group in _parts(stack, *GROUPS) for group in groups):
        yield from openings(maker, way)


def _lets_in(stack: Stack, maker: Resource) -> Iterator[Violation]:
    for opening in _of_hosts(stack, maker, "ingress"):
        yield Violation(opening.path or "securityGroupId", "lets connections in to a tunnel host", maker)


@stack_rule(
    "DOM-TUN-002", "A tunnel host dials named networks only",
    why="cloudflared needs Cloudflare's tunnel networks and the MCP servers; anywhere else is a way past the proxies.",
    fix="name Cloudflare's tunnel networks and each server's own; no rule to 0.0.0.0/0", severity="critical",
    controls=("SOC2:CC6.7", "ISO27001:A.8.23", "NIST:SC-7(5)"),
    parameters={"widest": {"type": "integer", "minimum": 1, "maximum": 32, "default": 16, "description": "the shortest prefix"}},
)  # fmt: skip
def named_edges(stack: Stack, asked: Asked) -> Iterator[Violation]:
    for maker in stack.of(*TYPES):
        yield from each_of(maker, _dials(stack, maker, int(asked.parameters.get("widest", 16))))


def _dials(stack: Stack, maker: Resource, widest: int) -> Iterator[Violation]:
    for opening in _of_hosts(stack, maker, "egress"):
        for network in opening.public:
            if int(network.partition("/")[2] or 32) < widest:
                yield Violation(opening.path or "cidrIpv4", f"{network} is wider than /{widest}", maker)


@stack_rule(
    "DOM-TUN-003", "A tunnel has two hosts, and somebody is told when it is down",
    why="One host that is replaced takes every MCP server with it; a tunnel that is down looks like servers that fail.",
    fix="keep minSize at 2 or more, and the alarm on TunnelNotReady", severity="medium",
    controls=("SOC2:CC7.2", "ISO27001:A.8.14", "NIST:SI-4"),
)  # fmt: skip
def two_hosts(stack: Stack, _: Asked) -> Iterator[Violation]:
    for fleet in _parts(stack, "aws:autoscaling/group:Group"):
        yield from each_of(fleet, _two(fleet))
    for component in stack.of(TUNNEL):
        alarms = (each for each in stack.under(component) if each.is_a("aws:cloudwatch/metricAlarm:*"))
        if not any(each.inputs.get("metricName") == "TunnelNotReady" for each in alarms):
            yield Violation("", "no alarm on TunnelNotReady", component)


def _two(fleet: Resource) -> Iterator[Violation]:
    if fleet.get("minSize", 0) < 2:
        yield Violation("minSize", "is below 2", fleet)


LINKS = ("aws:ec2/vpcPeeringConnection:*", "aws:ec2/vpcPeeringConnectionAccepter:*", "aws:ec2transitgateway/vpcAttachment:*",
         "aws:ec2transitgateway/peeringAttachment:*", "aws:ec2/vpnGateway:*", "aws:ec2/vpnConnection:*", "aws:ec2/vpnGatewayAttachment:*",
         "aws:ec2clientvpn/endpoint:*", "aws:directconnect/*", "aws:ec2/vpcEndpointService:*", "aws:vpclattice/*",
         "aws:ram/resourceShare:*", "aws:networkmanager/vpcAttachment:*")  # fmt: skip


@rule(
    "DOM-TUN-004", "No other network is joined to the perimeter's", *LINKS,
    why="A peer, a transit gateway or a VPN brings in routes and machines that the proof of the perimeter doesn't know.",
    fix="reach what is there through the egress proxies or the MCP tunnel, or except this resource with a reason", severity="high",
    controls=JOINED,
)  # fmt: skip
def no_links(link: Resource, _: Asked) -> Iterator[Violation]:
    yield Violation("type", "joins the network to another")


@rule(
    "DOM-TUN-005", "No way in for a shell", "aws:ec2/instanceConnectEndpoint:*", "aws:ec2transitgateway/instanceConnectEndpoint:*",
    "aws:ec2/serialConsoleAccess:SerialConsoleAccess", "aws:ec2transitgateway/connect:*", "aws:ec2/carrierGateway:*",
    why="A machine is replaced, not visited: a door for shells is open to whoever gets the right to use it.",
    fix="leave it out; look into a machine by `aws.network.sessionManager`, for as long as needed", severity="high",
    controls=("SOC2:CC6.6", "ISO27001:A.8.18", "NIST:AC-17"),
)  # fmt: skip
def no_shell(door: Resource, _: Asked) -> Iterator[Violation]:
    if not door.is_a("aws:ec2/serialConsoleAccess:*") or door.get("enabled", True):
        yield Violation("type", "is a way in to machines")


@stack_rule(
    "DOM-TUN-006", "A tunnel's secrets are read by its hosts only",
    why="The connector token is the tunnel: whoever has it serves the MCP servers' names.",
    fix="give each of the tunnel's secrets a policy that denies reading to all but the tunnel hosts' role", severity="critical",
    controls=("SOC2:CC6.1", "ISO27001:A.5.17", "NIST:IA-5"),
)  # fmt: skip
def tunnel_secrets(stack: Stack, _: Asked) -> Iterator[Violation]:
    for secret in _parts(stack, "aws:secretsmanager/secret:Secret"):
        yield from each_of(secret, _one_reader(stack, secret))


def _one_reader(stack: Stack, secret: Resource) -> Iterator[Violation]:
    bearers = pointing_at(stack, secret, "secretArn", "aws:secretsmanager/secretPolicy:*")
    found = [c for b in bearers for d in documents(b) for s in d.statements if not s.allows and s.covers("secretsmanager:GetSecretValue")
             for c in s.condition("aws:PrincipalArn")]  # fmt: skip
    if not found or any(len(each.values) != 1 or "*" in str(each.values[0]) for each in found):
        yield Violation("policy", "is read by others than one named role", secret)
