"""Bypasses of an inspected host's rules, and attempts to see the credential that the proxy adds."""

from __future__ import annotations

import json

import pytest
from egress_lab import CANARY_A, CANARY_B

pytestmark = pytest.mark.perimeter

PATHS = {
    "outside the prefixes": "/admin",
    "dots": "/v1/../admin",
    "encoded dots": "/v1/%2e%2e/admin",
    "encoded capital dots": "/v1/%2E%2E/admin",
    "half-encoded dots": "/v1/.%2e/admin",
    "doubled slashes before dots": "/v1//../../admin",
    "dots and an encoded slash": "/v1/..%2fadmin",
    "encoded slashes": "/v1%2f..%2fadmin",
    "all encoded": "/v1/%2e%2e%2fadmin",
    "a backslash": "/v1/..\\admin",
    "encoded backslashes": "/v1/%5c..%5cadmin",
    "doubly encoded dots": "/v1/%252e%252e/admin",
    "a doubly encoded slash": "/v1/..%252fadmin",
    "an encoded NUL": "/v1/x%00/../admin",
    "capitals": "/V1/x",
    "a leading double slash": "//v1/../admin",
    "a dot segment": "/v1/./../admin",
    "a matrix parameter on dots": "/v1/..;/admin",
    "up from another prefix": "/repos/acme/../other/x",
    "a look-alike of a prefix": "/repos/acmeX/x",
    "the prefix without its slash": "/v1",
    "a fragment": "/admin#/v1/",
    "a query that holds the prefix": "/admin?/v1/",
    "an absolute URL of another host": "http://second.ok.test/v1/x",
    "an absolute URL of a denied host": "https://denied.test/v1/x",
    "an asterisk": "*",
}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("path", [pytest.param(path, id=name) for name, path in PATHS.items()])
def test_a_path_outside_the_rules_is_refused(lab, path):
    assert lab.sandboxes[0].ask("api.ok.test:443", path=path).status in (0, 400, 403, 404)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/x"),
        ("TRACE", "/v1/x"),
        ("PUT", "/v1/x"),
        ("POST", "/v1/x"),
        ("GET", "/admin"),
        ("get", "/v1/x"),
        ("OPTIONS", "/v1/x"),
        ("POST", "/v1/messages/x"),
        ("POST", "/v1/messagesx"),
        ("PROPFIND", "/v1/x"),
        ("CONNECT", "denied.test:443"),
        ("CONNECT", "api.ok.test:443"),
    ],
)
def test_a_method_outside_the_rules_is_refused(lab, method, path):
    assert lab.sandboxes[0].ask("api.ok.test:443", method=method, path=path).status in (0, 400, 403, 404)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("host", "headers"),
    [
        pytest.param("second.ok.test", "", id="another inspected host"),
        pytest.param("denied.test", "", id="a denied host"),
        pytest.param("API.OK.TEST", "", id="capitals"),
        pytest.param("api.ok.test.", "", id="a trailing dot"),
        pytest.param("api.ok.test@denied.test", "", id="user information"),
        pytest.param("10.66.0.5", "", id="an address"),
        pytest.param("api.ok.test", "Host: denied.test\r\n", id="two hosts"),
        pytest.param("denied.test", "Host: api.ok.test\r\n", id="two hosts, the other way"),
        pytest.param("api.ok.test", "X_Method: a\r\n", id="an underscore in a header's name"),
        pytest.param("api.ok.test", "Upgrade: websocket\r\nConnection: upgrade\r\n", id="websocket"),
        pytest.param("api.ok.test", "content-length: 3\r\ntransfer-encoding: chunked\r\n", id="content length and chunks"),
        pytest.param("api.ok.test", "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", id="two transfer encodings"),
        pytest.param("api.ok.test", "x: " + "a" * 65536 + "\r\n", id="a header of 64 KiB"),
        pytest.param("api.ok.test", "".join(f"x{n}: a\r\n" for n in range(100)), id="a hundred headers"),
        pytest.param("api.ok.test", "x\x00y: a\r\n", id="NUL in a header's name"),
    ],
)
def test_a_request_for_another_host_or_of_two_meanings_is_refused(lab, host, headers):
    assert lab.sandboxes[0].ask("api.ok.test:443", host=host, headers=headers).status in (0, 400, 403, 404, 431, 501)


def test_a_port_in_the_host_header_doesnt_change_where_the_request_goes(lab):
    before = len(lab.outside.requests)
    assert lab.sandboxes[0].ask("api.ok.test:443", host="api.ok.test:8443").from_origin
    assert dict(lab.outside.requests[before]["headers"])["host"] == "api.ok.test"


def test_a_denied_request_pipelined_behind_an_allowed_one_is_refused(lab):
    before = len(lab.outside.requests)
    with lab.sandboxes[0].tls("api.ok.test:443", "api.ok.test") as channel:
        head = "GET {} HTTP/1.1\r\nHost: api.ok.test\r\n\r\n"
        channel.sendall((head.format("/v1/x") + head.format("/admin") + head.format("/v1/y")).encode())
        channel.settimeout(3)
        received = b""
        try:
            while received.count(b"HTTP/1.1 ") < 3:
                received += channel.recv(65536) or b"HTTP/1.1 " * 3
        except TimeoutError:
            pass
    assert b"403 Forbidden" in received
    assert "/admin" not in [seen["path"] for seen in lab.outside.requests[before:]]


def test_the_credential_is_added_for_its_host_only(lab):
    before = len(lab.outside.requests)
    answers = [lab.sandboxes[0].ask("api.ok.test:443"), lab.sandboxes[0].ask("second.ok.test:443")]
    first, second = lab.outside.requests[before:]
    assert dict(first["headers"])["authorization"] == f"Bearer {CANARY_A}"
    assert dict(second["headers"])["x-api-key"] == CANARY_B
    assert CANARY_B not in json.dumps(first)
    assert CANARY_A not in json.dumps(second)
    for answer in answers:
        assert "canary" not in f"{answer.headers} {answer.body!r}"


def test_the_sandboxs_own_credential_header_is_replaced(lab):
    before = len(lab.outside.requests)
    headers = "Authorization: Bearer mine\r\nauthorization: Bearer mine too\r\n"
    assert lab.sandboxes[0].ask("api.ok.test:443", headers=headers).from_origin
    values = [value for name, value in lab.outside.requests[before]["headers"] if name.lower() == "authorization"]
    assert values == [f"Bearer {CANARY_A}"]


def test_a_host_whose_credential_has_no_value_gets_no_request(lab):
    before = len(lab.outside.requests)
    assert lab.sandboxes[0].ask("unset.ok.test:443").status in (401, 403, 503)
    assert len(lab.outside.requests) == before


def test_a_refused_request_doesnt_show_the_credential(lab):
    answer = lab.sandboxes[0].ask("api.ok.test:443", path="/admin")
    assert answer.status == 403
    assert "canary" not in f"{answer.headers} {answer.body!r}"


def test_neither_log_nor_configuration_dump_holds_a_credential(lab):
    lab.sandboxes[0].ask("api.ok.test:443")
    lab.logged(layer="inspect", enforced="sesn_a/allow/request/api.ok.test:443#0")
    places = lab.settings.places
    for text in (places.egress_log.read_text(), lab.admin("/config_dump"), (lab.folder / "envoy.log").read_text()):
        assert text
        assert CANARY_A not in text
        assert CANARY_B not in text


def test_the_ca_key_never_reaches_envoy(lab):
    body = lab.authority.key.strip().splitlines()[1]
    assert body not in (lab.folder / "bootstrap.json").read_text()
    assert body not in lab.admin("/config_dump")
