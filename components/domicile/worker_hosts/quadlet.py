"""Renders a service's description to a Quadlet unit: podman's own way of running a container under systemd (podman-systemd.unit(5)).

The same `Service` that drives podman on one machine; called for the machines of a region.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from ipaddress import IPv4Address

from domicile.worker_hosts.services import Service

AUTH_FILE = "/run/domicile/registry.json"
LOGIN_UNIT = "domicile-registry-login.service"


_BOUNDS = "--pids-limit=512 --ulimit=nproc=4096:4096 --ulimit=core=0:0 --tmpfs=/tmp:rw,nosuid,nodev,noexec,size=64m,mode=1777"
"""What a service has of processes and of a folder for scratch, and no core dump, as on one machine."""


def name(service: Service) -> str:
    """The unit's name, and the container's."""
    return f"domicile-{service.name}"


STOP_SPARE_SECONDS = 15
"""For systemd, after podman's own time to stop a container."""


def unit(
    service: Service,
    image: str,
    *,
    network: str = "host",
    resolvers: Sequence[IPv4Address] = (),
    after: Sequence[str] = (),
    limits: Sequence[str] = (),
) -> str:
    """The text of `<name>.container`. `image` by digest; `network` as `podman run --network` takes it; `after`: units that it needs.

    What a service may touch is what its description names: no other path, no capability, no privilege gained later, a read-only root.
    Services share sockets and folders across containers, which SELinux's label for each container forbids: theirs is off, as it is on a
    Debian host. A sandbox's is on.
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
        f"ContainerName={name(service)}",
        f"User={service.identity.uid}",
        f"Group={service.identity.gid}",
        f"Network={network}",
        *(f"DNS={address}" for address in resolvers),
        "DropCapability=all",
        *(f"AddCapability=CAP_{name}" for name in service.capabilities),
        "NoNewPrivileges=true",
        "ReadOnly=true",
        "SecurityLabelDisable=true",
        "Pull=missing",
        f"PodmanArgs=--memory={service.memory_bytes}b --stop-timeout={service.stop_seconds} {_BOUNDS}",
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
        f"TimeoutStopSec={service.stop_seconds + STOP_SPARE_SECONDS}",
        *limits,
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    return "\n".join(lines)
