"""Envoy or the dispatcher may die at any time: sessions in hand stay admitted, and nothing opens that wasn't open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from egress_lab import EGRESS_PORT, GATEWAY_PORT, Lab, opened, until

pytestmark = pytest.mark.perimeter


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    yield from opened()


def status(sandbox, authority="tunnel.ok.test:443"):
    try:
        sock, answer = sandbox.connect(authority)
    except OSError:
        return 0
    sock.close()
    return answer.status


def test_after_envoy_is_killed_and_started_again_sessions_are_as_before(lab):
    lab.kill_envoy()
    assert status(lab.sandboxes[0]) == 0
    lab.start_envoy()
    assert lab.sandboxes[0].ask("tunnel.ok.test:443").from_origin
    assert lab.sandboxes[0].ask("api.ok.test:443").from_origin
    assert status(lab.sandboxes[1]) == 403
    lab.admit(lab.sandboxes[1], "sesn_b")
    lab.withdraw(lab.sandboxes[1])


def test_a_session_withdrawn_while_envoy_is_away_stays_withdrawn(lab):
    lab.admit(lab.sandboxes[1], "sesn_b")
    lab.kill_envoy()
    until(lambda: not lab.server.connected, what="the end of Envoy's stream")
    lab.proxy_loop.run(_quickly(lab.server, lab.sandboxes[1].address))
    lab.start_envoy()
    assert status(lab.sandboxes[1]) == 403
    assert status(lab.sandboxes[0]) == 200


async def _quickly(server, source):
    from domicile_host.egress import PolicyUnconfirmed

    server._confirm_seconds = 0.2
    with pytest.raises(PolicyUnconfirmed):
        await server.withdraw(source)
    server._confirm_seconds = 5.0


def test_without_a_dispatcher_the_last_policy_stays_and_its_successor_adopts(lab):
    lab.stop_server()
    assert status(lab.sandboxes[0]) == 200
    assert status(lab.sandboxes[1]) == 403
    with lab.sandboxes[0].tls("tunnel.ok.test:443", "tunnel.ok.test") as live:
        lab.start_server({lab.sandboxes[0].address: "sesn_a"})
        until(lambda: lab.server.connected, what="Envoy's return")
        lab.admit(lab.sandboxes[1], "sesn_b")
        assert status(lab.sandboxes[1]) == 200
        live.sendall(b"GET /v1/x HTTP/1.1\r\nHost: tunnel.ok.test\r\n\r\n")
        assert b"200 OK" in live.recv(65536)
    lab.withdraw(lab.sandboxes[1])
    assert status(lab.sandboxes[0]) == 200


def test_a_dispatcher_that_adopts_nothing_closes_what_was_open(lab):
    lab.stop_server()
    lab.start_server({})
    until(lambda: lab.server.connected, what="Envoy's return")
    lab.admit(lab.sandboxes[1], "sesn_b")
    assert status(lab.sandboxes[0]) == 403
    lab.withdraw(lab.sandboxes[1])
    lab.admit(lab.sandboxes[0], "sesn_a")


def test_before_any_policy_egress_is_closed_and_the_gateway_is_served(lab):
    lab.stop_server()
    lab.kill_envoy()
    lab.start_envoy()
    assert status(lab.sandboxes[0]) not in (0, 200)
    assert lab.sandboxes[0].raw(b"CONNECT tunnel.ok.test:443 HTTP/1.1\r\nHost: tunnel.ok.test:443\r\n\r\n", EGRESS_PORT).status >= 400
    assert lab.sandboxes[0].raw(b"GET /x HTTP/1.1\r\nHost: 100.96.0.1:8080\r\n\r\n", GATEWAY_PORT).status == 200
    lab.start_server({lab.sandboxes[0].address: "sesn_a"})
    until(lambda: status(lab.sandboxes[0]) == 200, what="the adopted session's egress")


def test_the_ads_socket_is_closed_to_others(lab):
    mode = lab.settings.places.ads.stat()
    assert mode.st_mode & 0o777 == 0o660
    assert mode.st_gid == lab.settings.places.ads.parent.stat().st_gid


def test_envoy_runs_without_privileges(lab):
    status_file = f"/proc/{lab.envoy.pid}/status"
    with open(status_file) as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert fields["Uid"].split("\t")[0] == "65531"
    assert int(fields["CapEff"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
