"""A policy that the proxy couldn't hold is named before anything is provisioned."""

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from domicile_host.egress import policy
from domicile_host.settings import Credential, EgressPolicy, EgressRule, HttpRule

GET = HttpRule(methods=("GET",), paths=("/v1/",))
HOST = Path(__file__).parents[2] / "images" / "host"


def of(*rules, **fields):
    return EgressPolicy(rules=rules, resolvers=fields.pop("resolvers", (IPv4Address("9.9.9.9"),)), **fields)


def inspected(**fields):
    return EgressRule(**{"host": "api.example.com", "mode": "inspect", "http": (GET,), **fields})


def http(methods=("GET",), paths=("/v1/",)):
    return inspected(http=(HttpRule(methods=methods, paths=paths),))


TUNNEL = EgressRule(host="example.com")

WRONG = {
    "no resolver": (of(TUNNEL, resolvers=()), "resolvers"),
    "a line break in the remedy": (of(how_to_ask="a\nb"), "how_to_ask"),
    "the same host twice": (of(TUNNEL, TUNNEL), "rules[1]"),
    "plain HTTP": (of(EgressRule(host="example.com", port=80)), "rules[0].port"),
    "HTTP rules in a tunnel": (of(EgressRule(host="example.com", http=(GET,))), "rules[0].http"),
    "a credential in a tunnel": (of(EgressRule(host="example.com", credential=Credential(name="a"))), "rules[0].credential"),
    "a wildcard to inspect": (of(inspected(host="*.example.com")), "rules[0].host"),
    "nothing to inspect by": (of(inspected(http=())), "rules[0].http"),
    "a lower-case method": (of(http(methods=("get",))), "rules[0].http[0].methods[0]"),
    "CONNECT as a method": (of(http(methods=("GET", "CONNECT"))), "rules[0].http[0].methods[1]"),
    "a relative path": (of(http(paths=("v1",))), "rules[0].http[0].paths[0]"),
    "a path with dots": (of(http(paths=("/v1/../x",))), "rules[0].http[0].paths[0]"),
    "an encoded path": (of(http(paths=("/v1/%41",))), "rules[0].http[0].paths[0]"),
    "a path with a query": (of(http(paths=("/v1?x",))), "rules[0].http[0].paths[0]"),
    "a double slash": (of(http(paths=("/v1//x",))), "rules[0].http[0].paths[0]"),
    "a backslash": (of(http(paths=("/v1\\x",))), "rules[0].http[0].paths[0]"),
    "a credential in Host": (of(inspected(credential=Credential(name="a", header="host"))), "rules[0].credential.header"),
    "a line break before a credential": (of(inspected(credential=Credential(name="a", prefix="a\r\nb"))), "rules[0].credential.prefix"),
}


@pytest.mark.parametrize(("wrong", "path"), [pytest.param(*case, id=name) for name, case in WRONG.items()])
def test_a_policy_that_cant_be_held_is_named_with_path_and_fix(wrong, path):
    (problem,) = policy.check(wrong)
    assert problem.path == path
    assert problem.value
    assert problem.allowed
    assert problem.fix


def test_a_good_policy_has_no_problem():
    good = of(
        TUNNEL,
        EgressRule(host="*.example.com"),
        EgressRule(host="example.com", port=8443),
        inspected(credential=Credential(name="a", prefix="Bearer ")),
        inspected(host="b.example.com", http=(HttpRule(methods=("GET", "POST"), paths=("/", "/v1/messages", "/a~b/@c:d")),)),
    )
    assert policy.check(good) == ()


def test_rendering_needs_no_protocol_packages():
    """Provisioning imports this where neither gRPC, Envoy's protocol nor pyroute2 is installed."""
    program = (
        "import sys\n"
        "for name in ('grpc', 'google', 'envoy', 'xds', 'pyroute2', 'cryptography'): sys.modules[name] = None\n"
        "from domicile_host.egress import bootstrap, firewall, policy\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=HOST, check=True, timeout=60)


def test_rules_are_plain_json():
    assert json.loads(json.dumps(policy.connect_rules(of(TUNNEL))))
    assert json.loads(json.dumps(policy.request_rules(of(inspected()))))
