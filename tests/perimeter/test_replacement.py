"""Changing and stopping services while a session runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from perimeter_lab import Operator, held, podman, until

pytestmark = pytest.mark.perimeter


@pytest.fixture(scope="module", autouse=True)
def well_again(perimeter: Operator) -> Iterator[None]:
    """As declared and well after these tests, whatever became of them."""
    yield
    perimeter.configure()
    perimeter.up()
    until("all is well", perimeter.is_well)


def test_a_session_survives_the_replacement_of_every_service_that_reads_the_settings(perimeter: Operator) -> None:
    session = perimeter.begin(held("replaced"))
    sandbox = session.sandbox()
    before = podman("container", "inspect", "--format", "{{.Id}}", perimeter.container("dispatcher"))
    perimeter.configure(workerHost={"warm": 1})
    assert perimeter.up()["changes"]["update"] > 0
    assert podman("container", "inspect", "--format", "{{.Id}}", perimeter.container("dispatcher")) != before
    assert session.sandbox() == sandbox
    session.release()
    assert session.verdict() == ("passed", [])
    assert session.sandboxes() == {sandbox}
    session.assert_over()
    states = [each["state"] for each in perimeter.dispatcher()["sandboxes"]]
    assert states.count("warm") == 1


def test_a_dispatcher_that_is_stopped_drains_and_leaves_no_item_claimed(perimeter: Operator) -> None:
    session = perimeter.begin(held("drained"))
    session.sandbox()
    podman("stop", perimeter.container("dispatcher"))
    session.assert_over()
    assert perimeter.unstopped() == []
    assert [name for name in perimeter.containers() if "-sandbox-" in name] == []
    waiting = perimeter.begin(held("meanwhile"))
    assert [item["state"] for item in perimeter.unstopped()] == ["queued"]
    perimeter.configure()  # with the warm pool that another test may have changed
    assert perimeter.up()["changes"]["update"] > 0
    waiting.sandbox()
    waiting.release()
    assert waiting.verdict() == ("passed", [])
    waiting.assert_over()
