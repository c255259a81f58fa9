"""The services' own network namespace, described once: its settings, its uplink's addresses and its packet filter.

`local.py` makes it through netlink, a region's machines by a script at their start.
"""

from __future__ import annotations

import hashlib
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from urllib.parse import urlsplit

from domicile.machine.identities import Identity
from domicile_host.egress.firewall import Endpoint, Uids, render
from domicile_host.settings import HostSettings, UpstreamProxy

SYSCTLS = {
    "net.ipv6.conf.all.disable_ipv6": "1",
    "net.ipv6.conf.default.disable_ipv6": "1",
    "net.ipv4.ip_forward": "0",
    "net.ipv4.conf.all.rp_filter": "1",  # a sandbox can't use an address that isn't its link's
    "net.ipv4.conf.default.rp_filter": "1",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.all.accept_source_route": "0",
}
UPLINKS = IPv4Network("198.18.0.0/15")
"""Where uplinks get their addresses: RFC 2544's range for tests between devices, routed nowhere."""


HTTPS = 443
UIDS = Uids(Identity.DISPATCHER.uid, Identity.GATEWAY.uid, Identity.EGRESS.uid, Identity.SHIPPER.uid)


def firewall(settings: HostSettings) -> str:
    """The packet filter of a namespace with a way out. A service asks a DNS server only if something that it reaches has a name."""
    control_plane = endpoint(settings.control_plane.url)
    sinks = [endpoint(sink.url) for sink in settings.audit.sinks]
    named = any(end.address is None for end in (control_plane, *sinks))
    return render(settings, UIDS, control_plane=[control_plane], sinks=sinks, resolvers=settings.egress.resolvers if named else ())


def firewall_behind(proxy: UpstreamProxy, settings: HostSettings) -> str:
    """The packet filter of a namespace whose one way out is `proxy`. AWS's endpoints are in its network too, but S3's, whose addresses are
    public and which no route but its own leads to."""
    door = Endpoint(proxy.port, proxy.network)
    endpoints = Endpoint(HTTPS, proxy.network)
    plane = endpoints if settings.signing and settings.signing.private else door
    resolvers = settings.egress.resolvers
    return render(settings, UIDS, control_plane=[plane], sinks=[door, Endpoint(HTTPS)], secrets=[endpoints], resolvers=resolvers)


def endpoint(url: str) -> Endpoint:
    """Where a URL leads: an address and port, or a port at any public address."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        return Endpoint(port, IPv4Address(parts.hostname or ""))
    except AddressValueError:
        return Endpoint(port)


def uplink(stack: str) -> tuple[str, str]:
    """The two ends' addresses of a stack's uplink; stacks of one machine get different ones."""
    subnets = UPLINKS.num_addresses // 4
    index = int.from_bytes(hashlib.sha256(stack.encode()).digest()[:4], "big") % subnets
    first = UPLINKS[index * 4]
    return f"{first + 2}/30", f"{first + 1}/30"
