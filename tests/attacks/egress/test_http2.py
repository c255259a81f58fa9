"""Bypasses of an inspected host's rules in HTTP/2, frame by frame: nothing between the test and the proxy tidies a request up."""

from __future__ import annotations

import struct

import pytest
from egress_lab import CANARY_A

pytestmark = pytest.mark.perimeter

HEADERS, RESET, SETTINGS, GOAWAY = 1, 3, 4, 7
END = 0x1 | 0x4  # of stream and of headers


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def block(fields):
    """Header fields as HPACK literals, never indexed, not compressed (RFC 7541 §6.2.3)."""
    encoded = b""
    for name, value in fields:
        encoded += b"\x10" + bytes([len(name)]) + name + bytes([len(value)]) + value
    return encoded


def request(authority=b"api.ok.test", path=b"/v1/x", method=b"GET", scheme=b"https", extra=()):
    return [(b":method", method), (b":scheme", scheme), (b":authority", authority), (b":path", path), *extra]


def receive(channel, count):
    data = b""
    while len(data) < count:
        more = channel.recv(count - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return data


def answered(lab, *requests):
    """Sends each as a stream of one connection; the kind of frame that answers the last (0: the connection was cut)."""
    with lab.sandboxes[0].tls("api.ok.test:443", "api.ok.test", alpn=["h2"]) as channel:
        channel.settimeout(3)
        channel.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))
        last = 2 * len(requests) - 1
        try:
            for number, fields in enumerate(requests):
                channel.sendall(frame(HEADERS, END, 2 * number + 1, block(fields)))
            while True:
                head = receive(channel, 9)
                length, kind = int.from_bytes(head[:3], "big"), head[3]
                stream = int.from_bytes(head[5:], "big")
                receive(channel, length)
                if kind == GOAWAY or (kind in (HEADERS, RESET) and stream == last):
                    return kind
        except OSError:
            return 0


def test_an_allowed_request_arrives_with_the_credential(lab):
    before = len(lab.outside.requests)
    assert answered(lab, request()) == HEADERS
    assert dict(lab.outside.requests[before]["headers"])["authorization"] == f"Bearer {CANARY_A}"


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(request(authority=b"second.ok.test"), id="another inspected authority"),
        pytest.param(request(authority=b"denied.test"), id="a denied authority"),
        pytest.param(request(authority=b"API.ok.test"), id="capitals in the authority"),
        pytest.param(request(authority=b"user@api.ok.test"), id="user information"),
        pytest.param(request(authority=b""), id="an empty authority"),
        pytest.param([(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/v1/x"), (b"host", b"denied.test")], id="Host alone"),
        pytest.param(request(extra=((b":authority", b"denied.test"),)), id="two authorities"),
        pytest.param(request(path=b"/admin"), id="another path"),
        pytest.param(request(path=b"/v1/%2e%2e/admin"), id="encoded dots"),
        pytest.param(request(path=b"/v1/..%2fadmin"), id="an encoded slash"),
        pytest.param(request(path=b"v1/x"), id="a relative path"),
        pytest.param(request(path=b"https://denied.test/v1/x"), id="an absolute URL as path"),
        pytest.param(request(path=b"/v1/x\r\nhost: denied.test"), id="a line break in the path"),
        pytest.param(request(path=b"/admin", extra=((b":path", b"/v1/x"),)), id="two paths"),
        pytest.param(request(method=b"DELETE"), id="another method"),
        pytest.param(request(method=b"GET /v1/x HTTP/1.1\r\nx:"), id="a request line as method"),
        pytest.param([(b":method", b"CONNECT"), (b":authority", b"denied.test:443")], id="CONNECT"),
        pytest.param(request(method=b"CONNECT", extra=((b":protocol", b"websocket"),)), id="extended CONNECT"),
        pytest.param(request(extra=((b"x-bad\r\nhost", b"denied.test"),)), id="a line break in a name"),
        pytest.param(request(extra=((b"x", b"a\r\nhost: denied.test"),)), id="a line break in a value"),
        pytest.param(request(extra=((b"X-Upper", b"a"),)), id="a capital in a name"),
        pytest.param(request(extra=((b"connection", b"upgrade"),)), id="a connection header"),
        pytest.param(request(extra=((b"transfer-encoding", b"chunked"),)), id="a transfer encoding"),
        pytest.param(request(extra=((b"content-length", b"40"),)), id="a length without a body"),
        pytest.param(request(extra=((b"x_y", b"a"),)), id="an underscore in a name"),
    ],
)
def test_a_request_outside_the_rules_or_of_two_meanings_reaches_nobody(lab, fields):
    answered(lab, fields)


def test_a_denied_request_beside_an_allowed_one_is_refused(lab):
    before = len(lab.outside.requests)
    answered(lab, request(), request(authority=b"second.ok.test"), request(path=b"/admin"), request())
    assert {seen["path"] for seen in lab.outside.requests[before:]} == {"/v1/x"}
    assert {dict(seen["headers"])["host"] for seen in lab.outside.requests[before:]} == {"api.ok.test"}


def test_a_host_field_beside_the_authority_changes_nothing(lab):
    before = len(lab.outside.requests)
    answered(lab, request(extra=((b"host", b"denied.test"),)))
    assert [dict(seen["headers"])["host"] for seen in lab.outside.requests[before:]] in ([], ["api.ok.test"])
