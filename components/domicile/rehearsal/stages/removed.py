"""The stack is destroyed: what it declares retained stays, and nothing else."""

from __future__ import annotations

from domicile import engine

from ..cloud import Thing
from .report import Finding, StageFailed
from .scene import Scene, done


def destroy(scene: Scene) -> Finding:
    """Everything goes but what the state marks as retained."""
    kept = {(r["type"], r["id"]) for r in scene.resources() if r.get("retainOnDelete") and r.get("id")}
    result = done(engine.destroy(scene.stack, scene.record), "destroy")
    things = scene.things()
    kept |= {(thing.token, thing.id) for thing in things if _lies_in(scene, thing, kept)}
    left = {(thing.token, thing.id) for thing in things}
    if left - kept:
        names = ", ".join(f"{t.token.rpartition(':')[2]} {t.name}" for t in things if (t.token, t.id) not in kept)
        raise StageFailed(f"destroy left what nobody declared retained: {names}")
    if kept - left:
        raise StageFailed(f"destroy removed what is declared retained: {', '.join(sorted(id_ for _, id_ in kept - left))}")
    whole = sorted(
        {f"{t.token.rpartition(':')[2]} {t.name}" for t in things if t.token.rpartition(":")[2] in ("Bucket", "Key", "Repository")}
    )
    said = f"{result.summary.get('delete', 0)} removed; retained as declared: {', '.join(whole) or 'nothing'}"
    return Finding(said, figures={"deleted": result.summary.get("delete", 0), "retained": sorted(f"{t.token} {t.name}" for t in things)})


def _lies_in(scene: Scene, thing: Thing, kept: set[tuple[str, str]]) -> bool:
    """Whether it is a part of something retained: an image of an earlier release in its repository."""
    wholes = (scene.rehearsal.cloud.called(use.handle) for use in thing.uses if use.part)
    return any(whole is not None and (whole.token, whole.id) in kept for whole in wholes)
