"""A sandbox's network: a namespace of its own with one point-to-point link to the proxy's address, and nothing else.

Used by `sandboxes`. The dispatcher runs in the namespace of the host's services; the link's other end appears there. All
is said over netlink, so the dispatcher needs neither `ip` nor a writable `/proc/sys`: `CAP_NET_ADMIN` for the links,
`CAP_SYS_ADMIN` for the namespace and the mount that gives it a name.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

from pyroute2 import IPRoute, NetlinkError  # type: ignore[import-untyped]

from domicile_host.dispatcher.errors import LinkFailed
from domicile_host.settings import HostSettings

CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MNT_DETACH = 2
NO_LINK_LOCAL_ADDRESS = {"attrs": [("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", 1)]})]}

_libc = ctypes.CDLL(None, use_errno=True)


class Links:
    """Makes, finds and removes the sandboxes' links of one stack."""

    def __init__(self, settings: HostSettings) -> None:
        self._stack = settings.stack
        self._proxy = settings.network.proxy_address
        self._folder = settings.places.network_namespaces

    def path(self, sandbox_id: str) -> Path:
        """The namespace's file, the same in the dispatcher's container and on the host."""
        return self._folder / f"domicile-{self._stack}-{sandbox_id}"

    async def make(self, sandbox_id: str, address: IPv4Address) -> Path:
        """Raises `LinkFailed`; what was made by then goes with `remove`."""
        await asyncio.to_thread(self._make, sandbox_id, address)
        return self.path(sandbox_id)

    async def remove(self, sandbox_id: str) -> None:
        """Removes link and namespace, also half-made ones or none. Raises `LinkFailed`."""
        await asyncio.to_thread(self._remove, sandbox_id)

    def namespaces(self) -> set[str]:
        """Sandbox ids of all namespaces that are named like this stack's sandboxes."""
        pattern = re.compile(rf"domicile-{re.escape(self._stack)}-([0-9a-f]{{8}})")
        return {found.group(1) for entry in self._folder.iterdir() if (found := pattern.fullmatch(entry.name))}

    async def linked(self) -> set[str]:
        """Sandbox ids of all links that end in this namespace, the services' own."""
        names = await asyncio.to_thread(_link_names)
        return {found.group(1) for name in names if (found := re.fullmatch(r"sb([0-9a-f]{8})", name))}

    def _make(self, sandbox_id: str, address: IPv4Address) -> None:
        path = self.path(sandbox_id)
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
            _in_new_thread(lambda: self._make_inside(sandbox_id, address, here))
            self._make_outside(sandbox_id, address)
        except (OSError, NetlinkError) as error:
            raise LinkFailed(f"cannot make the link of sandbox {sandbox_id}: {error}") from error
        finally:
            os.close(here)

    def _make_inside(self, sandbox_id: str, address: IPv4Address, services: int) -> None:
        """Runs in a thread of its own, which the new namespace ends with unless the mount keeps it."""
        _check(_libc.unshare(CLONE_NEWNET), "unshare")
        _check(_libc.mount(b"/proc/thread-self/ns/net", os.fsencode(self.path(sandbox_id)), b"none", MS_BIND, None), "mount")
        with IPRoute() as route:
            route.link("set", index=1, state="up")
            with suppress(NetlinkError):  # a kernel without IPv6 gave `lo` no such address
                route.addr("del", index=1, address="::1", prefixlen=128)
            route.link("add", ifname="eth0", kind="veth", peer={"ifname": f"sb{sandbox_id}", "net_ns_fd": services})
            _set_up(route, "eth0", local=address, peer=self._proxy)

    def _make_outside(self, sandbox_id: str, address: IPv4Address) -> None:
        with IPRoute() as route:
            _set_up(route, f"sb{sandbox_id}", local=self._proxy, peer=address)

    def _remove(self, sandbox_id: str) -> None:
        path = self.path(sandbox_id)
        try:
            _remove_link(f"sb{sandbox_id}")
            while _libc.umount2(os.fsencode(path), MNT_DETACH) == 0:
                pass
            if ctypes.get_errno() not in (errno.EINVAL, errno.ENOENT):
                raise OSError(ctypes.get_errno(), "umount2", str(path))
            path.unlink(missing_ok=True)
        except (OSError, NetlinkError) as error:
            raise LinkFailed(f"cannot remove the link of sandbox {sandbox_id}: {error}") from error


def _set_up(route: IPRoute, name: str, local: IPv4Address, peer: IPv4Address) -> None:
    """Gives a link its address before it goes up, so that it never has another. The kernel adds the one route, to `peer`."""
    index = route.link_lookup(ifname=name)[0]
    route.link("set", index=index, IFLA_AF_SPEC=NO_LINK_LOCAL_ADDRESS)
    route.addr("add", index=index, local=str(local), address=str(peer), prefixlen=32)
    route.link("set", index=index, state="up")


def _link_names() -> list[str]:
    with IPRoute() as route:
        return [link.get_attr("IFLA_IFNAME") for link in route.get_links()]


def _remove_link(name: str) -> None:
    with IPRoute() as route:
        for index in route.link_lookup(ifname=name):
            try:
                route.link("del", index=index)
            except NetlinkError as error:
                if error.code != errno.ENODEV:
                    raise


def _check(result: int, doing: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{doing}: {os.strerror(ctypes.get_errno())}")


def _in_new_thread(work: Callable[[], None]) -> None:
    """Runs `work` in a thread that ends with it: a thread that has left its namespace must not serve anything else."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="new-namespace")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
