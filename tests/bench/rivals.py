"""What the perimeter is compared with: the official Python SDK's own ways to serve a session, against the same stand-in.

They run beside the stand-in, in its network namespace: their way to it is the loopback, shorter than the perimeter's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anthropic
from bed import Bed

SOURCES = Path(__file__).parent / "baselines"
PACKAGES = Path(anthropic.__file__).parents[1]
POLL_SECONDS = 10
"""More than the official poller's longest pause (3 s) and poll (1 s)."""


class Rival:
    """A process that polls one environment."""

    def __init__(self, process: subprocess.Popen[str], environment_id: str) -> None:
        self.environment_id = environment_id
        self._process = process
        self._polls = threading.Semaphore(0)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for _ in self._process.stdout or ():
            self._polls.release()

    def await_poll(self) -> None:
        """Returns when it has begun a poll just now."""
        while self._polls.acquire(blocking=False):
            pass
        if not self._polls.acquire(timeout=POLL_SECONDS):
            raise TimeoutError(f"{self._process.args}: no poll within {POLL_SECONDS} s, exit code {self._process.poll()}")


@contextmanager
def in_process(bed: Bed) -> Iterator[Rival]:
    """(a) The SDK's worker, which runs tools in its own process on this machine: no isolation at all."""
    with tempfile.TemporaryDirectory() as workdir, _started(bed, "in-process", SOURCES / "worker.py", workdir) as rival:
        yield rival


@contextmanager
def container_each(bed: Bed) -> Iterator[Rival]:
    """(b) The SDK's poller, which starts a hardened container with the SDK's worker for each item."""
    with _started(bed, "container-each", SOURCES / "poller.py", *_container(bed)) as rival:
        yield rival


@contextmanager
def _started(bed: Bed, name: str, program: Path, *arguments: str) -> Iterator[Rival]:
    environment_id, key = bed.new_environment(name)
    places = bed.operator.places
    variables = {
        "ANTHROPIC_BASE_URL": "https://203.0.113.10",
        "ANTHROPIC_ENVIRONMENT_ID": environment_id,
        "ANTHROPIC_ENVIRONMENT_KEY": key,
        "SSL_CERT_FILE": str(places.control_plane_ca),
    }
    command = ["nsenter", f"--net={places.outside_namespace_path}", sys.executable, str(program), *arguments]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        try:
            yield Rival(process, environment_id)
        except Exception as error:
            said.seek(0)
            error.add_note(f"{name} said: {said.read()[-2000:]}")
            raise
        finally:
            process.terminate()


def _container(bed: Bed) -> list[str]:
    """The product's own sandbox image and confinement (but for the network, which has the control plane in it), the SDK mounted."""
    places = bed.operator.places
    ca, packages, program = "/etc/ssl/certs/ca-certificates.crt", "/opt/packages", "/opt/item.py"
    names = ("WORK_ID", "SESSION_ID", "WORK_SECRET", "ENVIRONMENT_ID", "BASE_URL")
    image = bed.sandbox_image()
    return [
        *("nsenter", f"--net=/proc/{os.getpid()}/ns/net"),  # podman itself belongs outside of the namespace that the container shall have
        *("podman", "run", "--rm", "--pull", "never", "--runtime", "runc", "--read-only", "--user", "65532:65532", "--cap-drop", "all"),
        *("--security-opt", "no-new-privileges", "--security-opt", f"seccomp={places.seccomp_profile}"),
        *("--network", f"ns:{places.outside_namespace_path}", "--no-hosts", "--log-driver", "none"),
        *("--memory", "1g", "--cpus", "1", "--pids-limit", "256", "--ulimit", "nofile=4096:4096", "--ulimit", "core=0:0"),
        *("--ulimit", "nproc=8192:8192", "--tmpfs", "/tmp:size=256m,mode=1777", "--tmpfs", "/workspace:size=512m,mode=1777"),
        *(
            f"--mount=type=bind,source={source},destination={to},readonly=true"
            for source, to in (
                (PACKAGES, packages),
                (SOURCES / "item.py", program),
                (places.control_plane_ca, ca),
            )
        ),
        *(f"--env=ANTHROPIC_{name}" for name in names),
        *(f"--env=PYTHONPATH={packages}", f"--env=SSL_CERT_FILE={ca}", "--label", f"domicile.bench={bed.operator.stack}"),
        *("--entrypoint", "python3", image, program),
    ]
