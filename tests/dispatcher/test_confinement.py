"""What a sandbox is made of, pooled or live, and what its link reaches."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dispatcher_lab import inside, run, warm

if TYPE_CHECKING:
    from dispatcher_lab import Lab

pytestmark = pytest.mark.perimeter


def reach(address: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> str:
    """`connected`, `sent`, or why not."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as attempt:
        attempt.settimeout(2)
        try:
            attempt.connect((address, port))
            if kind == socket.SOCK_DGRAM:
                attempt.send(b"x")
                return "sent"
        except OSError as error:
            return os.strerror(error.errno) if error.errno else type(error).__name__
        return "connected"


async def pooled(host: Lab) -> dict[str, str]:
    host.put_key()
    await host.ready()
    return warm(await host.status())[0]


def told(process: int, file: str) -> str:
    """What the kernel tells of a process."""
    return Path(f"/proc/{process}/{file}").read_text()


def namespace_of(host: Lab, sandbox: dict[str, str]) -> str:
    return f"domicile-{host.stack}-{sandbox['sandbox_id'].rpartition('-')[2]}"


async def test_a_pooled_sandbox_reaches_the_proxys_address_and_nothing_else(host: Lab) -> None:
    host.change(warm=2)
    host.put_key()
    await host.ready()
    sandbox, neighbour = warm(await host.status())
    run("ip", "address", "add", "203.0.113.1/32", "dev", "lo")
    with socket.create_server(("0.0.0.0", 8080)), socket.create_server(("203.0.113.1", 8081)):
        namespace = namespace_of(host, sandbox)
        assert inside(namespace, lambda: reach("100.96.0.1", 8080)) == "connected"
        for address in ("203.0.113.1", "169.254.169.254", "8.8.8.8", neighbour["address"], "127.0.0.53"):
            assert inside(namespace, lambda address=address: reach(address, 8080)) in ("Network is unreachable", "Connection refused")
        assert inside(namespace, lambda: reach("8.8.8.8", 53, socket.SOCK_DGRAM)) == "Network is unreachable"
        assert inside(namespace, lambda: reach("2001:db8::1", 80)) in ("Network is unreachable", "Cannot assign requested address")
    routes = inside(namespace, lambda: Path("/proc/thread-self/net/route").read_text().splitlines()[1:])
    assert [line.split()[1] for line in routes] == ["01006064"]  # 100.96.0.1, as the kernel writes it


async def test_a_sandbox_has_no_ipv6_address(host: Lab) -> None:
    sandbox = await pooled(host)
    found = inside(namespace_of(host, sandbox), lambda: Path("/proc/thread-self/net/if_inet6").read_text())
    assert found == ""


async def test_every_sandbox_is_confined(host: Lab) -> None:
    sandbox = await pooled(host)
    process = host.process_of(sandbox["sandbox_id"])
    status = dict(line.split(":\t", 1) for line in told(process, "status").splitlines() if ":\t" in line)
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"], status["Uid"].split()[0]) == ("1", "2", "65532")
    mounts = {line.split()[1]: line.split()[3].split(",") for line in told(process, "mounts").splitlines()}
    assert "ro" in mounts["/"]
    assert {"noexec", "nosuid", "nodev", "size=1024k"} <= set(mounts["/tmp"])
    assert {"nosuid", "nodev", "size=1024k", "uid=65532"} <= set(mounts["/workspace"])
    assert {"noexec", "nosuid", "nodev", "uid=65532"} <= set(mounts["/mnt/memory"])
    assert "ro" in mounts["/etc/ssl/certs/ca-certificates.crt"]
    limits = told(process, "limits")
    assert any(line.startswith("Max core file size        0  ") for line in limits.splitlines())


async def test_a_sandboxs_environment_holds_ways_and_no_names(host: Lab) -> None:
    sandbox = await pooled(host)
    process = host.process_of(sandbox["sandbox_id"])
    environment = dict(part.split("=", 1) for part in told(process, "environ").split("\0") if part)
    assert environment["ANTHROPIC_BASE_URL"] == "http://100.96.0.1:8080"
    assert environment["HOSTNAME"] == "sandbox"
    values = " ".join(environment.values())
    assert not any(name in values for name in (host.stack, host.settings.host, host.settings.environment_id, "sk-ant", sandbox["address"]))


async def test_cgroup_limits_hold(host: Lab) -> None:
    sandbox = await pooled(host)
    config = run(
        "podman", "inspect", sandbox["sandbox_id"], "--format", "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.CpuQuota}}"
    )
    assert config.split() == [str(64 << 20), "32", "100000"]


async def test_a_pooled_sandbox_that_dies_is_replaced(host: Lab) -> None:
    sandbox = await pooled(host)
    os.kill(host.process_of(sandbox["sandbox_id"]), signal.SIGKILL)
    await host.until(lambda status: [each for each in warm(status) if each["sandbox_id"] != sandbox["sandbox_id"]])
    await host.until(lambda _: sandbox["sandbox_id"] not in host.containers())
