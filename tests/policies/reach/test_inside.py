"""What a machine's own configuration lets through: Envoy's bootstrap as Domicile renders it, nftables' chains, Ignition's hash."""

from __future__ import annotations

import base64
import hashlib
import json
from ipaddress import IPv4Address

import pytest

from domicile_host.egress.tier import TierSettings, bootstrap
from domicile_host.settings import EgressPolicy
from domicile_policies.reach.inside.envoy import proxy
from domicile_policies.reach.inside.ignition import inside
from domicile_policies.reach.inside.packet_filter import accepted, chains
from domicile_policies.resource import Unknown

from .graph import Graph


def tier(*hosts: tuple[str, int]) -> dict:
    policy = EgressPolicy.model_validate({"rules": [{"host": h, "port": p} for h, p in hosts], "resolvers": [IPv4Address("10.0.0.2")]})
    return bootstrap(TierSettings(name="tier", policy=policy, beside=(("api.example.com", 443),)))


def test_the_allowlist_is_read_as_it_was_rendered():
    found = proxy(tier(("packages.example.com", 443), ("*.mirrors.example.com", 8443)))
    assert {(each.host, each.port) for each in found.authorities} == {
        ("packages.example.com", 443), ("*.mirrors.example.com", 8443), ("api.example.com", 443),
    }  # fmt: skip
    assert not found.unguarded
    assert found.refused


@pytest.mark.parametrize(
    "regex",
    ["(?i:.*):443", r"(?i:packages\.example\.com):.*", ".*", r"(?i:a|b):443", r"(?i:packages.example\.com):443", r"(?i:[a-z]+\.com):443"],
)
def test_a_pattern_of_another_form_is_taken_for_any_host(regex):
    rendered = tier()
    text = json.dumps(rendered)
    was = json.loads(text)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]
    regex_was = was["typed_config"]["rules"]["policies"]["allow/api.example.com:443"]["permissions"][0]["header"]["string_match"]
    changed = text.replace(json.dumps(regex_was["safe_regex"]["regex"]), json.dumps(regex))
    assert changed != text
    assert [(each.host, each.port) for each in proxy(json.loads(changed)).authorities] == [("*", None)]


@pytest.mark.parametrize("action", ["DENY", "LOG"])
def test_a_list_of_another_action_guards_nothing(action):
    text = json.dumps(tier()).replace('"action": "ALLOW"', f'"action": "{action}"')
    assert proxy(json.loads(text)).unguarded


def test_a_bootstrap_that_cant_be_read_guards_nothing():
    assert proxy(None).unguarded
    assert proxy({"static_resources": {}}).unguarded


RULES = """\
table inet x {
    chain a {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iifname "lo" accept
        iifname "sb*" ip daddr 100.96.0.1 tcp dport { 3128, 8080 } accept
        meta skuid 7 jump b
        counter name refused
    }
    chain b {
        ip daddr 10.0.0.0/8 tcp dport 443 accept
        drop
    }
    chain nat {
        type nat hook input priority srcnat; policy accept;
    }
}
"""


def test_accepting_rules_are_read_through_jumps_and_answers_are_none():
    found = list(accepted(chains(RULES), "input"))
    assert [(each.interface, each.user, each.to, each.ports) for each in found] == [
        ("lo", None, None, None),
        ("sb*", None, "100.96.0.1", (3128, 8080)),
        (None, "7", "10.0.0.0/8", (443,)),
    ]


def test_a_policy_that_accepts_is_a_rule_without_a_match():
    found = list(accepted(chains(RULES.replace("policy drop", "policy accept")), "input"))
    assert found[-1].interface is None
    assert found[-1].ports is None


# --- Ignition --------------------------------------------------------------------------------------------------------------------

TEMPLATE, OBJECT = "aws:ec2/launchTemplate:LaunchTemplate", "aws:s3/bucketObjectv2:BucketObjectv2"
CONTENT = json.dumps(
    {"storage": {"files": [{"path": "/etc/x", "contents": {"source": "data:;base64," + base64.b64encode(b"inside").decode()}}]}}
)


def pointing(content: str) -> str:
    digest = hashlib.sha512(content.encode()).hexdigest()
    replace = {"source": "s3://bucket/key", "verification": {"hash": f"sha512-{digest}"}}
    return base64.b64encode(json.dumps({"ignition": {"config": {"replace": replace}}}).encode()).decode()


def test_a_machines_files_are_those_that_its_hash_leads_to():
    graph = Graph()
    template = graph.add(TEMPLATE, "t", userData=pointing(CONTENT))
    graph.add(OBJECT, "other", content="{}")
    graph.add(OBJECT, "o", content=CONTENT)
    found = inside(graph.stack, template)
    assert found.files == {"/etc/x": "inside"}
    assert found.pinned


def test_content_without_the_hash_is_not_believed():
    graph = Graph()
    template = graph.add(TEMPLATE, "t", userData=pointing(CONTENT))
    graph.add(OBJECT, "o", content=CONTENT.replace("/etc/x", "/etc/y"))
    assert not inside(graph.stack, template).files


def test_user_data_that_isnt_known_yet_is_read_from_what_it_is_made_from():
    graph = Graph()
    template = graph.add(TEMPLATE, "t", userData=Unknown("userData"))
    assert inside(graph.stack, template).why
    template.leans_on["userData"] = [graph.add(OBJECT, "o", content=CONTENT)]
    found = inside(graph.stack, template)
    assert found.files
    assert not found.pinned


def file(**more: object) -> dict:
    return {"path": "/etc/x", "contents": {"source": "data:,inside"}, **more}


def read(config: dict) -> dict:
    graph = Graph()
    content = json.dumps(config)
    template = graph.add(TEMPLATE, "t", userData=pointing(content))
    graph.add(OBJECT, "o", content=content)
    return dict(inside(graph.stack, template).files)


def test_what_is_appended_to_a_file_counts():
    assert read({"storage": {"files": [file(append=[{"source": "data:, and more"}])]}}) == {"/etc/x": "inside and more"}


@pytest.mark.parametrize(
    "more",
    [{"append": [{"source": "https://elsewhere.example/x"}]}, {"contents": {"source": "data:,x", "compression": "gzip"}}],
    ids=["from-elsewhere", "packed"],
)
def test_content_that_cant_be_seen_reads_as_nothing(more):
    assert read({"storage": {"files": [file(**more)]}}) == {"/etc/x": ""}


def test_a_configuration_that_takes_in_another_cant_be_seen():
    merge = {"ignition": {"config": {"merge": [{"source": "s3://bucket/other"}]}}, "storage": {"files": [file()]}}
    assert read(merge) == {}
