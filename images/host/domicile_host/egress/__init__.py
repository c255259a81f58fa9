"""The egress proxy: stock Envoy's bootstrap and firewall, rendered by provisioning; its policy, served by the dispatcher.

`PolicyServer` needs gRPC and Envoy's protocol packages, which an operator's machine doesn't have; so it is loaded when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from domicile_host.egress.server import PolicyRefused, PolicyServer, PolicyUnconfirmed

__all__ = ["PolicyRefused", "PolicyServer", "PolicyUnconfirmed"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from domicile_host.egress import server

    return getattr(server, name)
