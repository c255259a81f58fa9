"""Item tokens and capabilities of the sessions in hand, kept where a restarted dispatcher finds them and a disk doesn't.

A dispatcher that comes back must go on with each session's heartbeats and may have to bind it again at a gateway that lost
its memory too, for which the item's token and the worker's capability are needed. They lie in files that only the
dispatcher's user can open, in a tmpfs beside its status socket: gone with the machine's memory, as the sandboxes are.
A token opens one session until that session ends, and its file goes with it. The environment key is never written.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from domicile_host.dispatcher.errors import StartRefused
from domicile_host.dispatcher.ledger import write_whole

MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")


class ItemSecrets(BaseModel):
    """What opens one session at the control plane (`token`) and at the gateway (`capability`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr
    capability: SecretStr

    @classmethod
    def of(cls, token: SecretStr) -> ItemSecrets:
        """With a new random capability."""
        return cls(token=token, capability=SecretStr(secrets.token_urlsafe(32)))


class Tokens:
    """A folder in memory with one file for each session in hand, named by its sandbox."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> None:
        """Raises `StartRefused` when the folder would keep secrets on a disk."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kind = file_system(self._folder)
        if kind not in MEMORY_FILE_SYSTEMS:
            raise StartRefused(f"{self._folder} is on {kind}: item tokens need a tmpfs; put `places.dispatcher_status` below /run")

    def put(self, sandbox_id: str, item: ItemSecrets) -> None:
        plain = {"token": item.token.get_secret_value(), "capability": item.capability.get_secret_value()}
        write_whole(self._folder / sandbox_id, json.dumps(plain).encode(), mode=0o600, sync=False)

    def get(self, sandbox_id: str) -> ItemSecrets | None:
        """None when there is none, or only a part of one."""
        try:
            return ItemSecrets.model_validate_json((self._folder / sandbox_id).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def remove(self, sandbox_id: str) -> None:
        (self._folder / sandbox_id).unlink(missing_ok=True)

    def keep_only(self, sandbox_ids: set[str]) -> None:
        for path in self._folder.iterdir():
            if path.name not in sandbox_ids:
                path.unlink()


def file_system(folder: Path) -> str:
    """The kind of file system that a folder is on, from the kernel's own table."""
    best, kind = "", "unknown"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        mount = left.split()[4]
        if folder.resolve().is_relative_to(mount) and len(mount) >= len(best):
            best, kind = mount, right.split()[0]
    return kind
