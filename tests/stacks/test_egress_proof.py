"""The egress proof of a region with everything that it can have: tunnel, webhooks, an environment of its own, as it is applied."""

from __future__ import annotations

import json

import yaml

from domicile_policies.live import stack_of
from domicile_policies.reach import declared, prove
from domicile_policies.rule import Asked


def test_a_region_with_everything_that_it_can_have_is_proven(whole):
    content = yaml.safe_load(whole.region.file.read_text())["config"]
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in content.items()}
    proof = prove(stack_of(whole.region.stack.export()["deployment"]), declared(Asked(config=config)))
    assert [str(each) for each in proof.findings] == []
    assert any(way.to.startswith("internet: ") for way in proof.allowed)
