"""The egress proof against an attacker who may change one thing of the Tokyo stack: each change is found, by a path that names it."""

from __future__ import annotations

import pytest

from .mutations import TABLE
from .snapshots import Changed


@pytest.mark.parametrize("name", TABLE)
def test_a_single_change_is_found_and_its_path_names_it(tokyo, name):
    change, named, kind = TABLE[name]
    changed = Changed(tokyo.stack)
    change(changed)
    findings = tokyo.prove(changed.stack()).findings
    assert findings, f"{name} passes"
    on_path = {hop.resource.name for each in findings if each.kind == kind for hop in each.way.hops if hop.resource}
    at = {each.resource.name for each in findings if each.kind == kind}
    assert named in on_path | at, [str(each) for each in findings]


def test_the_stack_itself_is_proven(tokyo):
    assert [str(each) for each in tokyo.prove().findings] == []


def test_a_change_that_opens_nothing_is_no_finding(tokyo):
    changed = Changed(tokyo.stack)
    changed.inputs("Vpc", "vpc")["tags"] = {"Name": "another"}
    changed.inputs("LaunchTemplate", "worker-hosts")["instanceType"] = "m7i.4xlarge"
    narrow = {"cidrIpv4": "10.64.0.0/16", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
    kind = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    changed.add(kind, "in", narrow, securityGroupId=("SecurityGroup", "worker-hosts"))
    assert tokyo.prove(changed.stack()).holds
