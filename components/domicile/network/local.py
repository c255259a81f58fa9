"""The network of a `local` host: one namespace for its services, with a firewall, and one way out."""

from __future__ import annotations

import hashlib
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from urllib.parse import urlsplit

import pulumi

from domicile.machine import Link, Masquerade, NetworkNamespace
from domicile.machine.identities import Identity
from domicile.places import StackPlaces
from domicile_host.egress.firewall import Endpoint, Uids, render
from domicile_host.settings import HostSettings

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


def firewall(settings: HostSettings) -> str:
    """The packet filter of the services' namespace. A service asks a DNS server only if something that it reaches has a name."""
    control_plane = endpoint(settings.control_plane.url)
    sinks = [endpoint(sink.url) for sink in settings.audit.sinks]
    named = any(end.address is None for end in (control_plane, *sinks))
    uids = Uids(Identity.DISPATCHER.uid, Identity.GATEWAY.uid, Identity.EGRESS.uid, Identity.SHIPPER.uid)
    return render(settings, uids, control_plane=[control_plane], sinks=sinks, resolvers=settings.egress.resolvers if named else ())


def endpoint(url: str) -> Endpoint:
    """Where a URL leads: an address and port, or a port at any public address."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        return Endpoint(port, IPv4Address(parts.hostname or ""))
    except AddressValueError:
        return Endpoint(port)


def build_services_namespace(places: StackPlaces, addresses: list[str], firewall: str, opts: pulumi.ResourceOptions) -> NetworkNamespace:
    """The namespace in which the host's services run. `addresses` are where sandboxes find the proxy."""
    return NetworkNamespace("services", name=places.namespace, addresses=addresses, firewall=firewall, sysctls=SYSCTLS, opts=opts)


def build_outside(places: StackPlaces, addresses: list[str], services: NetworkNamespace, opts: pulumi.ResourceOptions) -> Link:
    """A namespace that stands for the internet, and the link to it; nothing leaves the machine."""
    outside = NetworkNamespace("outside", name=places.outside_namespace, addresses=addresses, sysctls=SYSCTLS, opts=opts)
    here, there = uplink(places.stack)
    return Link(
        "uplink",
        namespace=places.namespace,
        interface="uplink",
        addresses=[here],
        routes=[f"default via {there.split('/')[0]}"],
        peer_namespace=places.outside_namespace,
        peer_interface="inside",
        peer_addresses=[there],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[services, outside], deleted_with=outside)),
    )


def build_way_out(places: StackPlaces, services: NetworkNamespace, opts: pulumi.ResourceOptions) -> Link:
    """The link to the machine's own network, behind address translation, for a real control plane."""
    here, there = uplink(places.stack)
    link = Link(
        "uplink",
        namespace=places.namespace,
        interface="uplink",
        addresses=[here],
        routes=[f"default via {there.split('/')[0]}"],
        peer_interface=places.uplink_peer,
        peer_addresses=[there],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[services])),
    )
    Masquerade(
        "masquerade",
        table=places.prefix.replace("-", "_"),
        source=here.split("/")[0],
        interface=places.uplink_peer,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[link])),
    )
    return link


def uplink(stack: str) -> tuple[str, str]:
    """The two ends' addresses of a stack's uplink; stacks of one machine get different ones."""
    subnets = UPLINKS.num_addresses // 4
    index = int.from_bytes(hashlib.sha256(stack.encode()).digest()[:4], "big") % subnets
    first = UPLINKS[index * 4]
    return f"{first + 2}/30", f"{first + 1}/30"
