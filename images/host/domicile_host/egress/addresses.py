"""Addresses that no sandbox may reach through the proxy. Envoy's configuration and the packet filter both read this list.

Sources: RFC 6890 (special-purpose registries) and RFC 6598 (carrier-grade NAT); 169.254.0.0/16 holds the clouds' metadata services.
The documentation ranges (TEST-NET) are left out: nothing answers there but a test's own stand-ins.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

PRIVATE_V4 = tuple(
    IPv4Network(cidr)
    for cidr in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)

PRIVATE_V6 = tuple(
    IPv6Network(cidr)
    for cidr in ("::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fc00::/7", "fe80::/10", "ff00::/8")
)

PRIVATE: tuple[IPv4Network | IPv6Network, ...] = (*PRIVATE_V4, *PRIVATE_V6)
