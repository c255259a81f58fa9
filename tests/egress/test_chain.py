"""A worker host's real Envoy behind a region's real second door: everything goes through it, by name, and nothing beside it."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network

import pytest
from egress_lab import CANARY_A, CONTROL_PLANE, RESOLVER, RULES, TIER, Lab, inspect_rule, until

from domicile_host.egress.tier import TierSettings
from domicile_host.settings import EgressPolicy, UpstreamProxy

pytestmark = pytest.mark.perimeter

ONLY_HERE = "other.ok.test"
"""Allowed by the host's policy and not by the tier's."""

PROXY = UpstreamProxy(host="tier.region.test", network=IPv4Network(f"{TIER}/32"))
HOST_RULES = (*RULES, inspect_rule("api.ok.test", port=8443))
TIER_POLICY = EgressPolicy(rules=tuple(rule for rule in HOST_RULES if rule.host != ONLY_HERE), resolvers=(IPv4Address(RESOLVER),))


@pytest.fixture(scope="module")
def lab():
    made = Lab(HOST_RULES, PROXY).open()
    try:
        made.raise_firewall()
        made.start_tier(TierSettings(name="tier", policy=TIER_POLICY, beside=((CONTROL_PLANE, 443),), address=TIER))
        made.start_server()
        made.start_envoy()
        made.admit(made.sandboxes[0], "sesn_a")
        yield made
    finally:
        made.close()


def tunnels(lab):
    """What the tier was asked for, in order."""
    lines = (lab.folder / "tier.log").read_text().splitlines()
    return [json.loads(line)["authority"] for line in lines if line.startswith("{") and line.endswith("}")]


def test_a_tunnelled_host_is_reached_through_the_second_door_by_its_name(lab):
    assert lab.sandboxes[0].ask("tunnel.ok.test:443").from_origin
    assert lab.sandboxes[0].ask("b.a.wild.test:443").from_origin
    until(lambda: {"tunnel.ok.test:443", "b.a.wild.test:443"} <= set(tunnels(lab)), what="both tunnels in the tier's log")


def test_an_inspected_host_is_reached_through_it_too_with_its_credential(lab):
    assert lab.sandboxes[0].ask("api.ok.test:443", path="/v1/chained").from_origin
    seen = next(request for request in lab.outside.requests if request["path"] == "/v1/chained")
    assert ["authorization", f"Bearer {CANARY_A}"] in seen["headers"]


def test_two_inspected_ports_of_one_host_never_share_a_connection(lab):
    for port in (443, 8443, 443, 8443):
        assert lab.sandboxes[0].ask(f"api.ok.test:{port}").json["port"] == port


@pytest.mark.parametrize("host", ["untrusted.ok.test", "misnamed.ok.test"])
def test_the_certificate_of_an_inspected_host_is_still_verified_here(lab, host):
    assert lab.sandboxes[0].ask(f"{host}:443").status == 503


def test_what_the_second_door_refuses_stays_refused(lab):
    with pytest.raises(OSError):
        lab.sandboxes[0].ask(f"{ONLY_HERE}:443")


def test_a_name_that_leads_inside_is_refused_where_the_dial_happens(lab):
    before = list(lab.outside.knocks)
    for host in ("ten.ok.test", "metadata.ok.test"):
        with pytest.raises(OSError):
            lab.sandboxes[0].ask(f"{host}:443")
    assert lab.sandboxes[0].ask("ten.inspected.test:443").status == 503
    assert lab.outside.knocks == before


def test_another_name_inside_an_allowed_tunnel_never_reaches_the_second_door(lab):
    with pytest.raises(OSError):
        lab.sandboxes[0].tls("flip.ok.test:443", "mixed.ok.test")
    assert lab.sandboxes[0].ask("tunnel.ok.test:443").from_origin
    assert not [authority for authority in tunnels(lab) if authority.startswith(("flip.", "mixed."))]


def test_the_packet_filter_lets_the_proxy_reach_the_second_door_and_nothing_else(lab):
    """The policy's own ports at public addresses, open to a proxy that dials by itself, are closed here."""
    ruled = lab.firewall().partition("chain egress {")[2].partition("}\n    chain")[0]
    assert f"ip daddr {TIER}/32 tcp dport 3128 accept" in ruled
    assert "meta nfproto ipv4 tcp dport" not in ruled
