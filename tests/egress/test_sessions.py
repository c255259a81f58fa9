"""A session can leave its sandbox exactly between its admission and its withdrawal."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request

import pytest
from egress_lab import tunnel_rule, until

from domicile_host.egress import PolicyRefused, PolicyUnconfirmed
from domicile_host.egress.discovery import EXTENSIONS, RefusedError
from domicile_host.egress.policy import connect_rules
from domicile_host.egress.server import _extension

pytestmark = pytest.mark.perimeter


def refused(sandbox, authority="tunnel.ok.test:443"):
    sock, answer = sandbox.connect(authority)
    sock.close()
    return answer.status == 403


def is_dead(channel, data):
    try:
        channel.sendall(data)
        return channel.recv(65536) == b""
    except OSError:
        return True


def test_an_admitted_session_reaches_a_tunnelled_host(lab):
    assert lab.sandboxes[0].ask("tunnel.ok.test:443").from_origin


def test_an_admitted_session_reaches_a_host_below_a_wildcard(lab):
    assert lab.sandboxes[0].ask("b.a.wild.test:443").from_origin


def test_an_admitted_session_reaches_a_host_on_another_port(lab):
    assert lab.sandboxes[0].ask("alt.ok.test:8443").from_origin


def test_an_admitted_session_reaches_an_inspected_host(lab):
    assert lab.sandboxes[0].ask("api.ok.test:443").from_origin
    assert lab.sandboxes[0].ask("api.ok.test:443", method="POST", path="/v1/messages?a=b", body=b"hello").json["body"] == "hello"


def test_an_inspected_host_shows_the_perimeters_certificate_and_a_tunnelled_one_its_own(lab):
    with lab.sandboxes[0].tls("api.ok.test:443", "api.ok.test") as channel:
        assert "egress inspection" in str(channel.getpeercert()["issuer"])
    with lab.sandboxes[0].tls("tunnel.ok.test:443", "tunnel.ok.test") as channel:
        assert "public" in str(channel.getpeercert()["issuer"])


def test_http2_is_spoken_to_inspected_hosts_when_the_client_can(lab):
    with lab.sandboxes[0].tls("api.ok.test:443", "api.ok.test", alpn=["h2", "http/1.1"]) as channel:
        assert channel.selected_alpn_protocol() == "h2"


def test_a_connect_in_http_1_0_is_served(lab):
    """Python's http.client before 3.12, and so pip and requests, speaks it."""
    sock, answer = lab.sandboxes[0].connect("", b"CONNECT tunnel.ok.test:443 HTTP/1.0\r\n\r\n")
    sock.close()
    assert answer.status == 200


def test_urllib_works_and_its_error_names_the_status(lab):
    def fetch(url):
        proxies = urllib.request.ProxyHandler({"https": "http://100.96.0.1:3128"})
        return urllib.request.build_opener(proxies).open(url, timeout=10)

    with pytest.raises(urllib.error.URLError, match="403"):
        lab.sandboxes[0].do(fetch, "https://denied.test/")


def test_a_host_off_the_allowlist_is_refused_with_rule_and_remedy(lab):
    _, answer = lab.sandboxes[0].connect("denied.test:443")
    assert answer.status == 403
    assert answer.json["error"] == {
        "type": "egress_denied",
        "rule": "sesn_a/deny/host-not-allowed",
        "host": "denied.test:443",
        "how_to_ask": lab.settings.egress.how_to_ask,
    }
    assert answer.headers["x-egress-denied"] == "deny/host-not-allowed"


def test_each_decision_is_on_record_with_its_session_and_rule(lab):
    sandbox = lab.sandboxes[0]
    sandbox.connect("denied.test:443")[0].close()
    sandbox.ask("tunnel.ok.test:443")
    sandbox.ask("api.ok.test:443", path="/v1/recorded?secret=1")
    denied = lab.logged(layer="connect", authority="denied.test:443")
    assert (denied["session"], denied["src"], denied["rule"]) == ("sesn_a", sandbox.address, "sesn_a/deny/host-not-allowed")
    tunnelled = lab.logged(layer="tunnel", rule="sesn_a/allow/tunnel/tunnel.ok.test:443")
    assert tunnelled["sni"] == "tunnel.ok.test"
    assert tunnelled["down_bytes"] > 0
    request = lab.logged(layer="inspect", path="/v1/recorded")
    assert request["enforced"] == "sesn_a/allow/request/api.ok.test:443#0"
    assert lab.logged(layer="connect", tunnel=request["tunnel"])["chost"] == "api.ok.test:443"


def test_refused_before_admission_allowed_at_once_after_and_refused_after_withdrawal(lab):
    sandbox = lab.sandboxes[1]
    for round_number in range(5):
        assert refused(sandbox)
        lab.admit(sandbox, f"sesn_b{round_number}")
        assert sandbox.connect("tunnel.ok.test:443")[1].status == 200
        assert sandbox.ask("api.ok.test:443").from_origin
        lab.withdraw(sandbox)
        assert refused(sandbox)
        assert refused(sandbox, "api.ok.test:443")


