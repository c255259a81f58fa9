"""The dispatcher: claims work items of one environment, gives each session a sandbox, holds its lease, ends it.

Run as `python -m domicile_host dispatcher SETTINGS.json`. It holds the environment key and has power over the host, so it
parses no byte that a sandbox wrote: it hears of sandboxes from the container engine and from the session gateway only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domicile_host.dispatcher.bounds import Bounds
    from domicile_host.settings import HostSettings

__all__ = ["serve"]


async def serve(settings: HostSettings, bounds: Bounds | None = None) -> None:
    """Serves until SIGTERM (drains) or SIGHUP (hands over to the next dispatcher).

    Raises `StartRefused` before anything starts when something is set up wrongly: signature, runtime, profile, places.
    """
    from domicile_host.audit import Journal
    from domicile_host.dispatcher import logs
    from domicile_host.dispatcher.bounds import Bounds
    from domicile_host.dispatcher.dispatcher import Dispatcher
    from domicile_host.egress import PolicyServer

    logs.configure()
    journal = await Journal.of(settings, "dispatcher")
    try:
        await Dispatcher(settings, journal, PolicyServer, bounds or Bounds()).run()
    finally:
        await journal.close()
