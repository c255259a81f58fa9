"""Waits for a service of this machine to be there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Asks until the condition holds (True) or the time is over (False); there is no event to wait for across processes."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def answers(socket: Path, path: str) -> bool:
    """Whether a GET over the Unix socket is answered with success."""
    import httpx  # here: it loads its command line's screen too, a tenth of what a region's program takes to load

    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), timeout=2) as client:
            return client.get(f"http://localhost{path}").is_success
    except httpx.TransportError:  # not there yet, or no longer
        return False
