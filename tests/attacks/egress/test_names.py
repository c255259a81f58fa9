"""Bypasses of the CONNECT allowlist: other spellings of addresses, names, ports and request lines. Each is refused at the door."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.perimeter, pytest.mark.usefixtures("untouched")]

ADDRESSES = {
    "an origin's address, dotted": "203.0.113.20:443",
    "an origin's address, decimal": "3405803796:443",
    "an origin's address, hexadecimal": "0xCB007114:443",
    "an origin's address, octal": "0313.0000.0161.0024:443",
    "an origin's address, three parts": "203.0.28948:443",
    "an origin's address, mapped to IPv6": "[::ffff:203.0.113.20]:443",
    "loopback": "127.0.0.1:443",
    "loopback, short": "127.1:443",
    "loopback, zero": "0:443",
    "loopback, IPv6": "[::1]:443",
    "loopback by name": "localhost:443",
    "the metadata service": "169.254.169.254:80",
    "the metadata service, TLS": "169.254.169.254:443",
    "a link-local address with a zone": "[fe80::1%25eth0]:443",
    "the proxy itself": "100.96.0.1:3128",
    "the gateway's port by CONNECT": "100.96.0.1:8080",
    "the neighbour sandbox": "100.96.0.3:443",
    "the resolver": "203.0.113.53:53",
}
PORTS = {
    "SSH": "tunnel.ok.test:22",
    "plain HTTP": "tunnel.ok.test:80",
    "an allowed port of another host": "tunnel.ok.test:8443",
    "the default port of a host allowed elsewhere": "alt.ok.test:443",
    "no port": "tunnel.ok.test",
    "an empty port": "tunnel.ok.test:",
    "a leading zero": "tunnel.ok.test:0443",
    "a sign": "tunnel.ok.test:+443",
    "two ports": "tunnel.ok.test:443:443",
    "a port that overflows to 443": "tunnel.ok.test:65979",
    "a port that is too long": "tunnel.ok.test:443443",
    "port zero": "tunnel.ok.test:0",
}
NAMES = {
    "another host": "denied.test:443",
    "DNS over HTTPS": "dns.google:443",
    "a trailing dot": "tunnel.ok.test.:443",
    "capitals": "TUNNEL.ok.test:443",
    "the domain below a wildcard": "wild.test:443",
    "a look-alike of a wildcard's domain": "evilwild.test:443",
    "a wildcard's domain as a label": "a.wild.test.evil.test:443",
    "an empty label": ".wild.test:443",
    "an empty label inside": "a..wild.test:443",
    "a hyphen as label": "-.wild.test:443",
    "a wildcard itself": "*.wild.test:443",
    "a label over 63 octets": "a" * 64 + ".wild.test:443",
    "an underscore below a wildcard": "_x.wild.test:443",
    "UTF-8": "bücher.wild.test:443",
    "an encoded dot": "tunnel.ok.test%2e:443",
    "an encoded NUL": "tunnel.ok.test%00.denied.test:443",
    "user information": "user@tunnel.ok.test:443",
    "an allowed host as user information": "tunnel.ok.test:443@denied.test:443",
    "a fragment": "denied.test:443#.wild.test:443",
    "a query": "denied.test?.wild.test:443",
    "a path": "denied.test/.wild.test:443",
    "a line feed in a wildcard's label": "denied.test\n.wild.test:443",
    "a tab": "tunnel.ok.test\t:443",
    "a scheme": "https://tunnel.ok.test:443",
    "an inspected host's subdomain": "x.api.ok.test:443",
}


@pytest.mark.parametrize("authority", [pytest.param(a, id=name) for name, a in {**ADDRESSES, **PORTS, **NAMES}.items()])
def test_connect_to_anything_but_an_allowed_host_and_port_is_refused(lab, authority):
    sock, answer = lab.sandboxes[0].connect(authority)
    sock.close()
    assert answer.status in (0, 400, 403, 404)


HOST = b"Host: tunnel.ok.test\r\n"
UPGRADE = b"Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
HEADS = {
    "CONNECT denied with an allowed Host": b"CONNECT denied.test:443 HTTP/1.1\r\nHost: tunnel.ok.test:443\r\n\r\n",
    "CONNECT denied, then Host twice": b"CONNECT denied.test:443 HTTP/1.1\r\nHost: tunnel.ok.test:443\r\nHost: denied.test:443\r\n\r\n",
    "NUL in the target": b"CONNECT tunnel.ok.test\x00.evil:443 HTTP/1.1\r\nHost: tunnel.ok.test:443\r\n\r\n",
    "HTTP/1.0 CONNECT denied": b"CONNECT denied.test:443 HTTP/1.0\r\n\r\n",
    "HTTP/0.9": b"CONNECT denied.test:443\r\n\r\n",
    "HTTP/2.0 in words": b"CONNECT denied.test:443 HTTP/2.0\r\nHost: denied.test:443\r\n\r\n",
    "lower-case method": b"connect tunnel.ok.test:443 HTTP/1.1\r\nHost: tunnel.ok.test:443\r\n\r\n",
    "absolute GET of a denied host": b"GET http://denied.test/ HTTP/1.1\r\nHost: denied.test\r\n\r\n",
    "absolute GET of a denied host, allowed Host": b"GET http://denied.test/ HTTP/1.1\r\nHost: tunnel.ok.test\r\n\r\n",
    "absolute GET of an allowed host": b"GET http://tunnel.ok.test/ HTTP/1.1\r\nHost: tunnel.ok.test\r\n\r\n",
    "absolute GET of an allowed host and port": b"GET http://tunnel.ok.test:443/ HTTP/1.1\r\nHost: tunnel.ok.test:443\r\n\r\n",
    "absolute https GET": b"GET https://tunnel.ok.test/ HTTP/1.1\r\nHost: tunnel.ok.test\r\n\r\n",
    "absolute GET of the metadata service": b"GET http://169.254.169.254/latest HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n",
    "absolute ftp": b"GET ftp://tunnel.ok.test/ HTTP/1.1\r\nHost: tunnel.ok.test\r\n\r\n",
    "relative GET with an allowed Host and port": b"GET / HTTP/1.1\r\nHost: tunnel.ok.test:443\r\n\r\n",
    "POST to an allowed host": b"POST http://tunnel.ok.test/ HTTP/1.1\r\n" + HOST + b"content-length: 1\r\n\r\nx",
    "websocket upgrade": b"GET http://tunnel.ok.test/ HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "h2c upgrade": b"GET / HTTP/1.1\r\nHost: tunnel.ok.test:443\r\n" + UPGRADE + b"\r\n",
    "h2c by prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(30),
    "content length and chunks": b"GET http://tunnel.ok.test/ HTTP/1.1\r\n"
    + HOST
    + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"
    + b"0\r\n\r\nCONNECT tunnel.ok.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "two content lengths": b"POST http://tunnel.ok.test/ HTTP/1.1\r\n" + HOST + b"content-length: 0\r\ncontent-length: 40\r\n\r\n",
    "a denied request pipelined before another": b"GET http://denied.test/ HTTP/1.1\r\nHost: denied.test\r\n\r\n"
    b"GET http://10.66.0.5/ HTTP/1.1\r\nHost: 10.66.0.5\r\n\r\n",
    "a header of 64 KiB": b"CONNECT tunnel.ok.test:443 HTTP/1.1\r\nHost: tunnel.ok.test:443\r\nx: " + b"a" * 65536 + b"\r\n\r\n",
    "a hundred headers": b"CONNECT tunnel.ok.test:443 HTTP/1.1\r\nHost: tunnel.ok.test:443\r\n"
    + b"".join(b"x%d: a\r\n" % number for number in range(100))
    + b"\r\n",
    "TLS to the proxy itself": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "a SOCKS5 greeting": b"\x05\x01\x00",
    "a SOCKS4 request": b"\x04\x01\x01\xbb\xcb\x00\x71\x14\x00",
    "a PROXY protocol header": b"PROXY TCP4 100.96.0.3 100.96.0.1 4444 3128\r\nCONNECT tunnel.ok.test:443 HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("head", [pytest.param(head, id=name) for name, head in HEADS.items()])
def test_a_request_line_that_isnt_an_allowed_connect_is_refused(lab, head):
    answer = lab.sandboxes[0].raw(head)
    assert answer.status in (0, 400, 403, 404, 408, 426, 431)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-Ip", "X-Envoy-External-Address", "X-Domicile-Source", "Via"])
def test_a_session_isnt_taken_from_a_header(lab, header):
    value = {"Forwarded": "for=100.96.0.2"}.get(header, "100.96.0.2")
    head = f"CONNECT tunnel.ok.test:443 HTTP/1.1\r\nHost: tunnel.ok.test:443\r\n{header}: {value}\r\n\r\n".encode()
    _, answer = lab.sandboxes[1].connect("", head)
    assert answer.status == 403
    assert answer.json["error"]["rule"] == "-/deny/unknown-session"


def test_another_sessions_admission_opens_nothing_here(lab):
    for authority in ("tunnel.ok.test:443", "api.ok.test:443", "a.wild.test:443"):
        _, answer = lab.sandboxes[1].connect(authority)
        assert answer.status == 403
