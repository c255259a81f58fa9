"""What a drill runs on a sandbox's link: tries to reach things, and says by its exit code alone which one it reached first.

Run as `python3 -I -c SOURCE HOW TARGET…` with the sandbox image's own Python: the standard library only, no word on any output. The
dispatcher reads the code, a number of the container engine's, and no byte that was written in a sandbox. HOW is `KIND` or, for what goes
through the proxy, `KIND@ADDRESS:PORT`.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

NOTHING_REACHED = 9
FIRST_REACHED = 10
"""The first target; the second is one more, and so on. Any other code: the attempt couldn't be made."""
SECONDS = 2.0
PROXY_SECONDS = 20.0
AT_ONCE = 8
_QUESTION = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def route(target: str, _: str) -> bool:
    """The kernel knows a way there. Nothing is sent."""
    host, port = _place(target)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as attempt:
        attempt.connect((host, port))
    return True


def tcp(target: str, _: str) -> bool:
    with socket.create_connection(_place(target), SECONDS):
        return True


def dns(target: str, _: str) -> bool:
    """A name server answers a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attempt:
        attempt.settimeout(SECONDS)
        attempt.connect(_place(target))
        attempt.send(_QUESTION)
        return bool(attempt.recv(512))


def name(target: str, _: str) -> bool:
    """The system's own resolver finds it."""
    return bool(socket.getaddrinfo(target, 443))


def raw(target: str, _: str) -> bool:
    """A socket with which headers could be forged."""
    family, protocol = (socket.AF_PACKET, 0) if target == "packet" else (socket.AF_INET, socket.IPPROTO_ICMP)
    with socket.socket(family, socket.SOCK_RAW, protocol):
        return True


def connect(target: str, proxy: str) -> bool:
    """The proxy opens a tunnel there."""
    return _answer(proxy, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n") == 200


def get(target: str, proxy: str) -> bool:
    """What stands behind the proxy's address answers a request for this path with more than a refusal."""
    return 200 <= _answer(proxy, f"GET {target} HTTP/1.1\r\nHost: {proxy}\r\nConnection: close\r\n\r\n") < 400


def _answer(proxy: str, request: str) -> int:
    with socket.create_connection(_place(proxy), SECONDS) as way:
        way.settimeout(PROXY_SECONDS)
        way.sendall(request.encode())
        status = way.recv(4096).split(b" ", 2)
    return int(status[1]) if len(status) > 1 and status[1].isdigit() else 0


KINDS: dict[str, Callable[[str, str], bool]] = {
    "route": route, "tcp": tcp, "dns": dns, "name": name, "raw": raw, "connect": connect, "get": get,
}  # fmt: skip


def main(how: str, *targets: str) -> int:
    """The exit code."""
    kind, _, proxy = how.partition("@")

    def reached(target: str) -> bool:
        try:
            return KINDS[kind](target, proxy)
        except OSError:
            return False

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(reached, targets))
    return FIRST_REACHED + found.index(True) if True in found else NOTHING_REACHED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
