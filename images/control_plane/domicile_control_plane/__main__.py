"""`python -m domicile_control_plane serve|outside`: the stand-in, and the outside world of a local perimeter, as services.

Both log JSON lines on standard error and end with status 0 on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from ipaddress import IPv4Address
from pathlib import Path

from . import admin, outside
from .log import Log
from .server import ControlPlane
from .tls import Authority


def main() -> int:
    """Run what the command line says; the exit status."""
    arguments = _parser().parse_args()
    try:
        asyncio.run(_serve(arguments) if arguments.command == "serve" else _outside(arguments))
    except OSError as error:
        print(f"error: can't listen: {error}. Choose another address, or stop what holds it.", file=sys.stderr)
        return 1
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    log, (host, port) = Log(), arguments.listen
    tls = None
    if arguments.tls_folder is not None:
        tls = Authority(arguments.tls_folder, "Domicile control plane stand-in").server_context(host, *arguments.tls_name)
    plane = ControlPlane(arguments.store, ttl_seconds=arguments.lease_seconds, log=log)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(plane.serve(host, port, tls=tls))
        places = [await stack.enter_async_context(admin.serve(plane, socket_path=path, port=port)) for path, port in arguments.admin]
        log("ready", url=url, admin=places)
        await _until_told_to_stop()
        log("stopping")
    plane.close()


async def _outside(arguments: argparse.Namespace) -> None:
    log, (dns_address, dns_port) = Log(), arguments.dns
    world = outside.Outside(
        names=dict(arguments.name),
        tls_folder=arguments.tls_folder,
        dns_address=dns_address,
        dns_port=dns_port,
        origins_address=arguments.origins,
        http_port=arguments.http_port,
        https_port=arguments.https_port,
    )
    async with outside.serve(world, log) as ports:
        log("ready", dns=ports.dns, http=ports.http, https=ports.https, ca=str(ports.ca_file))
        await _until_told_to_stop()
        log("stopping")


async def _until_told_to_stop() -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m domicile_control_plane", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="stand in for Anthropic's control plane")
    serve.add_argument("--store", type=Path, required=True, help="SQLite file that holds all state; made if missing")
    serve.add_argument("--listen", type=_endpoint, required=True, metavar="HOST:PORT", help="where workers reach the API")
    where = "unix:PATH|127.0.0.1:PORT"
    serve.add_argument("--admin", type=_admin, action="append", required=True, metavar=where, help="admin API and page; repeat for both")
    serve.add_argument("--tls-folder", type=Path, help="serve HTTPS with an own CA kept here; ca.pem in it is the certificate to trust")
    serve.add_argument("--tls-name", action="append", default=[], help="further host name in the certificate, beside HOST")
    serve.add_argument("--lease-seconds", type=int, default=300, help="lease time of a work item (default 300)")
    world = commands.add_parser("outside", help="stand in for the internet of a local perimeter: DNS and web origins")
    world.add_argument("--dns", type=_endpoint, required=True, metavar="ADDRESS:PORT", help="where the DNS server listens (UDP and TCP)")
    world.add_argument("--origins", required=True, metavar="ADDRESS", help="where the web origins listen")
    world.add_argument("--http-port", type=int, default=80, help="the origins' HTTP port (default 80)")
    world.add_argument("--https-port", type=int, default=443, help="the origins' HTTPS port (default 443)")
    world.add_argument("--tls-folder", type=Path, required=True, help="keeps the origins' own CA; ca.pem in it is the certificate to trust")
    world.add_argument("--name", type=_name, action="append", default=[], metavar="NAME=ADDRESS", help="a name that exists; repeat")
    return parser


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} isn't HOST:PORT")
    return host, int(port)


def _admin(text: str) -> tuple[Path | None, int | None]:
    if text.startswith("unix:/"):
        return Path(text.removeprefix("unix:")), None
    host, port = _endpoint(text)
    if host not in ("127.0.0.1", "localhost"):
        raise argparse.ArgumentTypeError(f"{text!r}: the admin API hands out keys; it listens on unix:/PATH or 127.0.0.1:PORT only")
    return None, port


def _name(text: str) -> tuple[str, IPv4Address]:
    name, _, address = text.partition("=")
    try:
        return name.lower().rstrip("."), IPv4Address(address)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} isn't NAME=IPV4-ADDRESS") from error


if __name__ == "__main__":
    sys.exit(main())
