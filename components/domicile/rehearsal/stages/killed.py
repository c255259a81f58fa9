"""`up` is killed again and again, each time in the middle of another operation; in the end it converges.

A kill is SIGKILL to the engine, with its plugins and program: as when the machine loses power. A create that was under way is in doubt:
the state names it as pending, and the thing may be there or not. Whoever operates looks, and records what is there; so does this.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from domicile import engine
from domicile.engine import EngineError, Result
from domicile.engine.state.in_doubt import doubts, settled

from ..faults import Fault, Operation
from .changed import settings
from .report import Finding, StageFailed
from .scene import Scene, done

_LOOK_SECONDS = 0.01
_PATIENCE_SECONDS = 300


def kill_and_converge(scene: Scene, kills: int, choose: random.Random, whole: list[tuple[str, str]]) -> Finding:
    """Kill `up` `kills` times at operations that `choose` picks, then let it end. `whole` is what an undisturbed `up` has made.

    Raises StageFailed if what is there in the end isn't just that, known to the state, with nothing left to do.
    """
    struck, taken_in = _kill(scene, kills, choose, lambda ahead: 2 * (len(whole) - len(scene.things())) // (ahead + 1))
    result = _end(scene, whole)
    said = f"up was killed {kills} times and converged; {taken_in} things that a kill had left unrecorded were taken in"
    figures = {"kills": struck, "taken_in": taken_in, "created_at_last": result.summary.get("create", 0)}
    return Finding(said, figures=figures)


def kill_change_and_converge(scene: Scene, kills: int, choose: random.Random) -> Finding:
    """The same for an `up` with changed settings, of a stack that is whole: killed in updates, and at last in a replacement."""
    scene.configure(settings(scene))
    whole = scene.inventory()
    changes = done(engine.preview(scene.stack, scene.record), "the preview of changed settings").changes
    struck, _ = _kill(scene, kills - 1, choose, lambda _: changes // (2 * kills))
    last, removed = _kill(scene, 1, choose, lambda _: 1, "create")
    struck += last
    _end(scene, whole)
    said = f"up with changed settings was killed {kills} times and converged; {removed} halves of replacements were removed by hand"
    return Finding(said, figures={"kills": struck, "removed": removed})


def _kill(
    scene: Scene, kills: int, choose: random.Random, farthest: Callable[[int], int], operation: Operation = "change"
) -> tuple[list[str], int]:
    """Where it was killed, and how much that a kill had left was put right by hand. `farthest`: how many operations a run may do before
    its kill, by the number of kills ahead."""
    struck: list[str] = []
    by_hand = fresh = 0
    while len(struck) < kills:
        skip = choose.randrange(max(1, farthest(kills - len(struck))))
        where = _killed_up(scene, Fault(operation, choose.choice(("hang", "hang-after")), skip=skip), look=fresh > 0)
        fresh = take_in(scene)
        by_hand += fresh
        if not where:
            raise StageFailed(f"up ended before kill {len(struck) + 1} of {kills} struck; ask for fewer kills, or another seed")
        struck.append(where)
        scene.tell(f"killed {len(struck)}/{kills}: {where}; {len(scene.things())} things are there")
    return struck, by_hand


def _end(scene: Scene, whole: list[tuple[str, str]]) -> Result:
    """An `up` that nobody disturbs, after which all is as it must be."""
    up = engine.up(scene.stack, scene.record, refresh=True, preview_first=False, break_dead_lock=True)
    result = done(up, "the up after the last kill")
    _must_be_whole(scene, whole)
    return result


def _must_be_whole(scene: Scene, whole: list[tuple[str, str]]) -> None:
    if scene.inventory() != whole:
        wrong = {name for _, name in set(scene.inventory()) ^ set(whole)} or {"the same thing twice"}
        raise StageFailed(f"after the kills the cloud isn't what an undisturbed up makes: {', '.join(sorted(wrong))}")
    if left := scene.unrecorded():
        raise StageFailed(f"after the kills the state doesn't know of {', '.join(thing.name for thing in left)}")
    again = done(engine.preview(scene.stack, scene.record), "the preview after the kills")
    if again.changes:
        raise StageFailed(f"after the kills there is still something to do: {again.summary}")


def _killed_up(scene: Scene, fault: Fault, look: bool) -> str:
    """Run `up` in a process of its own, and kill it when the fault has struck; where that was. Empty: it ended by itself.

    `look`: at the world first, to read what was taken in with nothing but its id.
    """
    scene.rehearsal.fault(fault)
    scene.stack.cancel()  # the lock of the one killed before
    command = [sys.executable, "-P", "-m", "domicile.engine", "up", "--stack", scene.name, "--yes", "--skip-preview"]
    with (scene.root / "up.log").open("w") as log:
        process = subprocess.Popen(
            [*command, *(["--refresh"] if look else [])], cwd=scene.root, env=_environment(scene), stdout=log, stderr=log
        )
        try:
            struck = _struck(scene, process)
        finally:
            process.kill()
            process.wait()
    scene.rehearsal.fault()
    if not struck and process.returncode > 0:
        raise StageFailed(f"up failed after a kill: {_last_words(scene.root / 'up.log')}")
    return struck


def _struck(scene: Scene, process: subprocess.Popen[bytes]) -> str:
    """Wait until the fault strikes, or the process ends."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if where := scene.rehearsal.hanging():
            return where
        if process.poll() is not None:
            return ""
        time.sleep(_LOOK_SECONDS)
    raise StageFailed(f"up hung for {_PATIENCE_SECONDS} s before it came to the operation at which it was to be killed")


def _environment(scene: Scene) -> dict[str, str]:
    return {**os.environ, "PULUMI_BACKEND_URL": scene.backend_url}


def _last_words(log: Path) -> str:
    return " ".join(log.read_text("utf-8", "replace").split())[-400:]


def take_in(scene: Scene) -> int:
    """Put right what a killed `up` had made and not recorded, as an operator does with `domicile pending`; how many things that were.

    What is new goes into the state by its id; the next `up --refresh` reads the rest. What was to take the place of something that the
    state knows is removed: the next `up` makes it again. Raises StageFailed for a thing that no pending create speaks of, or a second one.
    """
    if not scene.stack.exists:
        return 0
    document = scene.stack.export()
    found = scene.unrecorded()
    in_doubt = {(doubt.type, doubt.name): doubt for doubt in doubts(document["deployment"])}
    if lost := [thing for thing in found if (thing.token, thing.name) not in in_doubt]:
        raise StageFailed(f"a kill left things that the state doesn't even name as pending: {', '.join(thing.name for thing in lost)}")
    made: dict[str, str] = {}
    for thing in found:
        doubt = in_doubt[thing.token, thing.name]
        if doubt.replaces:
            scene.rehearsal.cloud.vanish(thing)
        elif doubt.urn in made:
            raise StageFailed(f"a kill left {doubt.short} there twice: {made[doubt.urn]} and {thing.id}")
        else:
            made[doubt.urn] = thing.id
    try:
        scene.stack.cancel()
        after = settled(document["deployment"], made, others_not_made=True)
        scene.stack.import_(json.dumps({**document, "deployment": after}), "the state after a kill")
    except EngineError as error:
        raise StageFailed(f"the state after a kill is broken: {error}") from error
    return len(found)
