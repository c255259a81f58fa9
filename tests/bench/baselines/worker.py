"""Baseline (a): the official Python SDK's worker, its tools in its own process. Says `poll` at each poll. Argument: work directory."""

import asyncio
import contextlib
import os
import signal
import sys

from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
from anthropic.lib.environments import EnvironmentWorker


async def say_poll(request: object) -> None:
    if str(getattr(request, "url", "")).split("?")[0].endswith("/work/poll"):
        print("poll", flush=True)


async def main() -> None:
    key, environment_id = os.environ["ANTHROPIC_ENVIRONMENT_KEY"], os.environ["ANTHROPIC_ENVIRONMENT_ID"]
    http = DefaultAsyncHttpxClient(event_hooks={"request": [say_poll]})
    async with AsyncAnthropic(auth_token=key, http_client=http) as client:
        worker = EnvironmentWorker(client, environment_id=environment_id, environment_key=key, workdir=sys.argv[1], max_idle=0.5)
        running = asyncio.create_task(worker.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await running


asyncio.run(main())
