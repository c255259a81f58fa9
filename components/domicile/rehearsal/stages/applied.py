"""The stack is looked at, made, and made again."""

from __future__ import annotations

from domicile import engine

from .report import Finding, StageFailed
from .scene import Scene, done


def preview(scene: Scene) -> Finding:
    """Nothing is touched, and everything is to be made."""
    result = done(engine.preview(scene.stack, scene.record), "preview")
    if set(result.summary) != {"create"}:
        raise StageFailed(f"a first preview makes things and does nothing else, but this one has {result.summary}")
    if made := scene.things():
        raise StageFailed(f"preview made {len(made)} things; it must make none")
    return Finding(f"{result.summary['create']} resources to create", figures={"create": result.summary["create"]})


def up(scene: Scene) -> Finding:
    """Everything is made."""
    result = done(engine.up(scene.stack, scene.record, preview_first=False), "up")
    if left := scene.unrecorded():
        raise StageFailed(f"the cloud has what the state doesn't: {', '.join(t.name for t in left)}")
    calls = scene.rehearsal.calls()
    figures = {
        "created": result.summary.get("create", 0),
        "things": len(scene.things()),
        "actions": len({call.action for call in calls}),
        "state_bytes": scene.state_bytes,
    }
    said = f"{figures['created']} created, by {figures['actions']} different actions; the state has {figures['state_bytes'] / 1024:.0f} KiB"
    return Finding(said, figures=figures)


def again(scene: Scene) -> Finding:
    """A second `up`, which looks at the world first, finds neither drift nor anything to do."""
    result = done(engine.up(scene.stack, scene.record, refresh=True, preview_first=False), "the second up")
    if result.changes:
        changed = [f"{step.op} {step.urn.rpartition('::')[2]}" for step in result.steps if step.op not in ("same", "read")]
        raise StageFailed(f"a second up with nothing changed must do nothing; it did: {', '.join(changed)}")
    same = result.summary.get("same", 0)
    return Finding(f"no drift and nothing to do, {same} unchanged", figures={"same": same})
