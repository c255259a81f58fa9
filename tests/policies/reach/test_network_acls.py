"""Network ACLs, rule by published rule (Amazon VPC User Guide: network ACLs)."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from domicile_policies.reach.aws.network_acls import DEFAULT, NetworkAcls
from domicile_policies.reach.traffic import ANY, Ports

from .graph import ACL, SUBNET, Graph

WEB = Ports("tcp", 443, 443)
OUTSIDE = ip_network("198.51.100.0/24")


def rule(number, action, cidr="0.0.0.0/0", protocol="-1", first=0, last=0):
    return {"ruleNo": number, "action": action, "protocol": protocol, "cidrBlock": cidr, "fromPort": first, "toPort": last}


def acls(**inputs):
    graph = Graph()
    subnet = graph.add(SUBNET, "subnet")
    if inputs:
        graph.add(ACL, "acl", subnetIds=["subnet"], **inputs)
    return NetworkAcls(graph.stack, graph.relations), subnet


def test_a_subnet_without_an_acl_of_its_own_is_under_the_default_one_that_allows_everything():
    found, subnet = acls()
    assert found.lets_both_ways(subnet, True, OUTSIDE, WEB)


def test_a_default_acl_in_the_stack_has_only_the_rules_that_it_names():
    graph = Graph()
    subnet = graph.add(SUBNET, "subnet")
    graph.add(DEFAULT, "default")
    assert not NetworkAcls(graph.stack, graph.relations).lets(subnet, True, OUTSIDE, WEB)


def test_an_acl_that_is_made_refuses_what_no_rule_allows():
    found, subnet = acls(egress=[])
    assert not found.lets(subnet, True, OUTSIDE, WEB)


@pytest.mark.parametrize(
    ("rules", "passes"),
    [
        ([rule(100, "allow"), rule(200, "deny")], True),
        ([rule(200, "allow"), rule(100, "deny")], False),
        ([rule(100, "deny", protocol="tcp", first=80, last=80), rule(200, "allow")], True),
        ([rule(100, "deny", "198.51.100.0/25"), rule(200, "allow")], True),
        ([rule(100, "deny", "198.51.0.0/16"), rule(200, "allow")], False),
        ([rule(100, "allow", "203.0.113.0/24")], False),
    ],
    ids=["lowest-number-decides", "a-refusal-before", "refusal-of-another-port", "refusal-of-a-half", "refusal-of-more", "another-network"],
)
def test_rules_are_tried_by_number_and_the_first_that_fits_decides(rules, passes):
    found, subnet = acls(egress=rules)
    assert found.lets(subnet, True, OUTSIDE, WEB) is passes


def test_an_answer_needs_a_rule_of_its_own_to_an_ephemeral_port():
    out = [rule(100, "allow")]
    one_way, subnet = acls(egress=out, ingress=[])
    assert not one_way.lets_both_ways(subnet, True, OUTSIDE, WEB)
    answered, subnet = acls(egress=out, ingress=[rule(100, "allow", protocol="tcp", first=1024, last=65535)])
    assert answered.lets_both_ways(subnet, True, OUTSIDE, WEB)


@pytest.mark.parametrize("wanted", [Ports("udp", 53, 53), Ports("icmp"), ANY])
def test_what_needs_no_answer_leaves_without_one(wanted):
    found, subnet = acls(egress=[rule(100, "allow")], ingress=[])
    assert found.lets_both_ways(subnet, True, OUTSIDE, wanted)


def test_rules_and_associations_that_are_resources_of_their_own_count():
    graph = Graph()
    subnet = graph.add(SUBNET, "subnet")
    graph.add(ACL, "acl")
    graph.add("aws:ec2/networkAclAssociation:NetworkAclAssociation", "tie", networkAclId="acl", subnetId="subnet")
    separate = {"networkAclId": "acl", "egress": True, "ruleNumber": 1, "ruleAction": "allow", "protocol": "-1", "cidrBlock": "0.0.0.0/0"}
    assert not NetworkAcls(graph.stack, graph.relations).lets(subnet, True, OUTSIDE, WEB)
    graph.add("aws:ec2/networkAclRule:NetworkAclRule", "rule", **separate)
    found = NetworkAcls(graph.stack, graph.relations)
    assert found.lets(subnet, True, OUTSIDE, WEB)
    assert not found.lets(subnet, False, OUTSIDE, WEB)
