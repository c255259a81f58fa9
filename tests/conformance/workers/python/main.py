"""The official Python SDK's environment worker, as it comes. Arguments: work directory, seconds after which an idle session is let go."""

import asyncio
import logging
import os
import signal
import sys

from anthropic import AsyncAnthropic
from anthropic.lib.environments import EnvironmentWorker


async def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
    key, environment_id = os.environ["ANTHROPIC_ENVIRONMENT_KEY"], os.environ["ANTHROPIC_ENVIRONMENT_ID"]
    async with AsyncAnthropic(auth_token=key) as client:
        worker = EnvironmentWorker(
            client, environment_id=environment_id, environment_key=key, workdir=sys.argv[1], max_idle=float(sys.argv[2])
        )
        running = asyncio.create_task(worker.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        await running


asyncio.run(main())
