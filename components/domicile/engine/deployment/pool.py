"""Steps side by side in threads, waited for in a way that an interrupt always ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

LOOK_SECONDS = 0.2  # a signal that comes just before a wait begins is only noticed when that wait ends


def at_once(jobs: Iterable[Callable[[], None]], parallel: int, name: str) -> None:
    """Run them all, `parallel` at a time. If the wait is interrupted, those under way are left behind and no other starts."""
    pool = ThreadPoolExecutor(parallel, name)
    try:
        running = {pool.submit(job) for job in jobs}
        while running:
            ended, running = wait(running, LOOK_SECONDS, FIRST_EXCEPTION)
            for future in ended:
                future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
