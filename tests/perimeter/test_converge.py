"""Whatever interrupts `up` or changes the machine by hand, `up` puts it right, and `destroy` leaves nothing but the archive."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from perimeter_lab import Operator, output, podman, processes, until

pytestmark = pytest.mark.perimeter

STEPS = 50
"""About as many steps as a first `up` tells of: 40 within a second, then the containers, one after another."""


@pytest.fixture
def dice() -> random.Random:
    """Chooses the moments of the kills; `DOMICILE_TEST_SEED` chooses them again."""
    seed = int(os.environ.get("DOMICILE_TEST_SEED") or random.randrange(1 << 32))
    print(f"DOMICILE_TEST_SEED={seed}")
    return random.Random(seed)


def kill_during(operator: Operator, verb: str, steps: int, pause: float) -> None:
    """kill -9 of `domicile <verb>` once it has told of so many steps, and a moment. What it had begun may go on for a while."""
    process = operator.start(verb, operator.stack, "--yes", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    lines: list[str] = []
    told = 0
    while told < steps and (line := process.stderr.readline()):
        lines.append(line)
        told += any(word in line for word in ("created ", "updated ", "removed "))
    time.sleep(pause)  # nothing is awaited: this is the random moment
    ended = process.poll()
    print(f"{verb} {'killed' if ended is None else f'had ended with {ended}'} after {told} steps and {pause:.2f} s")
    process.kill()
    lines.append(process.communicate()[1])
    assert not ended, f"{verb} failed by itself:\n{''.join(lines)}"


def assert_whole(operator: Operator) -> None:
    """Up, unchanged by another `up`, and serving."""
    assert operator.status()["up"]
    again = operator.up()
    assert again["unchanged"], again["changes"]
    until("all is well", operator.is_well)
    operator.assert_serves()


def assert_gone(operator: Operator) -> None:
    """Nothing is left but the archive."""
    assert operator.leftovers() == []
    assert [path for path in operator.files() if not path.is_relative_to(operator.places.archive)] == []


@pytest.mark.timeout(900)  # some fifteen operations, one after the other
def test_a_perimeter_killed_in_every_operation_of_its_life_converges_and_leaves_only_the_archive(
    another: Operator, dice: random.Random
) -> None:
    kill_during(another, "up", dice.randint(1, STEPS * 2 // 3), dice.uniform(0, 0.1))
    for _ in range(6):
        kill_during(another, "up", dice.randint(0, 3), dice.uniform(0, 1))
    another.up()
    assert_whole(another)
    another.configure(workerHost={"warm": 1, "capacity": 3})
    kill_during(another, "up", dice.randint(1, 3), dice.uniform(0, 1.5))
    another.up()
    assert_whole(another)
    assert another.dispatcher()["capacity"] == 3
    for _ in range(2):
        kill_during(another, "destroy", dice.randint(1, 12), dice.uniform(0, 0.5))
    another.destroy()
    assert_gone(another)
    assert [path for path in another.files() if path.is_relative_to(another.places.archive)]


@pytest.mark.parametrize("third", range(3))
def test_destroy_after_a_killed_first_up_leaves_nothing(another: Operator, dice: random.Random, third: int) -> None:
    kill_during(another, "up", STEPS * third // 3 + dice.randint(1, STEPS // 3), dice.uniform(0, 0.3))
    another.destroy()
    assert_gone(another)


def test_a_second_up_changes_nothing(perimeter: Operator) -> None:
    assert perimeter.up()["unchanged"]
    assert perimeter.refresh()["unchanged"]


def stop_a_service(perimeter: Operator) -> None:
    podman("stop", "--time", "2", perimeter.container("shipper"))


def remove_a_service(perimeter: Operator) -> None:
    podman("rm", "--force", "--time", "2", perimeter.container("gateway"))


def flush_the_rules(perimeter: Operator) -> None:
    output("ip", "netns", "exec", perimeter.places.namespace, "nft", "flush", "ruleset")


def add_a_rule(perimeter: Operator) -> None:
    rule = "inet opened { chain input { type filter hook input priority 0 ; policy accept ; } ; }"
    subprocess.run(["ip", "netns", "exec", perimeter.places.namespace, "nft", f"add table {rule}"], check=True)


def forward_packets(perimeter: Operator) -> None:
    output("ip", "netns", "exec", perimeter.places.namespace, "sysctl", "-w", "net.ipv4.ip_forward=1")


def cut_the_uplink(perimeter: Operator) -> None:
    output("ip", "-n", perimeter.places.namespace, "link", "del", "uplink")


def delete_a_folder(perimeter: Operator) -> None:
    shutil.rmtree(perimeter.places.cursors)


def change_a_file(perimeter: Operator) -> None:
    settings = perimeter.places.settings
    settings.write_text(settings.read_text().replace('"polls_per_minute": 120', '"polls_per_minute": 600'))
    assert '"polls_per_minute": 600' in settings.read_text()


def open_a_file(perimeter: Operator) -> None:
    perimeter.places.seal_key.chmod(0o644)


def kill_the_container_engine(perimeter: Operator) -> None:
    [pid] = [pid for pid, line in processes("cmdline") if f"unix://{perimeter.places.container_engine}".encode() in line]
    os.kill(pid, signal.SIGKILL)


DRIFT = {
    stop_a_service: "shipper",
    remove_a_service: "gateway",
    flush_the_rules: "services",
    cut_the_uplink: "uplink",
    delete_a_folder: "folder-cursors",
    change_a_file: "settings",
    open_a_file: "secrets-seal-key",
    kill_the_container_engine: "container-engine",
}
"""What is changed by hand, and the resource that has drifted then."""


def rules(perimeter: Operator) -> str:
    return output("ip", "netns", "exec", perimeter.places.namespace, "nft", "list", "ruleset")


def test_each_change_by_hand_is_shown_by_refresh_and_all_are_put_right_by_one_up(perimeter: Operator) -> None:
    add_a_rule(perimeter)
    assert perimeter.drifted() == {"services"}
    perimeter.up()
    assert "opened" not in rules(perimeter)
    for drift in DRIFT:
        drift(perimeter)
    assert perimeter.drifted() == set(DRIFT.values())
    forward_packets(perimeter)  # of a resource that has drifted already
    assert perimeter.drifted() == {"services"}
    assert not perimeter.up()["unchanged"]
    assert perimeter.places.cursors.is_dir()
    assert '"polls_per_minute": 120' in perimeter.places.settings.read_text()
    assert perimeter.places.seal_key.stat().st_mode & 0o777 == 0o400
    assert "policy drop" in rules(perimeter)
    assert_whole(perimeter)
