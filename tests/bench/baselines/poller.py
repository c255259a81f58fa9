"""Baseline (b): the official Python SDK's poller, which starts a container with that SDK's worker for each item.

Arguments: the command that starts the container; the item's variables are given to it by name. Says `poll` at each poll.
"""

import asyncio
import contextlib
import os
import signal
import sys

from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient


async def say_poll(request: object) -> None:
    if str(getattr(request, "url", "")).split("?")[0].endswith("/work/poll"):
        print("poll", flush=True)


async def main() -> None:
    key, environment_id = os.environ["ANTHROPIC_ENVIRONMENT_KEY"], os.environ["ANTHROPIC_ENVIRONMENT_ID"]
    http = DefaultAsyncHttpxClient(event_hooks={"request": [say_poll]})
    async with AsyncAnthropic(auth_token=key, http_client=http) as client:
        poller = client.beta.environments.work.poller(environment_id=environment_id, environment_key=key, auto_stop=False)
        async for item in poller:
            told = {
                "ANTHROPIC_WORK_ID": item.id,
                "ANTHROPIC_SESSION_ID": item.data.id,
                "ANTHROPIC_WORK_SECRET": item.secret or "",
            }
            started = await asyncio.create_subprocess_exec(*sys.argv[1:], env=os.environ | told)
            await started.wait()


async def until_told() -> None:
    running = asyncio.create_task(main())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


asyncio.run(until_told())
