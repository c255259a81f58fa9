"""Each guard of a region's stack, taken away, is found by a rule that says so; the stack itself has nothing to be found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
import yaml
from bed import HERE, PACK
from mutations import TABLE
from reach.conftest import PROJECT, Previewed, previewed
from reach.snapshots import Changed
from unguarded import UNGUARDED

from domicile.engine import PolicyPack, preview
from domicile.rehearsal.stages.scene import STAND_IN_IMAGES, Scene
from domicile_policies.findings import VARIABLE, Findings
from domicile_policies.judge import Judge
from domicile_policies.pack import rules
from domicile_policies.parameters import settings
from domicile_policies.resource import Stack


def judged(stack: Stack, config: dict[str, str], only: Iterable[str]) -> Judge:
    """A stack judged by these rules as in a preview: each resource by itself, then the whole."""
    asked = {name: rule for name, rule in rules().items() if name in set(only)}
    judge = Judge(asked, settings(asked, {}), config, preview=True)
    for resource in stack.resources:
        judge.resource(replace(resource, leans_on=None))
    judge.stack(stack)
    return judge


def whole_region() -> dict[str, object]:
    """Tokyo's `domicile:aws` with all that a region can have but a tunnel, which is made at the control plane."""
    own = yaml.safe_load((PROJECT / "stacks" / "Pulumi.tokyo.yaml").read_text())["config"]["domicile:aws"]
    return {**own, "images": STAND_IN_IMAGES, "scaling": {"webhook": True}}


@pytest.fixture(scope="module")
def region() -> Previewed:
    return previewed("tokyo", aws=whole_region())


def test_the_stack_itself_passes_every_rule(region):
    found = judged(region.stack, region.config, rules()).found
    assert [(each.rule, each.name, each.path, each.message) for each in found] == []


@pytest.mark.parametrize("name", TABLE)
def test_a_guard_that_is_taken_away_is_found(region, name):
    row = TABLE[name]
    changed = Changed(region.stack)
    row.change(changed)
    found = judged(changed.stack(), region.config, row.rules).found
    assert [each for each in found if each.fails and not each.undecided], f"{name}: none of {row.rules} says so"


def test_every_input_that_the_components_set_has_a_mutation_or_a_reason_for_none(region):
    guarded = {f"{row.kind}.{row.prop}" for row in TABLE.values()}
    set_by_components = {
        (resource.type.split(":")[-1], prop)
        for resource in region.stack.resources
        if resource.is_a("aws:*", "pulumi:providers:aws")
        for prop in resource.inputs
    }
    named = {f"{kind}.{prop}" for kind, prop in set_by_components}
    left = {f"{kind}.{prop}" for kind, prop in set_by_components if f"*.{prop}" not in UNGUARDED}
    assert left - guarded - set(UNGUARDED) == set()
    assert {each for each in UNGUARDED if not each.startswith("*.")} <= named, "a reason for what nothing sets any more"
    assert not guarded & set(UNGUARDED), "guarded, and a reason why not"


IN_A_PROGRAM = (
    "LaunchTemplate-worker-hosts-metadataOptions.httpTokens=optional",
    "Subnet-worker-ap-northeast-1a-mapPublicIpOnLaunch=True",
    "LoadBalancer-egress-internal=False",
    "Key-key-enableKeyRotation=False",
    "ResolverFirewallConfig-closed-firewallFailOpen=ENABLED",
    "LogGroup-flow-log-retentionInDays=30",
    "BucketPublicAccessBlock-archive-blockPublicPolicy=False",
    "Repository-sandbox-imageTagMutability=MUTABLE",
    "MetricAlarm-key-age-treatMissingData=notBreaching",
    "Role-worker-host-Trust-Principal={'AWS': '*'}",
)


def changed_program(scene: Scene) -> None:
    """The stack's own program, whose resources are changed as they are registered."""
    content = yaml.safe_load(scene.file.read_text())
    content["config"]["domicile:aws"] = whole_region()
    scene.file.write_text(yaml.safe_dump(content))
    main = scene.root / "stacks" / "__main__.py"
    first = f"import sys\nsys.path[:0] = [{str(HERE)!r}]\nfrom transforming import take_away\ntake_away(*{IN_A_PROGRAM!r})\n"
    main.write_text(first + main.read_text().replace("from __future__ import annotations\n", ""))


def test_the_whole_engine_finds_what_the_recorded_stack_shows(region, tmp_path, monkeypatch):
    changed = Changed(region.stack)
    for name in IN_A_PROGRAM:
        TABLE[name].change(changed)
    expected = {(each.rule, each.name) for each in judged(changed.stack(), region.config, rules()).found}
    assert {rule for name in IN_A_PROGRAM for rule in TABLE[name].rules} <= {rule for rule, _ in expected}
    levels = tmp_path / "levels.json"
    levels.write_text('{"all": "advisory"}')  # so that the whole stack is judged too
    with Scene.of(PROJECT, "tokyo") as scene:
        monkeypatch.setenv(VARIABLE, str(tmp_path / "findings.json"))
        changed_program(scene)
        seen = preview(scene.stack, policy_packs=[PolicyPack(PACK, levels)])
        assert not seen.errors, seen.errors
        assert {(each.rule, each.name) for each in Findings.read(tmp_path / "findings.json").findings} == expected
        assert preview(scene.stack, policy_packs=[PolicyPack(PACK, None)]).exit_code != 0
