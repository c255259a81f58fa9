"""Somebody changes things by hand: `refresh` finds each, `up` puts each right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domicile import engine
from domicile.engine import Result

from ..cloud import Cloud, Thing
from .report import Finding, StageFailed
from .scene import Scene, done

_SHOWN = 50
"""Characters of a value: a policy document fills a screen."""


@dataclass(frozen=True)
class Drift:
    """A change by hand: a property's new value, or (no property) the thing's deletion."""

    type: str
    name: str
    property: str = ""
    value: Any = None

    def text(self, was: Any) -> str:
        what = f"{self.type} {self.name}"
        return f"{what}: deleted" if not self.property else f"{what}.{self.property}: {_short(was)} → {_short(self.value)}"


DRIFTS = (
    Drift("BucketPublicAccessBlock", "archive", "blockPublicPolicy", False),
    Drift("Key", "key", "enableKeyRotation", False),
    Drift("RolePolicy", "worker-host", "policy", '{"Version": "2012-10-17", "Statement": []}'),
    Drift("ResolverFirewallConfig", "closed", "firewallFailOpen", "ENABLED"),
    Drift("MetricAlarm", "key-age"),
    Drift("PushedImage", "host"),
)
"""Guards that somebody in a hurry loosens, and an image that somebody clears away. What a stack doesn't have (a key brought along) is
left out."""


def drift(scene: Scene) -> Finding:
    """Drift is put into the cloud behind the stack's back, found by `refresh`, and mended by `up`."""
    cloud = scene.rehearsal.cloud
    found = [(each, things[0]) for each in DRIFTS if (things := _named(cloud, each))]
    for each, thing in found:
        if each.property:
            cloud.edit(thing, **{each.property: each.value})
        else:
            cloud.vanish(thing)
    result = done(engine.refresh(scene.stack, scene.record), "refresh")
    _must_find(found, result)
    done(engine.up(scene.stack, scene.record, preview_first=False), "the up that mends drift")
    for each, was in found:
        _must_be_mended(scene, each, was)
    lines = tuple(each.text(was.properties.get(each.property)) for each, was in found)
    return Finding(f"{len(found)} changes by hand found, and mended", lines, {"injected": len(found), "found": result.changes})


def _named(cloud: Cloud, drift: Drift) -> list[Thing]:
    """Of several environments each has one; any of them will do."""
    return [thing for thing in cloud.things(drift.type) if thing.name.rpartition("/")[2] == drift.name]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _must_find(drifts: list[tuple[Drift, Thing]], result: Result) -> None:
    told = {(step.type, step.name) for step in result.steps if step.op != "same"}
    missed = [each for each, was in drifts if (was.token, was.name) not in told]
    if missed:
        raise StageFailed(f"refresh missed: {'; '.join(each.text('…') for each in missed)}")
    if len(told) != len(drifts):
        beside = told - {(was.token, was.name) for _, was in drifts}
        raise StageFailed(f"refresh tells of drift that nobody made: {', '.join(name for _, name in sorted(beside))}")


def _must_be_mended(scene: Scene, each: Drift, was: Thing) -> None:
    now = scene.rehearsal.cloud.things(each.type, was.name)
    if not now:
        raise StageFailed(f"{each.type} {each.name} was deleted by hand, and up didn't make it again")
    value = now[0].properties.get(each.property) if each.property else None
    if each.property and value != was.properties.get(each.property):
        raise StageFailed(f"up didn't put {each.type} {each.name}.{each.property} right: it is {value!r}")
