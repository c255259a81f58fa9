"""Bypasses from inside an opened tunnel: another name in TLS, no TLS, allowed names that lead to private addresses."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest
from egress_lab import ZONE

pytestmark = pytest.mark.perimeter


def allowed_names(lab):
    return {rule.host for rule in lab.settings.egress.rules}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("authority", "sni"),
    [
        pytest.param("tunnel.ok.test:443", "other.ok.test", id="tunnel: another allowed name"),
        pytest.param("tunnel.ok.test:443", "denied.test", id="tunnel: a denied name"),
        pytest.param("tunnel.ok.test:443", "a.wild.test", id="tunnel: a wildcard's name"),
        pytest.param("a.wild.test:443", "b.a.wild.test", id="tunnel: another name below the wildcard"),
        pytest.param("tunnel.ok.test:443", None, id="tunnel: no name"),
        pytest.param("tunnel.ok.test:443", "api.ok.test", id="tunnel: an inspected host's name"),
        pytest.param("api.ok.test:443", "second.ok.test", id="inspect: another inspected name"),
        pytest.param("api.ok.test:443", "tunnel.ok.test", id="inspect: a tunnelled host's name"),
        pytest.param("api.ok.test:443", "denied.test", id="inspect: a denied name"),
        pytest.param("api.ok.test:443", None, id="inspect: no name"),
        pytest.param("alt.ok.test:8443", "tunnel.ok.test", id="other port: an allowed name of port 443"),
    ],
)
def test_a_name_in_tls_that_isnt_the_connects_reaches_nobody(lab, authority, sni):
    try:
        with lab.sandboxes[0].tls(authority, sni) as channel:
            channel.sendall(f"GET /v1/x HTTP/1.1\r\nHost: {sni}\r\n\r\n".encode())
            assert b"403" in channel.recv(4096).split(b"\r\n")[0]
    except OSError:
        pass


def test_a_name_in_tls_is_never_looked_up(lab):
    secret = "stolen-4f2a.attacker.test"
    with pytest.raises(OSError):
        lab.sandboxes[0].tls("tunnel.ok.test:443", secret)
    assert lab.sandboxes[0].ask("tunnel.ok.test:443").from_origin
    assert secret not in lab.outside.queries


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("authority", ["tunnel.ok.test:443", "api.ok.test:443"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"CONNECT denied.test:443 HTTP/1.1\r\nHost: denied.test:443\r\n\r\n", id="nested CONNECT"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="SSH"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: tunnel.ok.test\r\n\r\n", id="plain HTTP"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), id="plain HTTP/2"),
        pytest.param(b"\x00" * 600, id="zeroes"),
        pytest.param(b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", id="a TLS record that isn't a ClientHello"),
    ],
)
def test_a_tunnel_carries_nothing_but_tls(lab, authority, data):
    sock, answer = lab.sandboxes[0].connect(authority)
    assert answer.status == 200
    with sock:
        sock.sendall(data)
        with contextlib.suppress(ConnectionError):
            assert b"200" not in sock.recv(4096)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("name", ["loopback.ok.test", "ten.ok.test", "metadata.ok.test", "cgnat.ok.test", "zero.ok.test", "proxy.ok.test"])
def test_an_allowed_name_that_leads_to_a_private_address_isnt_dialled(lab, name):
    with pytest.raises(OSError):
        lab.sandboxes[0].tls(f"{name}:443", name)
    assert lab.outside.queries[name]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("name", ["ten.inspected.test", "metadata.inspected.test", "proxy.inspected.test"])
def test_an_inspected_name_that_leads_to_a_private_address_isnt_dialled(lab, name):
    assert lab.sandboxes[0].ask(f"{name}:443").status == 503


def test_of_a_mixed_answer_only_the_public_address_is_dialled(lab):
    assert lab.sandboxes[0].ask("mixed.ok.test:443").from_origin
    assert not lab.outside.knocks


def test_a_name_rebound_to_a_private_address_isnt_followed(lab):
    attacker = lab.sandboxes[0]
    assert attacker.ask("flip.ok.test:443").from_origin
    end = time.monotonic() + 20
    while lab.outside.queries["flip.ok.test"] < 3:
        assert time.monotonic() < end
        attacker.ask("flip.ok.test:443")
        time.sleep(0.2)
    assert attacker.ask("flip.ok.test:443").from_origin
    assert not lab.outside.knocks


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("name", ["untrusted.ok.test", "misnamed.ok.test"])
def test_an_inspected_host_that_doesnt_prove_its_name_gets_no_request(lab, name):
    assert lab.sandboxes[0].ask(f"{name}:443").status == 503


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"CONNECT tunnel.ok.test:443 HTTP/1.1\r\nHost: t", id="half a head"),
    ],
)
def test_a_slow_head_is_cut(lab, start):
    with lab.sandboxes[0].dial(seconds=30) as sock:
        sock.sendall(start + b"x")
        assert b"408" in sock.recv(4096).split(b"\r\n")[0]


def test_a_slow_client_hello_is_cut(lab):
    sock, _ = lab.sandboxes[0].connect("tunnel.ok.test:443")
    with sock:
        sock.settimeout(30)
        sock.sendall(b"\x16\x03\x01\x02\x00\x01")
        with contextlib.suppress(ConnectionError):
            assert sock.recv(100) == b""


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("100.96.0.1", 22),
        ("100.96.0.1", 9901),
        ("100.96.0.1", 443),
        ("100.96.0.3", 3128),
        ("203.0.113.20", 443),
        ("203.0.113.1", 3128),
        ("169.254.169.254", 80),
        ("10.66.0.5", 443),
    ],
)
def test_a_direct_dial_reaches_nobody(lab, address, port):
    """Even with the route that a sandbox never has."""
    attacker = lab.sandboxes[0]
    attacker.route_everything()
    with pytest.raises(OSError):
        attacker.do(socket.create_connection, (address, port), 0.7)


def test_udp_reaches_nobody(lab):
    attacker = lab.sandboxes[0]
    attacker.route_everything()

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.7)
            for address in ("203.0.113.53", "100.96.0.1"):
                sock.sendto(b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01x\x04test\x00\x00\x01\x00\x01", (address, 53))
            return sock.recv(100)

    with pytest.raises(OSError):
        attacker.do(send)
    assert "x.test" not in lab.outside.queries


def test_another_sandboxs_address_cant_be_taken(lab):
    """Sent from the second sandbox with the first one's address, packets are dropped at the link."""
    other = lab.sandboxes[1]
    assert other.connect("tunnel.ok.test:443")[1].status == 403
    before = lab.counter("spoofed")
    other.take_address(lab.sandboxes[0].address)

    def dial():
        with socket.socket() as sock:
            sock.bind((lab.sandboxes[0].address, 0))
            sock.settimeout(0.7)
            sock.connect(("100.96.0.1", 3128))

    with pytest.raises(OSError):
        other.do(dial)
    assert lab.counter("spoofed") > before


def test_the_resolver_was_asked_for_allowed_names_only(lab):
    """Last: after all that this module tried."""
    allowed = {name for name in [*ZONE, "flip.ok.test"] if name in allowed_names(lab) or name.endswith(".wild.test")}
    assert set(lab.outside.queries) <= allowed
