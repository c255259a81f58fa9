"""What the audit tests share: events, journals on disk, and a writer process to kill."""

from __future__ import annotations

import pytest
from domicile_host.audit import Event


@pytest.fixture
def event():
    """Makes the n-th event of a test."""

    def make(n: int = 0, session_id: str = "sesn_a", **more) -> Event:
        return Event(activity="gateway.call", outcome="allowed", session_id=session_id, detail={"method": "GET", "n": n}, **more)

    return make
