"""What a machine is told at its first start: an Ignition configuration in the settings bucket, and user data that points to it by hash.

Fedora CoreOS, because podman with Quadlet, an immutable system, automatic disk set-up and Ignition's own reading of `s3://` with the
instance's role are all in the image: a machine without a route out installs nothing. (Debian 12's podman has no Quadlet, and a Debian
image no podman at all.) Form: Ignition's specification 3.4.0. A machine never updates itself: it is replaced.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from domicile.aws import image_policy
from domicile.aws.names import Names
from domicile.aws.scripts import LIBRARY, LOGIN, LOGS, LOGS_FOLDER, library, login, logs
from domicile.worker_hosts.quadlet import LOGIN_UNIT

VERSION = "3.4.0"
USER_DATA_BYTES = 16 << 10
"""EC2's limit, before base64."""

PROGRAM = 0o755
MASKED = ("zincati.service", "sshd.service")
"""Fedora CoreOS's updater, and a way in that nobody has a key to."""


@dataclass(frozen=True)
class MachineFile:
    """A file that the machine has from its first start."""

    path: str
    content: str
    mode: int = 0o644


def configuration(
    names: Names, noun: str, policy: str, files: tuple[MachineFile, ...], quadlets: Mapping[str, str], units: Mapping[str, str]
) -> str:
    """The whole configuration as JSON. `noun`: which fleet's, for its log; `policy`: which images podman takes; `quadlets` by their
    service's name, `units` by their own."""
    common = (
        MachineFile(LIBRARY, library(names)),
        MachineFile(LOGIN, login(names), PROGRAM),
        MachineFile(LOGS, logs(names, noun), PROGRAM),
        MachineFile(image_policy.POLICY, policy),
        MachineFile(image_policy.LOOKASIDE, image_policy.lookaside(names)),
    )
    containers = tuple(MachineFile(f"/etc/containers/systemd/{name}.container", text) for name, text in quadlets.items())
    every = {LOGIN_UNIT: once("registry login", LOGIN), "domicile-logs.service": _LOGS, **units}
    return json.dumps(
        {
            "ignition": {"version": VERSION},
            "storage": {"files": [_file(file) for file in (*common, *containers, *files)]},
            "systemd": {"units": [*map(_unit, every, every.values()), *({"name": name, "mask": True} for name in MASKED)]},
        }
    )


def once(description: str, program: str, *, after: tuple[str, ...] = ()) -> str:
    """A unit that runs a program once at each start of the machine, again until it succeeds; what needs it waits meanwhile."""
    return f"""[Unit]
Description=Domicile {description}
Wants=network-online.target
Requires={" ".join(after)}
After=network-online.target {" ".join(after)}
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
RuntimeDirectory=domicile
RuntimeDirectoryPreserve=yes
UMask=0077
ExecStart={program}
Restart=on-failure
RestartMode=direct
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


def timer(description: str, *when: str) -> str:
    """A timer of the service of the same name; `when` in systemd's own words (systemd.timer(5))."""
    return "\n".join(("[Unit]", f"Description=Domicile {description}", "", "[Timer]", *when, "", "[Install]", "WantedBy=timers.target", ""))


_LOGS = f"""[Unit]
Description=Domicile log
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
RuntimeDirectory={LOGS_FOLDER}
StateDirectory={LOGS_FOLDER}
UMask=0077
ExecStart={LOGS}
Restart=always
RestartSec=15

[Install]
WantedBy=multi-user.target
"""


def pointer(bucket: str, key: str, content: str) -> str:
    """User data: where the configuration is, and the hash without which it isn't taken. Far below EC2's limit."""
    digest = hashlib.sha512(content.encode()).hexdigest()
    replace = {"source": f"s3://{bucket}/{key}", "verification": {"hash": f"sha512-{digest}"}}
    text = json.dumps({"ignition": {"version": VERSION, "config": {"replace": replace}}})
    return base64.b64encode(text.encode()).decode()


def object_key(noun: str, content: str) -> str:
    """By its hash, so that machines of two releases each find their own."""
    return f"{noun}/{hashlib.sha256(content.encode()).hexdigest()}.ign"


def _unit(name: str, text: str) -> dict[str, object]:
    """One without a section `[Install]` is started by another, as by its timer: there is nothing to enable."""
    enabled = {"enabled": True} if "[Install]" in text else {}
    return {"name": name, **enabled, "contents": text}


def _file(file: MachineFile) -> dict[str, object]:
    source = "data:;base64," + base64.b64encode(file.content.encode()).decode()
    return {"path": file.path, "mode": file.mode, "overwrite": True, "contents": {"source": source}}