def test_among_two_hundred_sessions_each_is_in_force_when_its_admission_returns(lab):
    sandbox = lab.sandboxes[1]
    others = [f"100.96.1.{number}" for number in range(1, 201)]

    async def all_at_once():
        await asyncio.gather(*(lab.server.admit(source, f"sesn_of_{source.replace('.', '_')}") for source in others))

    async def one_by_one():
        for source in others:
            await lab.server.withdraw(source)

    lab.proxy_loop.run(all_at_once())
    for round_number in range(20):
        lab.admit(sandbox, f"sesn_b{round_number}")
        assert sandbox.connect("tunnel.ok.test:443")[1].status == 200
        lab.withdraw(sandbox)
        assert refused(sandbox)
    lab.proxy_loop.run(one_by_one())
    assert lab.sandboxes[0].ask("tunnel.ok.test:443").from_origin


def test_a_refused_connection_is_closed(lab):
    with lab.sandboxes[0].dial() as sock:
        sock.sendall(b"GET http://denied.test/ HTTP/1.1\r\nHost: denied.test\r\n\r\n" * 2)
        received = b""
        while more := sock.recv(65536):
            received += more
    assert received.count(b"HTTP/1.1 403") == 1


@pytest.mark.parametrize("host", ["tunnel.ok.test", "api.ok.test"])
def test_withdrawal_ends_live_tunnels_of_that_session_only(lab, host):
    kept, ended = lab.sandboxes
    lab.admit(ended, "sesn_b")
    request = f"GET /v1/x HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with kept.tls(f"{host}:443", host) as live, ended.tls(f"{host}:443", host) as dead:
        for channel in (live, dead):
            channel.sendall(request)
            assert b"200 OK" in channel.recv(65536)
        lab.withdraw(ended)
        assert is_dead(dead, request)
        live.sendall(request)
        assert b"200 OK" in live.recv(65536)


def test_an_address_belongs_to_one_session(lab):
    with pytest.raises(PolicyRefused, match="sesn_a"):
        lab.proxy_loop.run(lab.server.admit(lab.sandboxes[0].address, "sesn_other"))
    assert lab.sandboxes[0].ask("tunnel.ok.test:443").from_origin


def test_admitting_the_same_session_twice_changes_nothing(lab):
    lab.admit(lab.sandboxes[0], "sesn_a")
    assert lab.sandboxes[0].ask("tunnel.ok.test:443").from_origin


@pytest.mark.parametrize(("source", "session_id"), [("not-an-address", "sesn_c"), ("100.96.0.9", "a/allow/x"), ("100.96.0.9", "")])
def test_an_admission_that_makes_no_sense_is_refused(lab, source, session_id):
    with pytest.raises(PolicyRefused):
        lab.proxy_loop.run(lab.server.admit(source, session_id))


def test_a_policy_that_envoy_refuses_leaves_the_old_one_in_force(lab):
    """Refused by Envoy with its reason; sessions then come and go as before."""
    good = _extension("connects", connect_rules(lab.settings.egress))
    broken = _extension("connects", connect_rules(lab.settings.egress.model_copy(update={"rules": (tunnel_rule("evil.test"),)})))
    broken.typed_config.value = broken.typed_config.value.replace(b"envoy.config.rbac.v3.Action", b"envoy.config.rbac.v3.Nothng")
    discovery = lab.server._discovery

    async def put(resource):
        await asyncio.wait_for(discovery.confirmed(EXTENSIONS, "connects", discovery.put(EXTENSIONS, "connects", resource)), 10)

    with pytest.raises(RefusedError, match="Nothng"):
        lab.proxy_loop.run(put(broken))
    assert refused(lab.sandboxes[0], "denied.test:443")
    assert lab.sandboxes[0].ask("tunnel.ok.test:443").from_origin
    lab.proxy_loop.run(put(good))
    lab.admit(lab.sandboxes[1], "sesn_after")
    assert lab.sandboxes[1].ask("tunnel.ok.test:443").from_origin
    lab.withdraw(lab.sandboxes[1])


def test_a_new_value_of_a_credential_is_injected_once_confirmed(lab):
    lab.proxy_loop.run(lab.server.replace_credentials({"api": "canary-rotated"}))
    before = len(lab.outside.requests)
    assert lab.sandboxes[0].ask("api.ok.test:443").from_origin
    assert dict(lab.outside.requests[before]["headers"])["authorization"] == "Bearer canary-rotated"


def test_a_credential_whose_value_comes_late_opens_its_host_then(lab):
    assert lab.sandboxes[0].ask("unset.ok.test:443").status != 200
    lab.proxy_loop.run(lab.server.replace_credentials({"never-given": "canary-late"}))
    assert lab.sandboxes[0].ask("unset.ok.test:443").from_origin


def test_a_leaf_is_renewed_before_it_expires(lab):
    """The renewal's own step: a new certificate is served to new connections."""

    def serial():
        with lab.sandboxes[0].tls("second.ok.test:443", "second.ok.test") as channel:
            return channel.getpeercert()["serialNumber"]

    old = serial()

    async def renew():
        leaf = lab.server._put_leaf("second.ok.test")
        lab.server._leaves["second.ok.test"] = leaf

    lab.proxy_loop.run(renew())
    assert until(lambda: serial() != old, what="a new certificate")


def test_an_admission_that_nobody_confirms_is_taken_back(lab):
    server = lab.new_server(confirm_seconds=0.2)

    async def admit_alone():
        server._put_sessions()
        await server.admit("100.96.0.9", "sesn_lost")

    with pytest.raises(PolicyUnconfirmed, match="isn't connected"):
        lab.proxy_loop.run(admit_alone())
    assert server._sessions == {}
