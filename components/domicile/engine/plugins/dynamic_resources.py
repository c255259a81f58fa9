"""Runs Pulumi's own plugin of dynamic resources, and loads the module of a provider's class meanwhile.

Started by `connection` as a plain script. By itself that plugin loads a provider at the first call for it: with all that its module
imports, while whatever leans on the answer waits.
"""

from __future__ import annotations

import importlib
import runpy
import sys
import threading
from contextlib import suppress


def _load(module: str) -> None:
    with suppress(Exception):  # the provider's own first call tells, to whoever asked
        importlib.import_module(module)


if __name__ == "__main__":
    module = sys.argv[1]
    sys.path.insert(0, "")  # as `python -m pulumi.dynamic` has it: the program's folder
    importlib.import_module("pulumi.dynamic")
    if module:
        threading.Thread(target=_load, args=(module,), daemon=True).start()
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
