"""The double's process: it says its port, serves, and ends when it is told to, however often."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest


@pytest.mark.parametrize("turn", range(3))
def test_it_ends_at_once_however_often_it_is_told_to(tmp_path, turn):
    process = subprocess.Popen(
        [sys.executable, "-m", "domicile.rehearsal", "aws", str(tmp_path / "cloud")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip().isdecimal()
    time.sleep(0.5)  # it is waiting by now
    try:
        for _ in range(200):
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
