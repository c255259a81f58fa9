"""Sessions through the whole perimeter: the demonstration, and agents that want more than they may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.perimeter

SCENARIOS = Path(__file__).parent / "scenarios"
TOOLS = {"bash", "read", "write", "edit", "glob", "grep"}


def serve(perimeter: Any, tmp_path: Path, scenario: str, **variables: str) -> dict[str, Any]:
    """Serves a scenario of this folder by the operator's command; gives its report."""
    content = yaml.safe_load((SCENARIOS / f"{scenario}.yaml").read_text())
    content["variables"] = {**content.get("variables", {}), **variables}
    file = tmp_path / f"{scenario}.yaml"
    file.write_text(yaml.safe_dump(content))
    done = perimeter.domicile("session", perimeter.stack, "--scenario", str(file), "--json", check=False)
    report = json.loads(done.stdout)
    assert report["reasons"] == []
    assert done.returncode == 0
    return report


@pytest.fixture(scope="module")
def demonstration(perimeter: Any) -> dict[str, Any]:
    return json.loads(perimeter.domicile("session", perimeter.stack, "--json").stdout)


def test_the_demonstration_uses_every_tool_and_each_call_runs_in_its_sandbox(demonstration):
    assert demonstration["verdict"] == "passed"
    assert {call["tool"] for call in demonstration["calls"]} == TOOLS
    [sandbox] = demonstration["sandboxes"]
    assert {call["sandbox"] for call in demonstration["calls"]} == {sandbox}


def test_the_demonstration_reaches_what_is_allowed_and_nothing_else(demonstration):
    allowed = {entry["what"] for entry in demonstration["egress"] if entry["outcome"] == "allowed"}
    refused = {entry["what"]: entry["reason"] for entry in demonstration["egress"] if entry["outcome"] == "refused"}
    assert {"CONNECT packages.example.com:443", "GET api.example.com/v1/whoami"} <= allowed
    assert refused == {"CONNECT denied.example.net:443": "deny/host-not-allowed"}


def test_no_credential_is_found_by_an_agent_that_looks_for_one(perimeter, tmp_path, environment_key):
    serve(perimeter, tmp_path, "credentials", canary=environment_key[20:50])  # a part: the whole would be in the scenario, then


def test_an_agent_reaches_the_proxy_and_nothing_else(perimeter, tmp_path):
    warm = [sandbox["address"] for sandbox in perimeter.status()["dispatcher"]["sandboxes"]]
    serve(perimeter, tmp_path, "reach", neighbour=warm[-1])


def test_the_two_doors_refuse_what_the_policy_does_not_allow_and_record_it(perimeter, tmp_path):
    report = serve(perimeter, tmp_path, "doors")
    assert len(report["refusals"]) >= 12
    refused = {entry["what"] for entry in report["egress"] if entry["outcome"] == "refused"}
    assert {"CONNECT 169.254.169.254:80", "CONNECT packages.example.com:22", "DELETE api.example.com/v1/whoami"} <= refused


def test_the_audit_trail_of_these_sessions_is_whole(perimeter, demonstration):
    done = perimeter.domicile("audit", "verify", perimeter.stack, "--json")
    assert json.loads(done.stdout)["ok"] is True
