"""Puts the rooms together on one machine. Called by `Perimeter` for platform `local`."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi

from domicile.config import PerimeterConfig
from domicile.control_plane import local as control_plane
from domicile.egress_proxy import local as egress_proxy
from domicile.environment_key import local as environment_key
from domicile.machine.files import File
from domicile.machine.link import Link
from domicile.network import local as network
from domicile.network.services import firewall
from domicile.places import StackPlaces
from domicile.sandbox_image import local as sandbox_image
from domicile.siem_sink import local as siem_sink
from domicile.worker_hosts import local as worker_hosts
from domicile.worker_hosts.runtime import check_runtime
from domicile.worker_hosts.settings import openbao, render
from domicile_host.egress import bootstrap
from domicile_host.settings import HostSettings


@dataclass(frozen=True)
class Assembled:
    """What a perimeter's outputs are made of."""

    settings: HostSettings
    image_digests: dict[str, str]


def assemble(config: PerimeterConfig, opts: pulumi.ResourceOptions) -> Assembled:
    """Declares every resource of a `local` perimeter, children of `opts.parent`."""
    check_runtime(config)
    places = StackPlaces.of(config.stack)
    built = sandbox_image.built(places, config.is_stand_in)
    trusted, trust = sandbox_image.build_trust(places, built["sandbox"], opts)
    images = sandbox_image.build_images(places, built, opts)
    settings = render(config, places, trusted, openbao(places))
    credentials = list(config.credential_names)

    manager = environment_key.build(places, images["secrets"], credentials, opts)
    authority = egress_proxy.build_authority(places, manager, opts)
    uplink = _network(config, places, settings, opts)
    needs: list[pulumi.Resource] = [*trust, images["sandbox"], authority, uplink]
    needs.append(siem_sink.build_archive(places, config.retain.archive, opts))
    if config.is_stand_in:
        outside = control_plane.build(config, places, images["control_plane"], uplink, opts)
        needs += [*outside, control_plane.build_account(config, places, credentials, outside, manager, opts)]
    start = File("egress-bootstrap", path=str(places.egress_bootstrap), content=json.dumps(bootstrap.render(settings), indent=1), opts=opts)
    worker_hosts.build(places, settings, images, start, needs, opts)
    return Assembled(settings, {name: image.digest for name, image in built.items()})


def _network(config: PerimeterConfig, places: StackPlaces, settings: HostSettings, opts: pulumi.ResourceOptions) -> Link:
    addresses = [f"{settings.network.proxy_address}/32"]
    services = network.build_services_namespace(places, addresses, firewall(settings), opts)
    if config.is_stand_in:
        return network.build_outside(places, control_plane.OUTSIDE_ADDRESSES, services, opts)
    return network.build_way_out(places, services, opts)
