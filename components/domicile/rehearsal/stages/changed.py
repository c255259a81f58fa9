"""An upgrade: settings that change in a stack's life are changed, and nothing that holds data is made anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from domicile import engine
from domicile.engine import Result

from .report import Finding, StageFailed
from .scene import Scene, done

HOLDS_DATA = frozenset(
    {
        "aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:secretsmanager/secret:Secret", "aws:ecr/repository:Repository",
        "aws:cloudwatch/logGroup:LogGroup",
    }
)  # fmt: skip
"""Types whose replacement loses what is in them: records, keys, secrets, images, logs."""

_NEW_DIGEST = "sha256:" + "d" * 64
_LOG_DAYS = (400, 545, 731)
"""Retentions that CloudWatch Logs has and a stack may ask for."""


def change(scene: Scene) -> Finding:
    """New images, logs kept for longer, a bigger fleet, a tag on everything: applied in place, or machines replaced, but no data."""
    wanted = settings(scene)
    before = {(thing.token, thing.name): thing.id for thing in scene.things()}
    scene.configure(wanted)
    result = done(engine.up(scene.stack, scene.record, preview_first=False), "up with changed settings")
    replaced, updated = _of(result, ("replace", "create-replacement")), _of(result, ("update",))
    lost = [thing for thing in scene.things() if thing.token in HOLDS_DATA and before.get((thing.token, thing.name)) != thing.id]
    if lost or any(type_ in HOLDS_DATA for type_, _ in replaced):
        raise StageFailed(f"an upgrade must not replace what holds data; it replaced {', '.join(thing.name for thing in lost)}")
    if not updated:
        raise StageFailed("settings were changed, and up changed nothing")
    changed = ", ".join(f"{key}={value}" for key, value in sorted(_flat(wanted)))
    lines = (f"changed: {changed}", f"replaced: {_names(replaced) or 'nothing'}")
    figures = {"updated": len(updated), "replaced": [name for _, name in replaced]}
    return Finding(f"{len(updated)} updated in place, {len(replaced)} replaced, none of them with data", lines, figures)


def settings(scene: Scene) -> dict[str, Any]:
    """What changes: keys of `domicile:aws`."""
    aws = scene.config().aws
    assert aws is not None and aws.images is not None  # noqa: S101 the scene has seen to both
    longer = next((days for days in _LOG_DAYS if days > aws.retention.log_days), aws.retention.log_days)
    return {
        "images": {"host": _NEW_DIGEST, "egress": _NEW_DIGEST},
        "retention": {"logDays": longer},
        "hosts": {"max": aws.hosts.maximum + 1},
        "tags": {**aws.tags, "rehearsal": "changed"},
    }


def _of(result: Result, ops: Iterable[str]) -> list[tuple[str, str]]:
    """Types and names of what these steps were done to, providers and components left out."""
    return sorted({(step.type, step.name) for step in result.steps if step.op in ops and step.type.startswith("aws:")})


def _names(found: list[tuple[str, str]]) -> str:
    return ", ".join(f"{type_.rpartition(':')[2]} {name}" for type_, name in found)


def _flat(settings: dict[str, Any], at: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", f"{value[:12]}…" if isinstance(value, str) and len(value) > 20 else value
