"""The users that services run as: one each, so that what one may open another may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

GROUP = 65500
"""Group of the sockets and journals that two services share; which of them a service sees is decided by its mounts."""


@dataclass(frozen=True)
class Identity:
    """A numeric user and group."""

    uid: int
    gid: int = GROUP

    DISPATCHER: ClassVar[Identity]
    GATEWAY: ClassVar[Identity]
    EGRESS: ClassVar[Identity]
    SHIPPER: ClassVar[Identity]
    SECRETS: ClassVar[Identity]
    CONTROL_PLANE: ClassVar[Identity]
    CLOUDFLARED: ClassVar[Identity]
    MCP_PROXY: ClassVar[Identity]

    @property
    def user(self) -> str:
        """As a container engine takes it."""
        return f"{self.uid}:{self.gid}"


Identity.DISPATCHER = Identity(0)
Identity.GATEWAY = Identity(65530)
Identity.EGRESS = Identity(65531)
Identity.SHIPPER = Identity(65529)
Identity.SECRETS = Identity(65528)
Identity.CONTROL_PLANE = Identity(65527)
Identity.CLOUDFLARED = Identity(65526, 65526)
Identity.MCP_PROXY = Identity(65525, 65525)
