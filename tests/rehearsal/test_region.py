"""A whole region in miniature, through the embedded engine: the life that `rehearse` will lead with the real stacks."""

from __future__ import annotations

from pathlib import Path

PROGRAM = (Path(__file__).parent / "programs" / "region.py").read_text()


def test_a_region_is_made_rests_changes_drifts_and_goes(stage):
    first = stage.up(PROGRAM)
    assert first.exit_code == 0, first.errors
    assert first.outputs["repository"] == "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/perimeter/host"
    again = stage.preview()
    assert set(again.summary) == {"same"}, [(s.op, s.urn, s.detailed_diff) for s in again.steps if s.op != "same"]
    stage.stack.set_config("stage:user_data", "#!/bin/sh\necho other\n")
    changed = stage.up()
    ops = {s.urn.rpartition("::")[2]: s.op for s in changed.steps if s.op not in ("same",)}
    assert changed.exit_code == 0 and changed.summary["update"] == 2, ops
    assert stage.thing("LaunchTemplate").properties["latestVersion"] == 2
    assert stage.thing("Group").properties["launchTemplate"]["version"] == "2", "the group follows the template"
    stage.rehearsal.cloud.edit(stage.thing("SecurityGroup"), tags={"by": "hand"})
    stage.rehearsal.cloud.vanish(stage.thing("Alias"))
    drift = stage.refresh()
    assert drift.summary["update"] == 1 and drift.summary["delete"] == 1
    mended = stage.up()
    assert mended.summary["update"] == 1 and mended.summary["create"] == 1
    gone = stage.destroy()
    assert gone.exit_code == 0, gone.errors
    assert stage.made() == {}


def test_a_new_network_range_replaces_what_lies_in_it_and_nothing_clashes(stage):
    assert stage.up(PROGRAM).exit_code == 0
    stage.stack.set_config("stage:cidr", "10.40.0.0/17")
    result = stage.up()
    assert result.exit_code == 0, result.errors
    assert result.summary["replace"] >= 10
    assert set(stage.preview().summary) == {"same"}
    assert stage.destroy().exit_code == 0 and stage.made() == {}
