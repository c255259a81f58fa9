"""Renders a service's description to a Quadlet unit: podman's own way of running a container under systemd (podman-systemd.unit(5)).

The same `Service` that drives podman on one machine; called for the machines of a region.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from domicile.worker_hosts.services import Service

AUTH_FILE = "/run/domicile/registry.json"
LOGIN_UNIT = "domicile-registry-login.service"


def unit(service: Service, image: str, *, network: str = "host", after: Sequence[str] = (), limits: Sequence[str] = ()) -> str:
    """The text of `<name>.container`. `image` by digest; `network` as `podman run --network` takes it; `after`: units that it needs.

    What a service may touch is what its description names: no other path, no capability, no privilege gained later, a read-only root.
    """
    needed = [LOGIN_UNIT, *after]
    lines = [
        "[Unit]",
        f"Description=Domicile {service.name}",
        "Wants=network-online.target",
        f"After=network-online.target {' '.join(needed)}",
        f"Requires={' '.join(needed)}",
        "",
        "[Container]",
        f"Image={image}",
        f"ContainerName=domicile-{service.name}",
        f"User={service.identity.uid}",
        f"Group={service.identity.gid}",
        f"Network={network}",
        "DropCapability=all",
        *(f"AddCapability=CAP_{name}" for name in service.capabilities),
        "NoNewPrivileges=true",
        "ReadOnly=true",
        "Pull=missing",
        f"PodmanArgs=--memory={service.memory_bytes}b",
        *(f"Volume={path}:{path}:ro" for path in service.reads),
        *(f"Volume={path}:{path}:rw" for path in service.writes),
        *(f"Volume={path}:{path}:rw,rshared" for path in service.shares_mounts),
        f"Exec={shlex.join(service.command)}",
        "",
        "[Service]",
        f"Environment=REGISTRY_AUTH_FILE={AUTH_FILE}",
        "Restart=always",
        "RestartSec=2",
        "TimeoutStartSec=300",
        f"TimeoutStopSec={service.stop_seconds}",
        *limits,
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    return "\n".join(lines)
