"""What is killed while a session runs: no item stays claimed, no session is served twice at once, and what can go on does."""

from __future__ import annotations

import os
import signal

import pytest
from perimeter_lab import Operator, bash, held, pid_of, podman, scenario, until

pytestmark = pytest.mark.perimeter


@pytest.mark.parametrize("service", ["gateway", "egress", "dispatcher", "shipper", "secrets", "control-plane"])
def test_a_session_goes_on_in_its_sandbox_when_a_service_is_killed_during_a_call(perimeter: Operator, service: str) -> None:
    session = perimeter.begin(held(f"{service}-killed"))
    sandbox = session.sandbox()
    perimeter.crash(service)
    session.release()
    assert session.verdict() == ("passed", [])
    assert session.sandboxes() == {sandbox}
    session.assert_over()
    perimeter.assert_serves()


@pytest.mark.parametrize("services", [("gateway",), ("egress",), ("dispatcher",), ("gateway", "egress", "dispatcher")], ids="+".join)
def test_a_session_goes_on_when_services_are_killed_between_quick_calls(perimeter: Operator, services: tuple[str, ...]) -> None:
    turns = [bash(f"sleep 0.2; echo {number}", exact=str(number)) for number in range(12)]
    session = perimeter.begin(scenario("busy", *turns))
    sandbox = session.sandbox()
    until("the session is in the midst of its calls", lambda: session.calls() >= 4)
    perimeter.crash(*services)
    assert session.verdict() == ("passed", [])
    assert session.sandboxes() == {sandbox}
    session.assert_over()


@pytest.mark.parametrize("how", ["worker", "container"])
def test_a_session_whose_sandbox_is_killed_ends_and_its_item_is_stopped(perimeter: Operator, how: str) -> None:
    session = perimeter.begin(held("sandbox-killed"))
    sandbox = session.sandbox()
    if how == "worker":
        os.kill(pid_of(sandbox), signal.SIGKILL)
    else:
        podman("kill", sandbox)
    session.assert_over()
    assert session.sandboxes() == {sandbox}
    assert session.told()["verdict"] != "passed"
    assert perimeter.unstopped() == []
    perimeter.assert_serves()


def test_a_sandbox_killed_while_the_dispatcher_is_away_ends_its_session(perimeter: Operator) -> None:
    session = perimeter.begin(held("both-killed"))
    sandbox = pid_of(session.sandbox())
    os.kill(perimeter.process("dispatcher"), signal.SIGKILL)
    os.kill(sandbox, signal.SIGKILL)
    session.assert_over()
    assert perimeter.unstopped() == []
    until("all is well again", perimeter.is_well)
    perimeter.assert_serves()


def test_pooled_sandboxes_that_are_killed_are_replaced_and_never_given_to_a_session(perimeter: Operator) -> None:
    pooled = {each["sandbox_id"] for each in perimeter.dispatcher()["sandboxes"] if each["state"] == "warm"}
    for sandbox in pooled:
        os.kill(pid_of(sandbox), signal.SIGKILL)
    session = perimeter.begin(held("pool-killed"))
    assert session.sandbox() not in pooled
    session.release()
    assert session.verdict() == ("passed", [])
    session.assert_over()
