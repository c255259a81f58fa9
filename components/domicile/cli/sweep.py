"""Removes what a stack left outside of its record: sandboxes of a dispatcher that was killed, and what a killed `up` had begun.

`domicile destroy` calls it at its end. All that a stack makes bears its name; nothing else is touched.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from domicile.cli.containers import machine
from domicile.cli.exit import ending_on
from domicile.places import NETWORK_NAMESPACES, StackPlaces


def sweep(places: StackPlaces) -> list[str]:
    """Ends podman's API; removes containers, namespaces, uplink and address translation; releases images. Says what was there."""
    return [*_engine(places), *_containers(places), *_namespaces(places), *_uplink(places), *_translation(places), *_images(places)]


def _engine(places: StackPlaces) -> list[str]:
    from domicile.machine.container_engine import end_service

    return ["podman's API service"] if end_service(places.container_engine) else []


def _containers(places: StackPlaces) -> list[str]:
    from domicile.machine.command import CommandError
    from domicile.machine.sandboxes import remove_containers

    if shutil.which("podman") is None:
        return []  # then nothing of a stack can have run here
    with ending_on(CommandError):
        return [f"container {name}" for name in remove_containers(places.stack, "domicile.stack")]


def _namespaces(places: StackPlaces) -> list[str]:
    own = re.compile(re.escape(places.prefix) + r"(-outside|-[0-9a-f]{8})?")
    left = sorted(path.name for path in NETWORK_NAMESPACES.glob("*") if own.fullmatch(path.name))
    for name in left:
        machine("ip", "netns", "delete", name)
    return [f"network namespace {name}" for name in left]


def _uplink(places: StackPlaces) -> list[str]:
    if not Path("/sys/class/net", places.uplink_peer).exists():
        return []
    machine("ip", "link", "delete", places.uplink_peer)
    return [f"link {places.uplink_peer}"]


def _translation(places: StackPlaces) -> list[str]:
    if shutil.which("nft") is None or f"table inet {places.firewall_table}\n" not in machine("nft", "list", "tables"):
        return []
    machine("nft", "delete", "table", "inet", places.firewall_table)
    return [f"nftables table {places.firewall_table}"]


def _images(places: StackPlaces) -> list[str]:
    from domicile.machine.command import CommandError
    from domicile.machine.image import release_images

    if shutil.which("podman") is None:
        return []
    with ending_on(CommandError):
        return [f"image {name}" for name in release_images(places.stack)]
