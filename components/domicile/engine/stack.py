"""A stack of a project in a backend: init, open, configure, outputs, locks. The operations start from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .config import Config, qualified, typed
from .errors import ProjectError, StackError, UnsupportedError
from .project import Project
from .state import lock
from .state.backend import Backend
from .state.crypter import Crypter, passphrase_from
from .state.snapshot import STACK_TYPE, Snapshot, unknown_key
from .values import Properties


@dataclass(frozen=True)
class Opened:
    """What an operation needs of a stack: its state, its configuration, and what opens both."""

    snapshot: Snapshot
    config: Config
    crypter: Crypter


@dataclass(frozen=True)
class Stack:
    """`backend` defaults to PULUMI_BACKEND_URL, `passphrase` to PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE."""

    project: Project
    name: str
    backend: Backend
    passphrase: str = field(repr=False)

    @classmethod
    def of(cls, project: Project, name: str, backend_url: str | None = None, passphrase: str | None = None) -> Stack:
        url = backend_url or os.environ.get("PULUMI_BACKEND_URL")
        if not url:
            raise ProjectError("no backend: set PULUMI_BACKEND_URL to file:///a/folder")
        name = name.rpartition("/")[2]
        if not name or name.startswith(".") or not all(c.isalnum() or c in "-_." for c in name):
            raise StackError(
                f"stack name {name!r}: use letters, digits, hyphens, underscores and full stops, and begin with none of the latter"
            )
        return cls(project, name, Backend.at(url), passphrase_from(dict(os.environ)) if passphrase is None else passphrase)

    @property
    def exists(self) -> bool:
        return self.backend.exists(self.project.name, self.name)

    def init(self) -> None:
        """Make the stack; StackError if there is one. The secrets' salt is written to Pulumi.STACK.yaml."""
        self.crypter()
        self.backend.create(self.project.name, self.name)

    def crypter(self) -> Crypter:
        """What opens the configuration's secrets: by the salt in Pulumi.STACK.yaml, which is made and written where it is missing.

        A state that already has a salt keeps it: the configuration then takes the state's.
        """
        file = self.project.config_file(self.name)
        if file.salt:
            return Crypter(self.passphrase, file.salt)
        salt = ""
        if self.exists:
            providers = self.backend.read(self.project.name, self.name).get("secrets_providers") or {}
            salt = (providers.get("state") or {}).get("salt") or ""
        crypter = Crypter(self.passphrase, salt) if salt else Crypter.new(self.passphrase)
        file.add_salt(crypter.salt)
        return crypter

    def open(self) -> Opened:
        """Read state and configuration; StackError if there is no such stack, PassphraseError if its secrets stay closed."""
        snapshot, of_state = self.backend.load(self.project.name, self.name, self.passphrase)
        for r in snapshot.resources:
            if key := unknown_key(r):
                raise UnsupportedError(f"{key!r}, which the state records,", f"{r.type} {r.name!r}")
        crypter = self.crypter()
        return Opened(snapshot, self.project.stack_config(self.name, crypter), of_state or crypter)

    def outputs(self) -> Properties:
        """The stack's outputs as the last operation left them; secrets are `Secret`."""
        snapshot, _ = self.backend.load(self.project.name, self.name, self.passphrase)
        return next((r.outputs for r in snapshot.resources if r.type == STACK_TYPE), {})

    def set_config(self, key: str, value: str, secret: bool = False, nested: bool = False) -> None:
        """`config set [--secret] [--path]`: write the value to Pulumi.STACK.yaml."""
        crypter = self.crypter()
        file = self.project.config_file(self.name)
        written = {"secure": crypter.encrypt(value)} if secret else typed(value) if nested else value
        file.put(qualified(key, self.project.name), written, nested)
        file.save()

    def remove_config(self, key: str) -> bool:
        file = self.project.config_file(self.name)
        found = file.remove(qualified(key, self.project.name))
        file.save()
        return found

    @property
    def lock_folder(self) -> Path:
        return self.backend.locks(self.project.name, self.name)

    @contextmanager
    def locked(self, break_dead: bool = False) -> Iterator[None]:
        """Hold the stack's lock; LockedError if another does. `break_dead` removes that of a process provably gone from this host."""
        with lock.held(self.lock_folder, break_dead):
            yield

    def cancel(self) -> int:
        """Remove the stack's locks, whoever holds them; how many there were."""
        return lock.cancel(self.lock_folder)
