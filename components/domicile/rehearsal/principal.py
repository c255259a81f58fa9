"""Who makes the calls, and what they may: a policy document in the cloud's folder, by which a provider double refuses as IAM does.

With none, everything is allowed. A test or a rehearsal writes it through `Rehearsal.principal`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]
_FILE = "principal.json"


class Principal:
    """Identity policies alone: no boundary, no resource's own policy."""

    def __init__(self, document: Document) -> None:
        self._statements: list[Document] = list(document["Statement"])

    @classmethod
    def of(cls, folder: Path) -> Principal | None:
        """Who calls this cloud; None if nobody has said."""
        try:
            return cls(json.loads((folder / _FILE).read_text()))
        except FileNotFoundError:
            return None

    def may(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        """Whether a statement allows it and none denies it."""
        effects = [s["Effect"] for s in self._statements if _matches(s, action, resource, context)]
        return "Allow" in effects and "Deny" not in effects


def settle(folder: Path, documents: Sequence[Document]) -> None:
    """From now on the calls are made by who has these policies; none: by somebody who may do everything."""
    folder.mkdir(parents=True, exist_ok=True)
    if not documents:
        (folder / _FILE).unlink(missing_ok=True)
        return
    fresh = folder / f".{_FILE}"
    fresh.write_text(json.dumps({"Statement": [statement for each in documents for statement in each["Statement"]]}))
    fresh.replace(folder / _FILE)


def _matches(statement: Document, action: str, resource: str, context: Mapping[str, str]) -> bool:
    named = any(fnmatchcase(action.lower(), each.lower()) for each in _listed(statement["Action"]))
    return named and any(fnmatchcase(resource, each) for each in _listed(statement["Resource"])) and _fulfilled(statement, context)


def _fulfilled(statement: Document, context: Mapping[str, str]) -> bool:
    """A condition that this doesn't know is not fulfilled."""
    conditions: Mapping[str, Mapping[str, Any]] = statement.get("Condition", {})
    return all(
        operator == "StringEquals" and context.get(key) in _listed(values)
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
