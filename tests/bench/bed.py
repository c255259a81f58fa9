"""The perimeter that is measured: a stack of its own, brought up by the operator's command, whose stand-in tells every time.

Times are the stand-in's own stamps, so that whatever is compared is measured by one clock at one place.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from domicile.cli.services import ask

sys.path.insert(0, str(Path(__file__).parents[1] / "perimeter"))

from perimeter_lab import Operator, bash, output, scenario

__all__ = ["ONE_CALL", "Bed", "Served", "bash", "scenario", "seconds", "until"]

SERVICES = ("dispatcher", "gateway", "egress", "shipper")
ONE_CALL = scenario("one-call", bash("echo ready", exact="ready"))


def seconds(stamp: str) -> float:
    """Unix time of a stamp of the stand-in's."""
    return datetime.fromisoformat(stamp).timestamp()


@dataclass(frozen=True)
class Served:
    """One session's times in seconds after its item was queued."""

    acked: float
    leased: float
    result: float
    """The first tool result has reached the control plane."""


class Bed:
    """One perimeter and its stand-in."""

    def __init__(self, operator: Operator, config: Mapping[str, Mapping[str, Any]]) -> None:
        self.operator = operator
        self._config = config

    @classmethod
    @contextmanager
    def made(cls, **config: Mapping[str, Any]) -> Iterator[Bed]:
        """A perimeter that is up; removed at the end, whatever happened."""
        with tempfile.TemporaryDirectory(prefix="domicile-bench-") as folder:
            operator = Operator.of(Path(folder), **config)
            try:
                operator.up()
                yield cls(operator, config)
            finally:
                operator.destroy(check=False)
                shutil.rmtree(operator.places.home_root, ignore_errors=True)  # the audit archive, which `destroy` leaves

    @contextmanager
    def changed(self, subject: str, **values: Any) -> Iterator[None]:
        """Within the block, these values of one subject of the configuration are others."""
        self.operator.configure(**{**self._config, subject: {**self._config[subject], **values}})
        self.operator.up()
        try:
            yield
        finally:
            self.operator.configure(**self._config)
            self.operator.up()

    @property
    def environment_id(self) -> str:
        """The environment that the perimeter serves."""
        return f"env_{self.operator.stack}"

    def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None, wait_seconds: float = 60) -> Any:
        return ask(self.operator.places.control_plane_admin, method, path, body, seconds=wait_seconds)

    def new_environment(self, name: str) -> tuple[str, str]:
        """Another environment at the same stand-in, for a worker that is compared: its id and key."""
        made = self.admin("POST", "/admin/environments", {"name": name})
        return made["id"], self.admin("POST", "/admin/environment-keys", {"environment_id": made["id"]})["key"]

    def begin(self, environment_id: str, script: Mapping[str, Any] = ONE_CALL) -> str:
        """Queues a session; its id."""
        return str(self.admin("POST", "/admin/scenarios", {"environment_id": environment_id, "scenario": dict(script)})["session_id"])

    def told(self, session_id: str, wait_seconds: float = 0) -> dict[str, Any]:
        return dict(self.admin("GET", f"/admin/sessions/{session_id}?wait_seconds={wait_seconds}"))

    def served(self, environment_id: str) -> Served:
        """Serves one call and tells its times. Returns when the session's item has stopped, so that the next finds all at rest."""
        session_id = self.begin(environment_id)
        told = self.told(session_id, wait_seconds=50)
        if told["verdict"] != "passed" or told["work"] is None:
            raise RuntimeError(f"{session_id} of {environment_id}: {told['verdict']} {told['reasons']}")
        result = next(event for event in told["transcript"] if event["type"] == "user.tool_result")
        queued, work = seconds(told["created_at"]), told["work"]
        until("the item has stopped", lambda: self.told(session_id)["work"] is None)
        return Served(*(seconds(stamp) - queued for stamp in (work["acknowledged_at"], work["started_at"], result["processed_at"])))

    def sandbox_image(self) -> str:
        """The image that sandboxes of this perimeter run, as the container engine names it."""
        image = json.loads(self.operator.places.settings.read_text())["sandboxes"]["image"]
        return f"{image['reference']}@{image['digest']}"

    def restarts(self) -> dict[str, int]:
        """How often each of the host's services was started anew because it had failed."""
        names = {name: self.operator.container(name) for name in SERVICES}
        told = json.loads(output("podman", "inspect", *names.values()))
        return {name: int(each["RestartCount"]) for name, each in zip(names, told, strict=True)}

    def dispatcher(self) -> dict[str, Any]:
        return self.operator.dispatcher()

    def sandboxes(self, state: str) -> int:
        return sum(each["state"] == state for each in self.dispatcher().get("sandboxes", []))

    def at_rest(self, warm: int) -> None:
        """Returns when no session is in hand and the pool is full."""
        until("the perimeter is at rest", lambda: [each["state"] for each in self.dispatcher()["sandboxes"]] == ["warm"] * warm, 120)


def until(what: str, condition: Callable[[], bool], within_seconds: float = 60) -> None:
    """Asks until it is so. Raises `TimeoutError`."""
    end = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {within_seconds:.0f} s")
        time.sleep(0.05)
