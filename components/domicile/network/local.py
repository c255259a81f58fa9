"""The network of a `local` host: one namespace for its services, with a firewall, and one way out."""

from __future__ import annotations

import pulumi

from domicile.machine.link import Link, Masquerade
from domicile.machine.namespace import NetworkNamespace
from domicile.network.services import SYSCTLS, uplink
from domicile.places import StackPlaces


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
