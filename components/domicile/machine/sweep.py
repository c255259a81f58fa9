"""Removes everything that bears a stack's name: what an `up` killed half-way had made but not yet recorded in the stack's state.

Called by `domicile destroy` after the engine, so that nothing is left even then.
"""

from __future__ import annotations

import shutil

from domicile.machine.command import run, succeeds
from domicile.machine.container_engine import ContainerEngineProvider, ContainerEngineSpec
from domicile.machine.image import remove_unused
from domicile.machine.sandboxes import SandboxesProvider, SandboxesSpec, namespaces, remove_containers
from domicile.places import StackPlaces


def sweep(places: StackPlaces, keep_archive: bool) -> list[str]:
    """Removes the stack's containers, namespaces, links, rules and folders; gives the names of those that were still there."""
    found = remove_containers(places.stack, "domicile.service")
    SandboxesProvider().remove(SandboxesSpec(stack=places.stack, namespace_prefix=places.prefix))
    for namespace in {places.namespace, places.outside_namespace} & set(namespaces()):
        run("ip", "netns", "del", namespace)
        found.append(namespace)
    table = places.prefix.replace("-", "_")
    if succeeds("nft", "list", "table", "inet", table):
        run("nft", "delete", "table", "inet", table)
        found.append(table)
    if succeeds("ip", "link", "show", "dev", places.uplink_peer):
        run("ip", "link", "del", places.uplink_peer)
        found.append(places.uplink_peer)
    ContainerEngineProvider().remove(ContainerEngineSpec(socket=places.container_engine))
    found += _remove_unused_images()
    if places.run.exists():
        shutil.rmtree(places.run)
    _remove_home(places, keep_archive)
    return found


def _remove_unused_images() -> list[str]:
    """Images of ours that no container uses; a stack that has a use for one again loads it again."""
    names = run("podman", "images", "--format", "{{.Repository}}@{{.Digest}}").split()
    return [name for name in names if name.startswith("localhost/domicile/") and remove_unused(name)]


def _remove_home(places: StackPlaces, keep_archive: bool) -> None:
    for entry in places.home.iterdir() if places.home.exists() else ():
        if entry == places.archive and keep_archive:
            continue
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    if places.home.exists() and not any(places.home.iterdir()):
        places.home.rmdir()
