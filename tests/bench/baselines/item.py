"""Runs in the container of baseline (b): the official Python SDK's worker, for the one item that the environment names."""

import asyncio

from anthropic import AsyncAnthropic
from anthropic.lib.environments import EnvironmentWorker


async def main() -> None:
    async with AsyncAnthropic(auth_token="-") as client:
        await EnvironmentWorker(client, workdir="/workspace", max_idle=0.5).handle_item()


asyncio.run(main())
