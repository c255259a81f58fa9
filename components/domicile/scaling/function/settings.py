"""What a function is told, by its environment. No secret is among it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Of the function that watches the queue. `proxy` is `host:port` of the egress tier, empty for a direct connection."""

    stack: str
    environment_id: str
    control_plane_url: str
    ca_file: str
    proxy: str
    key_secret: str
    """Empty where the function's own role signs."""
    namespace: str
    group: str
    host_capacity: int
    host_lifetime_seconds: int
    """A host's longest life: the group replaces it then."""
    workspace_id: str = ""
    """The workspace that lets the function's role in; empty where there is a key."""
    workspace_region: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        return cls(
            stack=environment["STACK"],
            environment_id=environment["ENVIRONMENT_ID"],
            control_plane_url=environment["CONTROL_PLANE_URL"],
            ca_file=environment.get("CA_FILE", ""),
            proxy=environment.get("PROXY", ""),
            key_secret=environment["KEY_SECRET"],
            workspace_id=environment.get("WORKSPACE_ID", ""),
            workspace_region=environment.get("WORKSPACE_REGION", ""),
            namespace=environment["NAMESPACE"],
            group=environment["GROUP"],
            host_capacity=int(environment["HOST_CAPACITY"]),
            host_lifetime_seconds=int(environment["HOST_LIFETIME_SECONDS"]),
        )
