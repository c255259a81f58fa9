"""The log of what a provider double would have asked the service for: one JSON line an action, in the cloud's folder."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Operation = Literal["create", "read", "update", "delete", "invoke"]


@dataclass(frozen=True)
class Call:
    """One action: `ec2:CreateVpc`, by whom it was needed and how it ended. Times are seconds since the epoch."""

    at: float
    operation: Operation
    action: str
    token: str
    name: str  # the resource's
    id: str
    account: str
    region: str
    outcome: str  # "done", or why it was refused
    arns: tuple[str, ...] = ()  # what the call concerns: the thing itself, and what it refers to


def write(folder: Path, operation: Operation, actions: tuple[str, ...],
          token: str, name: str, id_: str, account: str, region: str, outcome: str = "done",
          arns: tuple[str, ...] = ()) -> None:  # fmt: skip
    """Append the actions of one call; a line is written whole, however many processes write."""
    folder.mkdir(parents=True, exist_ok=True)
    at = time.time()
    made = (Call(at, operation, a, token, name, id_, account, region, outcome, arns) for a in actions)
    lines = "".join(json.dumps(asdict(call)) + "\n" for call in made)
    file = os.open(folder / "calls.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, lines.encode())
    finally:
        os.close(file)


def read(folder: Path) -> list[Call]:
    """All calls so far, in their order."""
    path = folder / "calls.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [Call(**{**found, "arns": tuple(found["arns"])}) for found in map(json.loads, lines)]
