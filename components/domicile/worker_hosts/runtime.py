"""Whether this machine has the runtime that a stack's sandboxes shall run in; asked before anything is touched."""

from __future__ import annotations

import shutil

from domicile.config import ConfigError, Fault, PerimeterConfig

PROGRAMS = {"runc": "runc", "crun": "crun", "runsc": "runsc", "kata": "kata-runtime"}
"""Each runtime's program, found on PATH."""


def check_runtime(config: PerimeterConfig) -> None:
    """Raises `ConfigError` when the machine lacks the runtime: a sandbox is never run in a weaker one than was asked for."""
    wanted = config.worker_host.runtime
    if shutil.which(PROGRAMS[wanted]) is not None:
        return
    here = [name for name, program in PROGRAMS.items() if shutil.which(program)]
    allowed = f"a runtime that this machine has: {', '.join(here) or 'none is installed'}"
    raise ConfigError(
        f"stack {config.stack}", [Fault("workerHost.runtime", wanted, allowed, f"install {PROGRAMS[wanted]}, or set another")]
    )
