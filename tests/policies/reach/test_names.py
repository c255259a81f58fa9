"""DNS as a way out, rule by published rule (Route 53 Developer Guide: how Resolver DNS Firewall works, VPC configuration)."""

from __future__ import annotations

import pytest

from domicile_policies.reach.aws.names import GROUP, LIST, Names
from domicile_policies.reach.declared import Declared
from domicile_policies.resource import Unknown

from .graph import VPC, Graph

KIND = "aws:route53/resolver"
RULE, TIE = f"{KIND}FirewallRule:ResolverFirewallRule", f"{KIND}FirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation"
DECLARED = Declared(hosts=frozenset({("packages.example.com", 443), ("*.mirrors.example.com", 443)}))


def firewall(*rules: tuple[str, int, list], associated: bool = True, **fields) -> Graph:
    graph = Graph()
    graph.add(VPC, "vpc")
    graph.add(GROUP, "group")
    if associated:
        graph.add(TIE, "tie", vpcId="vpc", firewallRuleGroupId="group", priority=101)
    for n, (action, priority, domains) in enumerate(rules):
        graph.add(LIST, f"list{n}", domains=domains)
        more = fields if n == len(rules) - 1 else {}
        graph.add(RULE, f"rule{n}", action=action, priority=priority, firewallRuleGroupId="group", firewallDomainListId=f"list{n}", **more)
    return graph


def leaks(graph: Graph) -> list[str]:
    return [leak.name for leak in Names(graph.stack, graph.relations, DECLARED).leaks(graph.resources[0])]


ALL = ("BLOCK", 200, ["*"])


@pytest.mark.parametrize(
    ("rules", "holds"),
    [
        ([("ALLOW", 100, ["packages.example.com."]), ALL], True),
        ([("ALLOW", 100, ["*.mirrors.example.com"]), ALL], True),
        ([("ALLOW", 100, ["sts.eu-west-1.amazonaws.com"]), ALL], True),
        ([("ALLOW", 100, ["*.amazonaws.com"]), ALL], False),
        ([("ALLOW", 100, ["attacker.example"]), ALL], False),
        ([("ALLOW", 100, ["*.example.com"]), ALL], False),
        ([("ALERT", 100, ["*"]), ALL], False),
        ([("ALLOW", 300, ["*"]), ALL], True),
        ([("BLOCK", 200, ["*.bad.example"])], False),
        ([("ALLOW", 100, ["packages.example.com"])], False),
    ],
)
def test_the_first_rule_that_has_the_name_decides_and_none_resolves_it(rules, holds):
    assert (leaks(firewall(*rules)) == []) is holds


def test_without_an_associated_group_every_name_is_resolved():
    assert leaks(firewall(ALL, associated=False)) == ["any name"]


@pytest.mark.parametrize(
    ("name", "leaves"),
    [("*.argotunnel.com", False), ("region1.v2.argotunnel.com", False), ("*.cfargotunnel.com", True), ("*.v2.argotunnel.com", True),
     ("*.amazonaws.com", True), ("*.evil-argotunnel.com", True)],
)  # fmt: skip
def test_of_all_zones_only_that_of_cloudflares_edges_may_be_asked_for_any_name(name, leaves):
    assert bool(leaks(firewall(("ALLOW", 100, [name]), ALL))) is leaves


def test_without_a_resolver_there_is_nothing_to_ask():
    graph = firewall(ALL, associated=False)
    graph.resources[0].inputs["enableDnsSupport"] = False
    assert leaks(graph) == []


@pytest.mark.parametrize(
    ("mode", "holds"), [("DISABLED", True), ("ENABLED", False), ("USE_LOCAL_RESOURCE_SETTING", False), (Unknown("m"), False)]
)
def test_failing_open_resolves_whatever_comes(mode, holds):
    graph = firewall(ALL)
    graph.add(f"{KIND}FirewallConfig:ResolverFirewallConfig", "config", resourceId="vpc", firewallFailOpen=mode)
    assert (leaks(graph) == []) is holds


def test_a_rule_about_one_type_of_question_leaves_the_others():
    assert leaks(firewall(ALL, qType="A"))


def test_groups_go_by_the_associations_priority():
    graph = firewall(ALL)
    graph.add(GROUP, "first")
    graph.add(TIE, "first-tie", vpcId="vpc", firewallRuleGroupId="first", priority=100)
    graph.add(LIST, "any", domains=["*"])
    graph.add(RULE, "any", action="ALLOW", priority=900, firewallRuleGroupId="first", firewallDomainListId="any")
    assert leaks(graph) == ["names like *"]


def test_a_list_that_isnt_known_is_undecided():
    graph = firewall(("ALLOW", 100, [Unknown("domains[0]")]), ALL)
    found = list(Names(graph.stack, graph.relations, DECLARED).leaks(graph.resources[0]))
    assert [leak.undecided for leak in found] == [True]


def test_a_rule_that_forwards_sends_questions_outside():
    graph = firewall(ALL)
    graph.add("aws:route53/resolverRule:ResolverRule", "out", ruleType="FORWARD", domainName="attacker.example")
    graph.add("aws:route53/resolverRuleAssociation:ResolverRuleAssociation", "tie2", resolverRuleId="out", vpcId="vpc")
    assert leaks(graph) == ["names below attacker.example"]
