"""The plugin's processes: several on one cloud, and what the fault plan does to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2

from domicile.rehearsal import Fault, Rehearsal

from .plugin import Plugin, until_struck

VPC, SUBNET, QUEUE = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:sqs/queue:Queue"


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal(tmp_path)


@pytest.fixture
def plugin(rehearsal: Rehearsal) -> Iterator[Plugin]:
    plugin = Plugin(rehearsal)
    yield plugin
    plugin.stop()


def test_of_several_plugins_that_race_for_a_range_one_gets_it(rehearsal):
    vpc = rehearsal.add(VPC, "net", "ap-northeast-1", {"cidrBlock": "10.0.0.0/16"}).id
    plugins = [Plugin(rehearsal) for _ in range(3)]
    calls = [
        plugin.create(SUBNET, f"s-{n}-{i}", vpcId=vpc, cidrBlock=f"10.0.{n}.0/24") for n in range(20) for i, plugin in enumerate(plugins)
    ]
    codes = [call.code() for call in calls]
    for plugin in plugins:
        plugin.stop()
    assert codes.count(grpc.StatusCode.OK) == 20 and codes.count(grpc.StatusCode.FAILED_PRECONDITION) == 40
    assert len({t.properties["cidrBlock"] for t in rehearsal.cloud.things("Subnet")}) == len(rehearsal.cloud.things("Subnet")) == 20
    assert len(rehearsal.cloud.users(rehearsal.cloud.thing("Vpc").handles[0])) == 20
    assert len(rehearsal.calls()) == 60 * 4, "every call's actions are in the log, each line whole"


def test_a_planned_failure_refuses_before_anything_is_done(rehearsal, plugin):
    rehearsal.fault(Fault("create", "fail", type=VPC, message="RequestLimitExceeded: slow down"))
    with pytest.raises(grpc.RpcError, match="RequestLimitExceeded"):
        plugin.create(VPC, "v", cidrBlock="10.0.0.0/16").result()
    assert rehearsal.cloud.things() == [] and rehearsal.faults_left() == []
    assert plugin.create(VPC, "v", cidrBlock="10.0.0.0/16").result().id


def test_an_answer_that_is_lost_leaves_the_thing(rehearsal, plugin):
    rehearsal.fault(Fault("create", "fail-after"))
    with pytest.raises(grpc.RpcError):
        plugin.create(QUEUE, "q", name="q").result()
    assert rehearsal.cloud.thing("Queue").name == "q"


def test_a_thing_that_is_made_but_not_ready_comes_with_its_id(rehearsal, plugin):
    rehearsal.fault(Fault("create", "unready", message="it did not become stable"))
    with pytest.raises(grpc.RpcError) as error:
        plugin.create(QUEUE, "q", name="q").result()
    details = dict(error.value.trailing_metadata())["grpc-status-details-bin"]
    assert rehearsal.cloud.thing("Queue").id.encode() in details and b"did not become stable" in details


@pytest.mark.parametrize(("effect", "left"), [("die", 0), ("die-after", 1)])
def test_a_plugin_can_die_before_or_after_the_deed(rehearsal, plugin, effect, left):
    rehearsal.fault(Fault("change", effect, name="q*"))
    with pytest.raises(grpc.RpcError):
        plugin.create(QUEUE, "q", name="q").result()
    assert plugin.process.wait() == 9
    assert len(rehearsal.cloud.things()) == left


def test_a_call_hangs_until_the_plan_is_cleared(rehearsal, plugin):
    rehearsal.fault(Fault("create", "hang"))
    call = plugin.create(QUEUE, "q", name="q")
    until_struck(rehearsal)
    assert not call.done() and rehearsal.cloud.things() == []
    rehearsal.fault()
    assert call.result().id


def test_a_hanging_call_ends_when_the_operation_is_cancelled(rehearsal, plugin):
    rehearsal.fault(Fault("create", "hang"))
    call = plugin.create(QUEUE, "q", name="q")
    until_struck(rehearsal)
    plugin.stub.Cancel(empty_pb2.Empty())
    with pytest.raises(grpc.RpcError, match="cancelled"):
        call.result()


def test_faults_can_strike_the_nth_call_of_a_kind(rehearsal, plugin):
    rehearsal.fault(Fault("create", "fail", name="*", skip=2))
    codes = [plugin.create(QUEUE, f"q{i}", name=f"q{i}").code() for i in range(4)]
    assert [c == grpc.StatusCode.OK for c in codes] == [True, True, False, True]


def test_a_stack_converges_after_a_plugin_died_in_the_midst(stage):
    program = (
        'v = aws.ec2.Vpc("v", cidr_block="10.0.0.0/16")\n'
        'aws.ec2.Subnet("a", vpc_id=v.id, cidr_block="10.0.1.0/24")\naws.ec2.SecurityGroup("g", vpc_id=v.id)\n'
    )
    stage.rehearsal.fault(Fault("create", "die", type=SUBNET))
    assert stage.up(program).exit_code == 1
    again = stage.up()
    assert again.exit_code == 0, again.errors
    assert stage.made() == {"SecurityGroup": 1, "Subnet": 1, "Vpc": 1}
    assert set(stage.up().summary) == {"same"}
