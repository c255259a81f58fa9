"""The environment key is put in beside the stack, and then looked for wherever it must not be.

The key here is a canary: a value that nothing else has. It is in the cloud's secret and in the environment of whoever runs `up`. Where
roles open the queue and there is no such key, another secret of the stack takes its place.
"""

from __future__ import annotations

from pathlib import Path

from .report import Finding, StageFailed
from .scene import Scene


def put_key(scene: Scene) -> Finding:
    """What `domicile key` does: a version of each environment's secret, made by nobody's stack; where roles open the queue, of another."""
    every = sorted(scene.rehearsal.cloud.things("Secret"), key=lambda thing: thing.name)
    keys = every[:1] if _by_roles(scene) else [each for each in every if each.name.rpartition("/")[2] == "environment-key"]
    if not keys:
        return Finding("the stack has no secret: its roles open all that it reaches")
    for place, secret in enumerate(keys):
        inputs, name = {"secretId": secret.id, "secretString": scene.canary}, f"canary-{place}"
        scene.rehearsal.add("aws:secretsmanager/secretVersion:SecretVersion", name, secret.region, inputs, account=secret.account)
    if _by_roles(scene):
        return Finding(f"there is no environment key; a value is in the secret {keys[0].name}, put there without Pulumi")
    where = "the secret" if len(keys) == 1 else f"each of {len(keys)} secrets"
    return Finding(f"an environment key is in {where}, put there without Pulumi")


def search(scene: Scene) -> Finding:
    """It is nowhere but in the cloud's own secret: not in state, backups, history, plan, logs or calls."""
    files = [path for path in scene.root.rglob("*") if path.is_file()]
    at_home = scene.rehearsal.cloud.folder / "things"
    needle = scene.canary.encode()
    found = [path for path in files if needle in path.read_bytes()]
    there = not _by_roles(scene) or scene.rehearsal.cloud.things("Secret")
    if there and not any(path.is_relative_to(at_home) for path in found):
        raise StageFailed("the environment key isn't in the cloud's secret, so that looking for it proves nothing")
    if leaked := [str(path.relative_to(scene.root)) for path in found if not path.is_relative_to(at_home)]:
        raise StageFailed(f"the environment key has leaked into {', '.join(leaked)}")
    size = _size(scene.root / "backend")
    said = f"the environment key is in none of {len(files)} files of state, history, plan, logs and calls"
    return Finding(said, figures={"files": len(files), "backend_bytes": size, "state_bytes": scene.state_bytes})


def _by_roles(scene: Scene) -> bool:
    return scene.config().control_plane.kind == "aws"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
