"""What a sandbox's container is made of: the confinement that every sandbox, pooled or live, starts with.

Used by `sandboxes`. Measured with podman 4.3.1 and runc 1.1.5: the engine ignores `oci_runtime` in this call (see
`start`), limits are named without their `RLIMIT_`, `U` gives a tmpfs to the container's user, and `notmpcopyup` keeps the
image's folder from lending the tmpfs its mode.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domicile_host.settings import HostSettings, Network, Sandboxes

SANDBOX_USER = "65532:65532"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
MOST_PROCESSES = max(32_768, 1024 * (os.cpu_count() or 1))
"""The kernel's default number of process ids. Podman lowers its own limit to it, and without CAP_SYS_RESOURCE gives no container more.

It isn't read: since Linux 6.14 each pid namespace, as this process's, has a `pid_max` of its own.
"""


@dataclass(frozen=True, slots=True)
class Labels:
    """Whose a sandbox is."""

    stack: str
    host: str

    def of_host(self) -> dict[str, str]:
        return {"domicile.stack": self.stack, "domicile.host": self.host}

    def of_sandbox(self, sandbox_id: str) -> dict[str, str]:
        return self.of_host() | {"domicile.sandbox": sandbox_id}


def name(stack: str, sandbox_id: str) -> str:
    return f"domicile-{stack}-sandbox-{sandbox_id}"


def spec(settings: HostSettings, sandbox_id: str, image_id: str, namespace: Path) -> dict[str, Any]:
    """The engine's specification of one sandbox."""
    return {
        "name": name(settings.stack, sandbox_id),
        "image": image_id,
        "labels": Labels(settings.stack, settings.host).of_sandbox(sandbox_id),
        "env": environment(settings.network),
        "netns": {"nsmode": "path", "value": str(namespace)},
        "sysctl": {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"},
        "hostname": "sandbox",
        "use_image_resolve_conf": True,
        "use_image_hosts": True,
        "user": SANDBOX_USER,
        "read_only_filesystem": True,
        "cap_drop": ["ALL"],
        "no_new_privileges": True,
        "seccomp_profile_path": str(settings.sandboxes.seccomp_profile),
        "oci_runtime": settings.sandboxes.runtime,
        "mounts": mounts(settings),
        "image_volume_mode": "ignore",
        "shm_size": 16 << 20,
        "restart_policy": "no",
        "log_configuration": {"driver": "none"},
        "stop_timeout": 0,
        **_limited(settings.sandboxes),
    }


def environment(network: Network) -> Mapping[str, str]:
    """Where the sandbox worker finds its gateway and its proxy; no credential, no name of the host or the session."""
    proxy = f"http://{network.proxy_address}:{network.egress_port}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    bundles = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "PIP_CERT")
    return {
        "ANTHROPIC_BASE_URL": f"http://{network.proxy_address}:{network.gateway_port}",
        "NO_PROXY": str(network.proxy_address),
        "no_proxy": str(network.proxy_address),
        **dict.fromkeys(names, proxy),
        **dict.fromkeys(bundles, CA_BUNDLE),
    }


def mounts(settings: HostSettings) -> list[dict[str, Any]]:
    limits = settings.sandboxes.limits
    return [
        _tmpfs("/tmp", limits.tmp_bytes, "noexec", "mode=1777"),  # noqa: S108 - the sandbox's own
        _tmpfs("/workspace", limits.workspace_bytes, "mode=0700", "U"),
        _tmpfs("/mnt/memory", limits.tmp_bytes, "noexec", "mode=0700", "U"),
        {
            "type": "bind",
            "source": str(settings.sandboxes.ca_bundle),
            "destination": CA_BUNDLE,
            "options": ["ro", "nosuid", "nodev", "noexec"],
        },
    ]


def _tmpfs(destination: str, size_bytes: int, *options: str) -> dict[str, Any]:
    common = ["rw", "nosuid", "nodev", "notmpcopyup", f"size={size_bytes}"]
    return {"type": "tmpfs", "source": "tmpfs", "destination": destination, "options": [*common, *options]}


def _limited(sandboxes: Sandboxes) -> dict[str, Any]:
    """`NPROC` counts all processes of the sandboxes' one user on the host, so it is sized for all; `pids` bounds the one."""
    limits = sandboxes.limits
    processes = min(2 * limits.pids * (sandboxes.capacity + sandboxes.warm), MOST_PROCESSES)
    period = 100_000
    return {
        "resource_limits": {
            "memory": {"limit": limits.memory_bytes, "swap": limits.memory_bytes},
            "cpu": {"period": period, "quota": int(limits.cpus * period)},
            "pids": {"limit": limits.pids},
        },
        "r_limits": [
            {"type": "NOFILE", "soft": limits.open_files, "hard": limits.open_files},
            {"type": "NPROC", "soft": processes, "hard": processes},
            {"type": "CORE", "soft": 0, "hard": 0},
        ],
    }
