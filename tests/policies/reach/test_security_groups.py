"""Security groups, rule by published rule (Amazon VPC User Guide: security groups, security group rules)."""

from __future__ import annotations

import pytest

from domicile_policies.reach.aws.security_groups import DEFAULT, SecurityGroups
from domicile_policies.reach.relations import Named
from domicile_policies.reach.traffic import ANY, Ports, ports
from domicile_policies.resource import Unknown

from .graph import GROUP, Graph

SINGLE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"


def doors(graph: Graph, group, direction="egress"):
    return [(str(d.ports), d.peer) for d in SecurityGroups(graph.stack, graph.relations).doors(group, direction)]


def test_a_group_that_the_provider_makes_lets_nothing_out_by_itself():
    graph = Graph()
    assert doors(graph, graph.add(GROUP, "sg")) == []


def test_a_default_group_loses_the_rules_that_it_doesnt_name():
    graph = Graph()
    assert doors(graph, graph.add(DEFAULT, "sg", egress=[], ingress=[])) == []


@pytest.mark.parametrize(
    ("type_", "fields"),
    [
        (SINGLE, {"securityGroupId": "sg", "cidrIpv4": "10.0.0.0/8", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}),
        (
            "aws:ec2/securityGroupRule:SecurityGroupRule",
            {"securityGroupId": "sg", "type": "egress", "cidrBlocks": ["10.0.0.0/8"], "protocol": "6", "fromPort": 443, "toPort": 443},
        ),
    ],
    ids=["one-rule-resource", "classic-rule-resource"],
)
def test_a_rule_counts_wherever_it_stands(type_, fields):
    graph = Graph()
    group = graph.add(GROUP, "sg")
    graph.add(type_, "rule", **fields)
    assert doors(graph, group) == [("tcp 443", "10.0.0.0/8")]
    assert doors(graph, group, "ingress") == []


def test_rules_inline_and_apart_add_up():
    graph = Graph()
    inline = [{"protocol": "udp", "fromPort": 53, "toPort": 53, "cidrBlocks": ["10.0.0.2/32"]}]
    group = graph.add(GROUP, "sg", egress=inline)
    graph.add(SINGLE, "rule", securityGroupId="sg", cidrIpv6="::/0", ipProtocol="-1")
    assert doors(graph, group) == [("udp 53", "10.0.0.2/32"), ("any traffic", "::/0")]


def test_a_rule_by_group_means_whoever_has_that_group_and_self_this_one():
    graph = Graph()
    group, other = graph.add(GROUP, "sg"), graph.add(GROUP, "other")
    graph.add(SINGLE, "rule", securityGroupId="sg", referencedSecurityGroupId="other", ipProtocol="tcp", fromPort=1, toPort=9)
    found = SecurityGroups(graph.stack, graph.relations).doors(group, "egress")
    assert [d.group for d in found] == [other]
    graph = Graph()
    group = graph.add(GROUP, "sg", ingress=[{"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}])
    assert [d.group for d in SecurityGroups(graph.stack, graph.relations).doors(group, "ingress")] == [group]


def test_a_group_outside_the_stack_is_kept_as_foreign():
    graph = Graph()
    group = graph.add(GROUP, "sg")
    graph.add(SINGLE, "rule", securityGroupId="sg", referencedSecurityGroupId="sg-elsewhere", ipProtocol="-1")
    assert [d.foreign for d in SecurityGroups(graph.stack, graph.relations).doors(group, "egress")] == ["sg-elsewhere"]


def test_what_isnt_known_of_a_rule_may_be_anything():
    graph = Graph()
    group = graph.add(GROUP, "sg")
    graph.add(SINGLE, "rule", securityGroupId="sg", cidrIpv4=Unknown("cidrIpv4"), ipProtocol=Unknown("ipProtocol"))
    assert {peer for _, peer in doors(graph, group)} == {"0.0.0.0/0", "::/0"}
    assert {allowed for allowed, _ in doors(graph, group)} == {"any traffic"}


@pytest.mark.parametrize(
    ("protocol", "first", "last", "expected"),
    [
        ("-1", 0, 0, ANY), ("all", None, None, ANY), ("tcp", 80, 90, Ports("tcp", 80, 90)), ("17", 53, 53, Ports("udp", 53, 53)),
        ("icmp", -1, -1, Ports("icmp")), ("tcp", None, None, Ports("tcp")), (None, 1, 2, ANY),
    ],
)  # fmt: skip
def test_protocols_and_ports_as_rules_write_them(protocol, first, last, expected):
    assert ports(protocol, first, last) == expected


def test_ports_meet_only_within_a_protocol():
    assert Ports("tcp", 1, 100).meets(Ports("tcp", 80, 443)) == Ports("tcp", 80, 100)
    assert Ports("tcp", 1, 79).meets(Ports("tcp", 80, 443)) is None
    assert Ports("udp", 53, 53).meets(Ports("tcp", 53, 53)) is None
    assert ANY.meets(Ports("udp", 53, 53)) == Ports("udp", 53, 53)


def test_more_ids_than_known_sources_are_strangers():
    graph = Graph()
    group = graph.add(GROUP, "sg")
    holder = graph.add("aws:ec2/instance:Instance", "web", groups=["sg", "sg-x"])
    assert graph.relations.named(holder, "groups", GROUP) == Named((group,), ("sg-x",))
