"""Random programs, operations, failures, interrupts and kills: the state is valid after each, and a last `up` converges."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from lab import Lab
from lab_lives import Life, lives

EXAMPLES = int(os.environ.get("LIVES", "500"))  # of each of the four below; more, for a hunt
_numbers = itertools.count()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(4), ids="part-{}".format)  # as many cores as there are take part
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(life=lives())
def test_every_life_ends_with_world_and_state_as_the_program_says(part: int, ground: Path, salt: str, life: Life) -> None:
    lab = Lab(ground / str(next(_numbers)), salt)
    try:
        lab.live(life)
    finally:
        lab.close()
