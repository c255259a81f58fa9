"""The session gateway: the only door from a sandbox to the control plane. Run as `python -m domicile_host gateway SETTINGS.json`.

`serve` listens on two Unix sockets: for sandboxes (`sandbox_side`, through Envoy) and for the dispatcher (`control_side`; the
shapes are in `binding`). It has the item tokens and no power over the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from domicile_host.gateway.binding import Binding, BindingStatus, ControlRefusal, GatewayEvent

if TYPE_CHECKING:
    from domicile_host.settings import HostSettings

__all__ = ["Binding", "BindingStatus", "ControlRefusal", "GatewayEvent", "serve"]


async def serve(settings: HostSettings) -> None:
    """Runs the gateway until SIGTERM or SIGINT has drained it. Raises `OSError` for a socket or journal that can't be opened."""
    from domicile_host.gateway.service import run  # the dispatcher imports this package for the shapes alone

    await run(settings)
