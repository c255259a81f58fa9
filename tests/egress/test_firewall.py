"""The belt under the proxy: what each service and each sandbox can reach even if it misbehaves."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from egress_lab import CONTROL_PLANE, ENVOY_UID, GATEWAY_UID, ORIGIN, RESOLVER, SHIPPER_UID, Lab, opened, run

from domicile_host.egress import firewall

pytestmark = pytest.mark.perimeter

DIAL = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    yield from opened()


def reaches(lab, uid, address, port):
    """Whether a process of that user in the services' namespace can connect."""
    enter = ["nsenter", f"--net=/run/netns/{lab.namespace}", "setpriv", f"--reuid={uid}", "--clear-groups", "--no-new-privs"]
    return subprocess.run([*enter, sys.executable, "-c", DIAL, address, str(port)], capture_output=True, timeout=30).returncode == 0


@pytest.mark.parametrize(
    ("uid", "address", "port", "expected"),
    [
        pytest.param(ENVOY_UID, ORIGIN, 443, True, id="proxy: a public address on a port of the policy"),
        pytest.param(ENVOY_UID, ORIGIN, 80, False, id="proxy: another port"),
        pytest.param(ENVOY_UID, "10.66.0.5", 443, False, id="proxy: a private address"),
        pytest.param(ENVOY_UID, "169.254.169.254", 80, False, id="proxy: the metadata service"),
        pytest.param(ENVOY_UID, "100.64.0.9", 443, False, id="proxy: a carrier's address"),
        pytest.param(ENVOY_UID, "100.96.0.1", 8080, False, id="proxy: itself"),
        pytest.param(ENVOY_UID, "127.0.0.1", 443, False, id="proxy: loopback"),
        pytest.param(GATEWAY_UID, CONTROL_PLANE, 443, True, id="gateway: the control plane"),
        pytest.param(GATEWAY_UID, ORIGIN, 443, False, id="gateway: anything else"),
        pytest.param(GATEWAY_UID, RESOLVER, 53, False, id="gateway: DNS"),
        pytest.param(0, CONTROL_PLANE, 443, True, id="dispatcher: the control plane"),
        pytest.param(0, "169.254.169.254", 80, False, id="dispatcher: the metadata service"),
        pytest.param(SHIPPER_UID, CONTROL_PLANE, 443, False, id="shipper: what isn't a sink"),
        pytest.param(65534, CONTROL_PLANE, 443, False, id="anybody else"),
    ],
)
def test_a_service_reaches_only_what_its_work_needs(lab, uid, address, port, expected):
    assert reaches(lab, uid, address, port) is expected


def test_loading_it_again_keeps_connections(lab):
    with lab.sandboxes[0].tls("tunnel.ok.test:443", "tunnel.ok.test") as live:
        lab.raise_firewall()
        live.sendall(b"GET /v1/x HTTP/1.1\r\nHost: tunnel.ok.test\r\n\r\n")
        assert b"200 OK" in live.recv(65536)


def test_one_sandbox_cant_take_all_connections(lab):
    sandbox = lab.sandboxes[0]
    held = []

    def hold():
        for _ in range(2 * firewall.NEW_CONNECTIONS_PER_SECOND + firewall.CONNECTIONS_PER_SANDBOX):
            held.append(socket.create_connection(("100.96.0.1", 3128), 0.5))

    try:
        with pytest.raises(OSError):
            sandbox.do(hold)
        assert len(held) <= firewall.CONNECTIONS_PER_SANDBOX
        assert lab.sandboxes[1].connect("tunnel.ok.test:443")[1].status == 403
    finally:
        for sock in held:
            sock.close()


def test_any_public_address_can_be_the_control_plane(lab):
    """As for the real one, which has many addresses: still no private one, and DNS where it is named."""
    uids = firewall.Uids(dispatcher=0, gateway=GATEWAY_UID, egress=ENVOY_UID, shipper=SHIPPER_UID)
    rules = firewall.render(
        lab.settings, uids, control_plane=[firewall.Endpoint(443)], sinks=[firewall.Endpoint(443)], resolvers=lab.settings.egress.resolvers
    )
    run("ip", "netns", "exec", lab.namespace, "nft", "-f", "-", data=rules)
    try:
        assert reaches(lab, GATEWAY_UID, CONTROL_PLANE, 443)
        assert not reaches(lab, GATEWAY_UID, "10.66.0.5", 443)
        assert not reaches(lab, GATEWAY_UID, ORIGIN, 80)
        assert reaches(lab, SHIPPER_UID, ORIGIN, 443)
    finally:
        lab.raise_firewall()
