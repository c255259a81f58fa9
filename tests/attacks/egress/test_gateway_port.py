"""Bypasses on the port that leads to the session gateway: who asks is the link's address, and only the gateway is behind it."""

from __future__ import annotations

import pytest
from egress_lab import GATEWAY_PORT

pytestmark = pytest.mark.perimeter

HOST = b"Host: 100.96.0.1:8080\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"


def reached(lab, data):
    """The heads that reached the gateway, and the answer."""
    before = len(lab.gateway_requests)
    answer = lab.sandboxes[0].raw(data, GATEWAY_PORT)
    return lab.gateway_requests[before:], answer


def headers(head, name):
    return [line.partition(b": ")[2] for line in head.split(b"\r\n") if line.lower().startswith(name + b":")]


def test_an_honest_request_reaches_the_gateway_with_its_source(lab):
    heads, answer = reached(lab, b"GET /domicile/v1/item HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answer.status == 200
    assert headers(heads[0], b"x-domicile-source") == [b"100.96.0.2"]


@pytest.mark.parametrize(
    "spoof",
    [
        pytest.param(b"x-domicile-source: 100.96.0.3\r\n", id="once"),
        pytest.param(b"X-Domicile-Source: 100.96.0.3\r\nx-domicile-source: 100.96.0.3\r\n", id="twice"),
        pytest.param(b"X-DOMICILE-SOURCE: 100.96.0.3, 100.96.0.2\r\n", id="a list"),
        pytest.param(b"x-forwarded-for: 100.96.0.3\r\nforwarded: for=100.96.0.3\r\nx-real-ip: 100.96.0.3\r\n", id="forwarding headers"),
        pytest.param(b"x-envoy-original-dst-host: 100.96.0.3:1\r\nx-envoy-external-address: 100.96.0.3\r\n", id="Envoy's headers"),
        pytest.param(b"connection: x-domicile-source\r\nx-domicile-source: 100.96.0.3\r\n", id="named hop-by-hop"),
        pytest.param(b"te: trailers\r\ntrailer: x-domicile-source\r\n", id="as a trailer"),
    ],
)
def test_the_source_cant_be_spoofed(lab, spoof):
    heads, answer = reached(lab, b"GET /v1/x HTTP/1.1\r\n" + HOST + spoof + b"\r\n")
    assert answer.status == 200
    assert headers(heads[0], b"x-domicile-source") == [b"100.96.0.2"]
    assert b"100.96.0.3" not in heads[0]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET /v1/x HTTP/1.1\r\nHost: denied.test\r\n\r\n", id="another Host"),
        pytest.param(b"GET /v1/x HTTP/1.1\r\nHost: 100.96.0.1:9901\r\n\r\n", id="another port in Host"),
        pytest.param(b"GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n", id="localhost"),
        pytest.param(b"GET /v1/x HTTP/1.1\r\n\r\n", id="no Host"),
        pytest.param(b"GET /v1/x HTTP/1.0\r\n\r\n", id="HTTP/1.0"),
        pytest.param(b"GET /v1/x HTTP/1.1\r\n" + HOST + b"Host: denied.test\r\n\r\n", id="two Hosts"),
        pytest.param(b"GET http://denied.test/v1/x HTTP/1.1\r\n" + HOST + b"\r\n", id="an absolute URL of another host"),
        pytest.param(b"GET http://169.254.169.254/ HTTP/1.1\r\n" + HOST + b"\r\n", id="an absolute URL of the metadata service"),
        pytest.param(b"CONNECT tunnel.ok.test:443 HTTP/1.1\r\nHost: tunnel.ok.test:443\r\n\r\n", id="CONNECT to an allowed host"),
        pytest.param(b"CONNECT 100.96.0.1:8080 HTTP/1.1\r\n" + HOST + b"\r\n", id="CONNECT to itself"),
        pytest.param(b"GET /v1/sessions%2f..%2fother HTTP/1.1\r\n" + HOST + b"\r\n", id="encoded slashes"),
        pytest.param(b"GET /v1/x%5c..%5cy HTTP/1.1\r\n" + HOST + b"\r\n", id="encoded backslashes"),
        pytest.param(b"GET /v1/x%00 HTTP/1.1\r\n" + HOST + b"\r\n\x00", id="NUL"),
        pytest.param(b"GET /v1/x HTTP/1.1\r\n" + HOST + b"X_Domicile_Source: 100.96.0.3\r\n\r\n", id="an underscore in a header's name"),
        pytest.param(b"GET /v1/x HTTP/1.1\r\n" + HOST + b"upgrade: websocket\r\nconnection: upgrade\r\n\r\n", id="websocket"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), id="HTTP/2"),
        pytest.param(
            b"POST /v1/x HTTP/1.1\r\n" + HOST + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", id="two lengths"
        ),
        pytest.param(b"GET /v1/x HTTP/1.1\r\n" + HOST + b"x: " + b"a" * 65536 + b"\r\n\r\n", id="a header of 64 KiB"),
        pytest.param(b"GET /v1/x HTTP/1.1\r\n" + HOST + b"".join(b"x%d: a\r\n" % n for n in range(100)) + b"\r\n", id="a hundred headers"),
    ],
)
def test_a_request_of_two_meanings_or_for_somebody_else_doesnt_reach_the_gateway(lab, data):
    heads, answer = reached(lab, data)
    assert heads == []
    assert answer.status != 200


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [(b"/v1/a/../b", b"/v1/b"), (b"/v1//b", b"/v1/b"), (b"/v1/%2e%2e/b", b"/b"), (b"/v1/./b", b"/v1/b"), (b"/../../b", b"/b")],
)
def test_the_gateway_is_given_one_meaning_of_a_path(lab, sent, arrives):
    heads, _ = reached(lab, b"GET " + sent + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    assert heads[0].split(b" ")[1] == arrives


def test_an_upgrade_to_http2_isnt_passed_on(lab):
    heads, answer = reached(lab, b"GET /v1/x HTTP/1.1\r\n" + HOST + b"upgrade: h2c\r\nconnection: upgrade, http2-settings\r\n\r\n")
    assert answer.status == 200
    assert b"upgrade" not in heads[0].lower()


def test_envoys_admin_isnt_reachable_from_a_sandbox(lab):
    for path in (b"/config_dump", b"/quitquitquit", b"/certs"):
        heads, _ = reached(lab, b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"content-length: 0\r\n\r\n")
        assert heads[0].startswith(b"POST " + path)
    assert lab.admin("/ready").startswith("LIVE")


def test_forwarding_headers_dont_reach_the_gateway(lab):
    sent = b"forwarded: a\r\nx-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: https\r\nx-envoy-force-trace: 1\r\nx-request-id: abc\r\n"
    heads, _ = reached(lab, b"GET /v1/x HTTP/1.1\r\n" + HOST + sent + b"\r\n")
    for name in (b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-envoy", b"x-request-id"):
        assert not [line for line in heads[0].lower().split(b"\r\n") if line.startswith(name)]


def test_what_envoy_itself_refuses_is_on_record(lab):
    reached(lab, b"GET /v1/recorded HTTP/1.1\r\nHost: denied.test\r\n\r\n")
    assert lab.logged(layer="gateway", path="/v1/recorded")["src"] == "100.96.0.2"
