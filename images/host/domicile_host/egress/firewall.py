"""The packet filter of the services' network namespace: the belt under what each service refuses by itself.

Provisioning renders it and loads it with `nft -f -` in that namespace; loading it again replaces it at once. Sandboxes' links are the
interfaces `sb*`. A sandbox reaches two ports of the proxy's address; each service reaches only what its work needs, by its user id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from domicile_host.egress.addresses import PRIVATE_V4
from domicile_host.settings import HostSettings

TABLE = "domicile"
CONNECTIONS_PER_SANDBOX = 512
NEW_CONNECTIONS_PER_SECOND = 200
_DNS = 53


@dataclass(frozen=True)
class Endpoint:
    """A TCP port at one address, in one network, or at any public address."""

    port: int
    address: IPv4Address | IPv4Network | None = None


@dataclass(frozen=True)
class Uids:
    """The users that the services run as."""

    dispatcher: int
    gateway: int
    egress: int
    shipper: int


def render(
    settings: HostSettings,
    uids: Uids,
    *,
    control_plane: Sequence[Endpoint],
    sinks: Sequence[Endpoint] = (),
    secrets: Sequence[Endpoint] = (),
    resolvers: Sequence[IPv4Address] = (),
) -> str:
    """The ruleset. `control_plane` is what dispatcher and gateway may reach, `sinks` what the shipper may,
    `secrets` what the dispatcher alone may beside it.

    `resolvers` are the DNS servers of these three services (the proxy's own are in the policy); none if all is named by address.
    """
    return f"""\
table inet {TABLE} {{}}
delete table inet {TABLE}
table inet {TABLE} {{
{_definitions()}
{_sandboxes(settings)}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        counter name forwarded
    }}
    chain output {{
        type filter hook output priority filter; policy drop;
        ct state established,related accept
        meta skuid {uids.egress} jump egress
        oifname "lo" accept
        meta skuid {uids.gateway} jump gateway
        meta skuid {uids.shipper} jump shipper
        meta skuid {uids.dispatcher} jump dispatcher
        counter name refused_output reject with icmpx type admin-prohibited
    }}
{_egress(settings)}
{_service("gateway", control_plane, resolvers)}
{_service("dispatcher", (*control_plane, *secrets), resolvers)}
{_service("shipper", sinks, resolvers)}
}}
"""


def _definitions() -> str:
    counters = ("spoofed", "refused_input", "too_many", "forwarded", "refused_output", "refused_private")
    return "\n".join(
        [
            *(f"    counter {name} {{}}" for name in counters),
            f"    set private {{ type ipv4_addr; flags interval; elements = {_set(PRIVATE_V4)} }}",
            "    set connections { type ipv4_addr; size 65535; flags dynamic; }",
            "    set rates { type ipv4_addr; size 65535; flags dynamic; timeout 60s; }",
        ]
    )


def _sandboxes(settings: HostSettings) -> str:
    """Packets from sandboxes: the link's own address, the proxy's two ports, a bound on connections and on new ones a second."""
    network = settings.network
    ports = _set((network.egress_port, network.gateway_port))
    door = f'iifname "sb*" ip daddr {network.proxy_address} tcp dport {ports} ct state new'
    rate = f"{NEW_CONNECTIONS_PER_SECOND}/second burst {2 * NEW_CONNECTIONS_PER_SECOND} packets"
    return f"""\
    chain prerouting {{
        type filter hook prerouting priority raw; policy accept;
        iifname "sb*" meta nfproto != ipv4 counter name spoofed drop
        iifname "sb*" ip saddr != {network.sandbox_range} counter name spoofed drop
        iifname "sb*" fib saddr . iif oif missing counter name spoofed drop
    }}
    chain input {{
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        ct state established,related accept
        {door} update @rates {{ ip saddr limit rate over {rate} }} counter name too_many drop
        {door} add @connections {{ ip saddr ct count over {CONNECTIONS_PER_SANDBOX} }} counter name too_many reject with tcp reset
        {door} accept
        counter name refused_input
    }}"""


def _egress(settings: HostSettings) -> str:
    """The proxy's own connections: its resolvers, then the policy's ports at public addresses, or the next proxy alone; never to itself."""
    policy = settings.egress
    lines = [f"ip daddr {_set(policy.resolvers)} {protocol} dport {_DNS} accept" for protocol in ("udp", "tcp") if policy.resolvers]
    if proxy := settings.upstream_proxy:
        lines.append(f"ip daddr {proxy.network} tcp dport {proxy.port} accept")
        return _chain("egress", [*lines, "counter name refused_output reject with icmpx type admin-prohibited"])
    lines.append("ip daddr @private counter name refused_private reject with icmpx type admin-prohibited")
    ports = sorted({rule.port for rule in policy.rules})
    if ports:
        lines.append(f"meta nfproto ipv4 tcp dport {_set(ports)} accept")
    return _chain("egress", [*lines, "counter name refused_output reject with icmpx type admin-prohibited"])


def _service(name: str, endpoints: Sequence[Endpoint], resolvers: Sequence[IPv4Address]) -> str:
    lines = [f"ip daddr {_set(resolvers)} {protocol} dport {_DNS} accept" for protocol in ("udp", "tcp") if resolvers]
    for endpoint in endpoints:
        where = f"ip daddr {endpoint.address}" if endpoint.address else "meta nfproto ipv4 ip daddr != @private"
        lines.append(f"{where} tcp dport {endpoint.port} accept")
    return _chain(name, lines)


def _chain(name: str, lines: Sequence[str]) -> str:
    return "\n".join([f"    chain {name} {{", *(f"        {line}" for line in lines), "    }"])


def _set(members: Sequence[object]) -> str:
    return "{ " + ", ".join(str(member) for member in members) + " }"
