"""The fault plan: which calls of a provider double fail, hang, die or lose their answer. A file in the cloud's folder.

A test writes it through `Rehearsal.fault`; every plugin process reads it before and after each call.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from .cloud import Cloud

Operation = Literal["check", "diff", "create", "read", "update", "delete", "invoke", "configure", "change", "any"]
Effect = Literal["fail", "fail-after", "unready", "hang", "hang-after", "die", "die-after", "slow"]
CHANGES = ("create", "update", "delete")
LOOK_SECONDS = 0.05  # between two looks at whether a hang is over


class Failed(Exception):
    """A call that the plan has fail."""


class Unready(Failed):
    """A create or update that was done, but whose thing isn't as it should be yet: the answer has its id and outputs."""


@dataclass(frozen=True)
class Fault:
    """One line of the plan. It strikes the calls that fit, leaving out the first `skip`, and then `times` of them.

    `fail` refuses before anything is done; `fail-after` does it, then says it failed; `unready` does it and says, with the thing's id,
    that it isn't ready; `die` and `die-after` end the plugin's process before or after; `hang` and `hang-after` wait, before or after,
    until the plan is cleared or the plugin is stopped; `slow` takes `seconds`. `operation` "change" is any create, update or delete;
    `type` (a token) and `name` (a resource's) may hold wildcards.
    """

    operation: Operation = "any"
    effect: Effect = "fail"
    type: str = "*"
    name: str = "*"
    skip: int = 0
    times: int = 1
    seconds: float = 0.0
    message: str = "ServiceUnavailable: the service is unable to handle the request"
    at: str = ""  # where it struck, filled in by the double

    def fits(self, operation: str, type_: str, name: str) -> bool:
        wanted = self.operation in ("any", operation) or (self.operation == "change" and operation in CHANGES)
        return wanted and fnmatchcase(type_, self.type) and fnmatchcase(name, self.name)


class Faults:
    """The plan of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._file, self._hangs = cloud.folder / "faults.json", cloud.folder / "hangs.json"

    def plan(self, *faults: Fault) -> None:
        """Replace the plan; with nothing, clear it, which also ends every hang."""
        with self._cloud.locked():
            self._hangs.unlink(missing_ok=True)
            _write(self._file, [asdict(f) for f in faults])

    def hanging(self) -> str:
        """The call that hangs: `create of aws:ec2/vpc:Vpc vpc`. Empty if none does."""
        try:
            return str(json.loads(self._hangs.read_text()))
        except FileNotFoundError:
            return ""

    def planned(self) -> list[Fault]:
        """What is still to come."""
        try:
            return [Fault(**f) for f in json.loads(self._file.read_text())]
        except FileNotFoundError:
            return []

    def struck(self, operation: str, type_: str, name: str) -> Fault | None:
        """The fault that strikes this call, if any; the plan is counted down."""
        if not self._file.exists():
            return None
        with self._cloud.locked():
            plan = self.planned()
            hit = None
            for i, fault in enumerate(plan):
                if hit is None and fault.times > 0 and fault.fits(operation, type_, name):
                    hit = replace(fault, at=f"{operation} of {type_} {name}") if fault.skip == 0 else None
                    plan[i] = replace(fault, times=fault.times - 1) if fault.skip == 0 else replace(fault, skip=fault.skip - 1)
            _write(self._file, [asdict(f) for f in plan])
            return hit

    def before(self, fault: Fault | None, stopped: threading.Event) -> None:
        """Let it strike before the call is done."""
        if fault is None:
            return
        if fault.effect == "fail":
            raise Failed(fault.message)
        if fault.effect == "die":
            os._exit(9)
        if fault.effect == "slow":
            time.sleep(fault.seconds)
        if fault.effect == "hang":
            self._hang(fault, stopped)

    def _hang(self, fault: Fault, stopped: threading.Event) -> None:
        _write(self._hangs, fault.at)
        while self.planned():
            if stopped.wait(LOOK_SECONDS):
                raise Failed("RequestCanceled: the call was cancelled")

    def after(self, fault: Fault | None, stopped: threading.Event) -> None:
        """Let it strike when all is done."""
        if fault and fault.effect == "hang-after":
            self._hang(fault, stopped)
        if fault and fault.effect == "unready":
            raise Unready(fault.message)
        if fault and fault.effect == "fail-after":
            raise Failed(fault.message)
        if fault and fault.effect == "die-after":
            os._exit(9)


def _write(file: Path, value: object) -> None:
    """Whole or not at all: plugins read while a test writes."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(value, indent=1))
    fresh.replace(file)
