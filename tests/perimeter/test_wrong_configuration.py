"""`domicile up` with a configuration that is wrong touches nothing, neither of a perimeter that is up nor of a machine without one."""

from __future__ import annotations

from typing import Any

import pytest
from perimeter_lab import Operator, output, podman

pytestmark = pytest.mark.perimeter

WRONG: dict[str, dict[str, Any]] = {
    "unknown-key": {"sandboxes": {"warm": 2}},
    "not-a-number": {"workerHost": {"capacity": "many"}},
    "unknown-jurisdiction": {"jurisdiction": "moon"},
    "credential-on-a-tunnel": {"egress": {"rules": [{"host": "a.example.com", "credential": {"name": "x"}}]}},
    "range-too-small": {"network": {"sandboxRange": "100.96.0.0/31"}},
}


def as_it_is(operator: Operator) -> dict[str, Any]:
    """All that `up` could have touched. Rules without what traffic puts into them: counts, and the addresses that rates are kept of."""
    started = "{{.Id}} {{.State.StartedAt}}"
    settled = (operator.places.backend, operator.places.settings.parent / "secrets", operator.places.images, operator.places.keys)
    files = [path for root in settled for path in root.rglob("*") if path.is_file()] + [operator.places.settings]
    return {
        "containers": [
            podman("container", "inspect", "--format", started, name) for name in operator.containers() if "sandbox" not in name
        ],
        "rules": output("ip", "netns", "exec", operator.places.namespace, "nft", "--stateless", "--terse", "list", "ruleset"),
        "files": {str(path): path.stat().st_mtime_ns for path in files if "/data/" not in str(path)},
    }


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_perimeter_that_is_up_stays_as_it_is(perimeter: Operator, wrong: dict[str, Any]) -> None:
    before = as_it_is(perimeter)
    perimeter.configure(**wrong)
    try:
        done = perimeter.domicile("up", perimeter.stack, "--yes", check=False)
    finally:
        perimeter.configure()
    assert done.returncode == 2
    assert as_it_is(perimeter) == before


def test_a_machine_without_a_perimeter_stays_as_it_is(another: Operator) -> None:
    another.configure(jurisdiction="moon")
    assert another.domicile("up", another.stack, "--yes", check=False).returncode == 2
    assert another.leftovers() == []
    assert not another.places.home_root.exists()
    assert not another.places.run_root.exists()
