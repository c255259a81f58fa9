"""Runs one Pulumi program against the engine, in a process of its own: what the CLI's Python language host does, and no more.

Started by `program` as a plain script; the job comes as JSON on its input, so that no secret stands in arguments or environment.
"""

from __future__ import annotations

import asyncio
import json
import runpy
import sys
import traceback

import pulumi
import pulumi.runtime
from pulumi.runtime import Settings, configure, run_in_stack
from pulumi.runtime.config import set_all_config


def main() -> int:
    job = json.load(sys.stdin)
    configure(
        Settings(
            project=job["project"], stack=job["stack"], monitor=job["address"], engine=job["address"], parallel=job["parallel"],
            dry_run=job["dry_run"], organization="organization", root_directory=job["root"],
        )
    )  # fmt: skip
    set_all_config(job["config"], job["secret_keys"])
    sys.argv = [job["program"]]
    sys.path.insert(0, job["folder"])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def program() -> None:
        runpy.run_path(job["program"], run_name="__main__")

    try:
        loop.run_until_complete(run_in_stack(program))
    except pulumi.RunError as e:
        pulumi.log.error(str(e))
        return 1
    except Exception:
        pulumi.log.error("Program failed with an unhandled exception:\n" + traceback.format_exc())
        return 32
    return 0


if __name__ == "__main__":
    sys.exit(main())
