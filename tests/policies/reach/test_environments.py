"""Several environments in one stack: each is proven against its own allowlist, at both doors."""

from __future__ import annotations

import json

import pytest

from .conftest import Previewed, previewed
from .mutations import machine_file
from .snapshots import Changed

ENVIRONMENTS = {
    "payments": {"id": "env_payments", "egress": {"rules": [{"host": "bank.example.com", "port": 8443}], "howToAsk": "ask"}},
    "research": {"id": "env_research", "egress": {"rules": [{"host": "papers.example.com"}], "howToAsk": "ask"}},
    "plain": {"id": "env_plain"},
}


@pytest.fixture(scope="module")
def several() -> Previewed:
    return previewed("tokyo", environments=ENVIRONMENTS, environment=None)


def test_a_stack_with_several_environments_is_proven(several):
    proof = several.prove()
    assert [str(each) for each in proof.findings] == []
    assert {way.to for way in proof.allowed if way.to.startswith("internet: ") and not way.note} == {
        "internet: bank.example.com:8443",
        "internet: papers.example.com:443",
    }


def test_a_hosts_rule_that_another_environment_declares_is_found(several):
    changed = Changed(several.stack)

    def widen(text: str) -> str:
        settings = json.loads(text)
        settings["egress"]["rules"] += [{"host": "bank.example.com", "port": 8443}]
        return json.dumps(settings)

    machine_file(changed, "research/worker-hosts", "/settings.json", widen)
    (found,) = several.prove(changed.stack()).findings
    assert found.way.to == "internet: bank.example.com:8443" and found.resource.name == "research/worker-hosts"


def test_a_door_that_lets_through_what_another_environment_declares_is_found(several):
    changed = Changed(several.stack)

    def widen(text: str) -> str:
        """Each door lets through what all of them do."""
        bootstrap = json.loads(text)
        filters = [
            each for listener in bootstrap["static_resources"]["listeners"] for chain in listener["filter_chains"]
            for each in chain["filters"][0]["typed_config"]["http_filters"] if "rules" in each.get("typed_config", {})
        ]  # fmt: skip
        policies = {name: policy for each in filters for name, policy in each["typed_config"]["rules"]["policies"].items()}
        for each in filters:
            each["typed_config"]["rules"]["policies"] = policies
        return json.dumps(bootstrap)

    machine_file(changed, "egress-proxies", "/envoy.json", widen)
    found = several.prove(changed.stack()).findings
    assert {each.way.to for each in found} == {"internet: bank.example.com:8443", "internet: papers.example.com:443"}


def test_a_door_of_no_environment_is_found(several):
    changed = Changed(several.stack)

    def move(text: str) -> str:
        bootstrap = json.loads(text)
        listener = next(each for each in bootstrap["static_resources"]["listeners"] if "papers" in json.dumps(each))
        listener["address"]["socket_address"]["port_value"] = 9999
        return json.dumps(bootstrap)

    machine_file(changed, "egress-proxies", "/envoy.json", move)
    assert any("papers.example.com" in str(each) for each in several.prove(changed.stack()).findings)
