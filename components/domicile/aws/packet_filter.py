"""The packet filter of a region's machines, in nftables' form: nobody comes in, and the role's credentials are root's alone."""

from __future__ import annotations

from pathlib import Path

from domicile.aws.ignition import once


def guard(file: Path) -> str:
    """The unit that puts a filter into force; what speaks to the world starts after it."""
    return once("metadata for root only", f"/usr/sbin/nft -f {file}")


def packet_filter(table: str, *, accepted: tuple[int, ...] = (), forward: str = "", postrouting: str = "") -> str:
    """The whole of `nft -f`, which takes the place of what was there. `accepted`: TCP ports that others may come in at, of whom security
    groups say who; `forward` and `postrouting`: chains of machines that route.

    The metadata service is refused by user, not by address alone: a service that speaks to the world could be made to ask it.
    """
    doors = f"        tcp dport {{ {', '.join(map(str, accepted))} }} accept\n" if accepted else ""
    return f"""\
table inet {table} {{}}
delete table inet {table}
table inet {table} {{
    chain input {{
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        ct state established,related accept
        udp sport 67 udp dport 68 accept
{doors}    }}
{forward}    chain output {{
        type filter hook output priority filter; policy accept;
        ip daddr 169.254.169.254 meta skuid != 0 reject
        ip6 daddr fd00:ec2::254 reject
    }}
{postrouting}}}
"""
