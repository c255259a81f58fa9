"""A stack of a project in a backend: init, open, configure, outputs, locks. The operations start from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .config import Config, Entry, entry, listed, parted, qualified
from .errors import ProjectError, StackError, StateError, UnsupportedError
from .paths import take
from .project import Project
from .state import deployment, lock
from .state.backend import Backend
from .state.crypter import Crypter, passphrase_from
from .state.snapshot import STACK_TYPE, Snapshot, unknown_key
from .values import Properties, any_in


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
        if self.exists:
            raise StackError(f"stack '{self.name}' already exists; use another name")
        self.backend.create(self.project.name, self.name, self.crypter().salt)

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
        return self._outputs(self.project.name, self.name)

    def _outputs(self, project: str, name: str) -> Properties:
        snapshot, _ = self.backend.load(project, name, self.passphrase)
        return next((r.outputs for r in snapshot.resources if r.type == STACK_TYPE), {})

    def remove(self, force: bool = False, keep_config: bool = False) -> None:
        """Forget the stack, and its configuration unless that is kept; StackError if it still has resources, unless forced."""
        with self.locked():
            if self.backend.read(self.project.name, self.name).get("resources") and not force:
                raise StackError(f"stack '{self.name}' still has resources; `destroy` it first, or leave them behind with --force")
            self.backend.remove(self.project.name, self.name)
        if not keep_config:
            self.project.config_file(self.name).path.unlink(missing_ok=True)

    def export(self, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's state as `stack export` writes it."""
        latest = self.backend.read(self.project.name, self.name)
        salt = ((latest.get("secrets_providers") or {}).get("state") or {}).get("salt") if show_secrets else ""
        return deployment.export(latest, Crypter(self.passphrase, salt) if salt else None)

    def import_(self, text: str, where: str, force: bool = False) -> list[str]:
        """Put an exported state in the place of the stack's. Gives what is wrong with it, which is an error unless forced.

        Raises StateError, with nothing changed, for what can't be read or fits no stack; `where` is the text's name in it.
        """
        latest = deployment.read(text, where)
        with self.locked():
            self.backend.read(self.project.name, self.name)
            found = deployment.faults(latest, self.name)
            if found and not force:
                raise StateError("\n".join([f"{where} can't be imported; nothing was changed:", *(f"  {x}" for x in found)]))
            self.backend.write(self.project.name, self.name, deployment.sealed(latest, self.crypter(), self.passphrase, where))
        return found

    @contextmanager
    def edited(self) -> Iterator[deployment.Latest]:
        """The state as JSON, to be changed in place: written at the end of the block, unless that fails."""
        with self.locked():
            latest = self.backend.read(self.project.name, self.name)
            yield latest
            self.backend.write(self.project.name, self.name, latest)

    def outputs_of(self, reference: str) -> Properties:
        """The outputs of another stack of this backend; StackError if there is none, PassphraseError if its secrets stay closed.

        `reference` is `STACK` of this project, `organization/STACK`, or `organization/PROJECT/STACK`, as Pulumi's file backend has it.
        """
        organization, project, name = _parted(reference, self.project.name)
        if organization != "organization":
            raise StackError(
                f"stack reference {reference!r}: organization name must be 'organization'; in a file backend there is no other"
            )
        if not self.backend.exists(project, name):
            raise StackError(f'unknown stack "{reference}"; this backend has no stack {name!r} of a project {project!r}')
        return self._outputs(project, name)

    def set_config(self, key: str, value: str, secret: bool = False, nested: bool = False) -> None:
        """`config set [--secret] [--path]`: write the value to Pulumi.STACK.yaml."""
        written = {"secure": self.crypter().encrypt(value)} if secret else value
        file = self.project.config_file(self.name)
        file.put(qualified(key, self.project.name), written, nested)
        file.save()

    def remove_config(self, key: str, nested: bool = False) -> bool:
        file = self.project.config_file(self.name)
        found = file.remove(qualified(key, self.project.name), nested)
        file.save()
        return found

    def config_entries(self, show_secrets: bool = False) -> dict[str, Entry]:
        """The configuration for a reader: full key to value."""
        return self.shown_config(self.project.config_file(self.name).entries, show_secrets, self.project.declared)

    def shown_config(self, entries: dict[str, Any], show_secrets: bool, declared: dict[str, Any] | None = None) -> dict[str, Entry]:
        """Configuration as a file or a record of history holds it, for a reader."""
        return listed(self.project.name, declared or {}, entries, self.crypter() if show_secrets else None)

    def config_is_secret(self, key: str, nested: bool = False) -> bool:
        """Whether any of the value is secret, so that it takes the passphrase to read it."""
        full = qualified(key, self.project.name)
        return _has_secret(self.project.config_file(self.name).entries.get(parted(full)[0] if nested else full))

    def config_entry(self, key: str, nested: bool = False) -> Entry | None:
        """One value, its secrets opened; None if there is none."""
        full = qualified(key, self.project.name)
        top, below = parted(full) if nested else (full, [])
        raw = self.project.config_file(self.name).entries.get(top)
        crypter = self.crypter() if _has_secret(raw) else None
        if raw is None:
            return listed(self.project.name, self.project.declared, {}, None).get(full)
        try:
            return entry(take(raw, below), crypter)
        except KeyError:
            return None

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


def _has_secret(raw: Any) -> bool:
    return any_in(raw, lambda v: isinstance(v, dict) and set(v) == {"secure"})


def _parted(reference: str, project: str) -> tuple[str, str, str]:
    """Organization, project and stack that a stack reference names; StackError if it is none."""
    parts = reference.split("/")
    if len(parts) > 3 or not all(parts) or parts[-1].startswith(".") or any(p in (".", "..") for p in parts):
        raise StackError(f"stack reference {reference!r}: write it as STACK or organization/PROJECT/STACK")
    return ("organization", project, parts[0]) if len(parts) == 1 else (parts[0], project if len(parts) == 2 else parts[1], parts[-1])
