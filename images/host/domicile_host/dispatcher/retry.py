"""Tries a step again until it is done, with growing pauses; used wherever giving up would leave something behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator

import structlog

from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.errors import DispatcherError

log = structlog.get_logger(__name__)


def pauses(bounds: Bounds) -> Iterator[float]:
    """Seconds to wait after the first failure, the second, …: doubling, spread so that many don't come back at once."""
    pause = bounds.retry_seconds
    while True:
        yield pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, protects nothing
        pause = min(pause * 2, bounds.retry_most_seconds)


async def until_done(doing: str, step: Callable[[], Awaitable[None]], bounds: Bounds) -> None:
    """Runs an idempotent step until it raises nothing; each failure is logged."""
    waits = pauses(bounds)
    while True:
        try:
            return await step()
        except (DispatcherError, OSError) as error:
            pause = next(waits)
            log.warning("step.failed", step=doing, problem=str(error), again_in_seconds=round(pause, 1))
        await asyncio.sleep(pause)
