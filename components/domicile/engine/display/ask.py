"""The question between a preview and doing it."""

from __future__ import annotations

import sys
from collections.abc import Callable


def confirmed(action: str, details: Callable[[], None]) -> bool:
    """Ask at the terminal whether to go on: yes, no, or details, which are then shown before it is asked again.

    The end of the input is a no.
    """
    question = f"\nDo you want to perform this {action}? [yes/no/details] "
    print(question, end="", flush=True)
    for line in sys.stdin:
        answer = line.strip().lower()
        if answer in ("yes", "y"):
            return True
        if answer in ("no", "n", ""):
            return False
        if answer in ("details", "d"):
            details()
        print(question, end="", flush=True)
    print()
    return False
