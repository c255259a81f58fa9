"""NetworkPolicies, rule by published rule (kubernetes.io: Network Policies; API reference: NetworkPolicy v1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domicile_policies.reach import Declared, prove
from domicile_policies.reach.kubernetes import DOOR, POLICY, SANDBOX, lets, reaches, selected
from domicile_policies.reach.traffic import Ports
from domicile_policies.resource import Resource, Stack, Unknown

WEB = Ports("tcp", 443, 443)
TO_DOOR = {"to": [{"podSelector": {"matchLabels": DOOR}}], "ports": [{"port": 3128, "protocol": "TCP"}]}


def policy(name="guard", namespace="sandboxes", selector=None, **spec) -> Resource:
    inputs = {"metadata": {"namespace": namespace}, "spec": {"podSelector": selector or {}, "policyTypes": ["Egress"], **spec}}
    return Resource(POLICY, name, f"urn:{name}", inputs, leans_on={})


def deployment(labels=None, namespace="sandboxes") -> Resource:
    template = {"metadata": {"labels": labels or SANDBOX}, "spec": {}}
    spec = {"metadata": {"namespace": namespace}, "spec": {"template": template}}
    return Resource("kubernetes:apps/v1:Deployment", "pool", "urn:pool", spec, leans_on={})


def proven(*resources: Resource, declared: Declared | None = None) -> list[str]:
    return [each.because for each in prove(Stack(list(resources)), declared or Declared()).findings]


def test_a_pod_that_no_policy_selects_reaches_everything():
    assert proven(deployment())
    assert proven(deployment(), policy(namespace="elsewhere"))
    assert proven(deployment(), policy(selector={"matchLabels": {"app": "web"}}))


def test_default_deny_reaches_nothing():
    assert proven(deployment(), policy()) == []
    assert proven(deployment(), policy(egress=[])) == []


def test_a_policy_about_ingress_alone_isolates_no_egress():
    assert proven(deployment(), policy(policyTypes=["Ingress"]))


def test_without_policy_types_egress_rules_make_it_about_egress():
    bare = policy(egress=[TO_DOOR])
    del bare.inputs["spec"]["policyTypes"]
    assert proven(deployment(), bare) == []
    del bare.inputs["spec"]["egress"]
    assert proven(deployment(), bare)


def test_policies_add_up():
    everything = policy("open", egress=[{}])
    assert proven(deployment(), policy(), everything)
    assert proven(deployment(), policy(), policy("door", egress=[TO_DOOR])) == []


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"ports": [{"port": 443, "protocol": "TCP"}]},
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]},
        {"to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}], "ports": [{"port": 443}]},
        {"to": [{"podSelector": {}}]},
        {"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": DOOR}}], "ports": [{"port": 3128}]},
        {"to": [{"namespaceSelector": {"matchLabels": {"name": "kube-system"}}}], "ports": [{"port": 53, "protocol": "UDP"}]},
        {"to": [{"podSelector": {"matchLabels": DOOR}}]},
        {"to": [*TO_DOOR["to"], {"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": TO_DOOR["ports"]},
    ],
    ids=["no-to", "ports-only", "the-internet", "a-network", "all-pods", "any-namespaces-door", "dns", "every-port", "one-peer-too-many"],
)
def test_a_rule_that_leads_elsewhere_than_to_the_door_is_found(rule):
    found = prove(Stack([deployment(), policy(egress=[rule])]), Declared()).findings
    assert [each.kind for each in found] == ["open"]
    assert found[0].path.startswith("spec.egress[0]")


def test_the_pods_that_answer_dns_may_be_declared_as_doors():
    dns = {"k8s-app": "guarded-dns"}
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "dns"}}, "podSelector": {"matchLabels": dns}}
    rule = {"to": [peer], "ports": [{"port": 53, "protocol": "UDP"}]}
    assert proven(deployment(), policy(egress=[rule]))
    assert proven(deployment(), policy(egress=[rule]), declared=replace(Declared(), doors=(dns,))) == []


@pytest.mark.parametrize(
    ("address", "wanted", "passes"),
    [
        ("198.51.100.7", WEB, True),
        ("198.51.100.200", WEB, False),
        ("203.0.113.1", WEB, False),
        ("198.51.100.7", Ports("tcp", 8443, 8443), True),
        ("198.51.100.7", Ports("tcp", 9000, 9000), False),
        ("198.51.100.7", Ports("udp", 443, 443), False),
    ],
)
def test_ip_blocks_their_exceptions_and_ranges_of_ports(address, wanted, passes):
    block = {"ipBlock": {"cidr": "198.51.100.0/24", "except": ["198.51.100.128/25"]}}
    ports = [{"port": 443}, {"port": 8000, "endPort": 8999, "protocol": "TCP"}]
    [reach] = reaches(policy(egress=[{"to": [block], "ports": ports}]))
    assert lets(reach, address, wanted) is passes


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchLabels": {"a": "1", "c": "1"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "z", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "z", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "z", "operator": "DoesNotExist"}]}, True),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_selectors_hold_by_all_that_they_say(selector, fits):
    assert selected(selector, {"a": "1", "b": "x"}) is fits


@pytest.mark.parametrize("path", ["egress", "podSelector"])
def test_a_policy_that_isnt_known_is_undecided(path):
    guard = policy(egress=[TO_DOOR])
    guard.inputs["spec"][path] = Unknown(f"spec.{path}")
    found = prove(Stack([deployment(), guard]), Declared()).findings
    assert [each.kind for each in found] == ["undecided"]


def test_pods_that_run_sandboxes_may_be_named():
    pool = deployment({"app": "agents"})
    assert proven(pool) == []
    assert proven(pool, declared=Declared(pods={"app": "agents"}))
