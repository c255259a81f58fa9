"""Cuts the live connections of one sandbox to the proxy, as `ss -K` does, without a program: the policy server calls it.

Envoy refuses new tunnels as soon as a session is withdrawn, but keeps those it has (measured, Envoy 1.40). The kernel ends them
(CONFIG_INET_DIAG_DESTROY); the caller needs CAP_NET_ADMIN in the network namespace that Envoy listens in.
"""

from __future__ import annotations

import errno
from ipaddress import IPv4Address
from socket import AF_INET, IPPROTO_TCP
from typing import Any

from pyroute2 import DiagSocket  # type: ignore[import-untyped]
from pyroute2.netlink import NLM_F_ACK, NLM_F_REQUEST  # type: ignore[import-untyped]
from pyroute2.netlink.diag import SOCK_DESTROY, SS_ALL, SS_LISTEN, SS_TIME_WAIT, inet_diag_req  # type: ignore[import-untyped]
from pyroute2.netlink.exceptions import NetlinkError  # type: ignore[import-untyped]

_LIVE = SS_ALL & ~(1 << SS_LISTEN) & ~(1 << SS_TIME_WAIT)
_GONE = (errno.ENOENT, errno.ESTALE)


class TunnelsAliveError(OSError):
    """Connections couldn't be cut: a tunnel of a withdrawn session may still carry bytes. Destroy the sandbox's link."""


def cut(source: str) -> int:
    """Ends every TCP connection from `source` to this network namespace and returns how many there were."""
    try:
        with DiagSocket() as sockets:
            sockets.bind()
            live = [found for found in sockets.get_sock_stats(family=AF_INET, states=_LIVE) if found["idiag_dst"] == source]
            return sum(_destroy(sockets, found) for found in live)
    except NetlinkError as error:
        raise TunnelsAliveError(error.code, f"connections of {source} live on ({error}): CAP_NET_ADMIN is needed here") from error


def _destroy(sockets: Any, found: Any) -> bool:
    request = inet_diag_req()
    request["sdiag_family"] = AF_INET
    request["sdiag_protocol"] = IPPROTO_TCP
    request["idiag_states"] = _LIVE
    for name in ("idiag_sport", "idiag_dport", "idiag_if", "idiag_cookie"):
        request[name] = found[name]
    request["idiag_src"] = _words(found["idiag_src"])
    request["idiag_dst"] = _words(found["idiag_dst"])
    try:
        tuple(sockets.nlm_request(request, SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK))
    except NetlinkError as error:
        if error.code in _GONE:
            return False
        raise
    return True


def _words(address: str) -> tuple[int, int, int, int]:
    return (int(IPv4Address(address)), 0, 0, 0)
