"""Runs a dispatcher as a process of its own, for tests that kill it: `python dispatcher_process.py SETTINGS.json`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from dispatcher_lab import SOON, Proxy

from domicile_host.audit import Journal
from domicile_host.dispatcher import logs
from domicile_host.dispatcher.dispatcher import Dispatcher
from domicile_host.settings import load


async def main() -> None:
    settings = load(Path(sys.argv[1]))
    logs.configure()
    journal = await Journal.of(settings, "dispatcher")
    try:
        await Dispatcher(settings, journal, lambda *_: Proxy([]), SOON).run()
    finally:
        await journal.close()


asyncio.run(main())
