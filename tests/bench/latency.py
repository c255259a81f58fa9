"""Work enqueued → first tool result at the control plane: the perimeter against the official SDK's ways, interleaved in one run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from bed import Bed, Served
from rivals import Rival, container_each, in_process
from samples import Samples

PERIMETER, IN_PROCESS, CONTAINER_EACH = "perimeter", "SDK worker in-process (a)", "SDK poller, a container an item (b)"
RIVALS = {IN_PROCESS: in_process, CONTAINER_EACH: container_each}
WAITING, RANDOM = MOMENTS = ("waiting", "random")
CYCLE_SECONDS = 4.0
"""The official poller's longest cycle of a poll and its pause: a moment within it is a random one to everybody."""
REST_SECONDS = 1.5
"""For the perimeter, whose last sandbox has only just been started; rivals rest as long, at the mean, in their own pauses."""
ON_ITS_WAY_SECONDS = 0.05
"""From the client's sending of a poll until the stand-in surely holds it."""


def compare(
    bed: Bed, warm: int, rounds: int, say: Callable[[str], None], *, rivals: Sequence[str] = tuple(RIVALS), moments: Sequence[str] = MOMENTS
) -> list[Samples]:
    """Times of the perimeter and its rivals at each kind of moment; in each round the order is another.

    `waiting`: enqueued when the contender has begun a poll. `random`: at a random moment of its idle time. To the perimeter, whose
    dispatcher is in a poll nearly always, both are the same, and both are measured.
    """
    samples = {(name, moment): Samples(_title(name, warm), moment) for name in (PERIMETER, *rivals) for moment in moments}
    with ExitStack() as stack:
        started = {name: stack.enter_context(RIVALS[name](bed)) for name in rivals}
        for rival in started.values():  # the first session of each pays for what it loads once
            rival.await_poll()
            bed.served(rival.environment_id)
        for number in range(rounds):
            for moment in moments:
                if moment == RANDOM:
                    time.sleep(random.uniform(0, CYCLE_SECONDS))
                for name in random.sample((PERIMETER, *rivals), 1 + len(rivals)):
                    samples[name, moment].add(_served(bed, started.get(name), moment, warm))
            say(f"round {number + 1} of {rounds}")
    return list(samples.values())


def _title(name: str, warm: int) -> str:
    return f"{name}, {'warm' if warm else 'cold'}" if name == PERIMETER else name


def _served(bed: Bed, rival: Rival | None, moment: str, warm: int) -> Served:
    bed.at_rest(warm)
    if rival is None:
        time.sleep(REST_SECONDS)
        return bed.served(bed.environment_id)
    if moment == WAITING:
        rival.await_poll()
        time.sleep(ON_ITS_WAY_SECONDS)
    return bed.served(rival.environment_id)
