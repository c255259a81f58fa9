"""The file backend in the CLI's own layout: where a stack's checkpoint, history, backups and locks lie."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from ..errors import StackError, StateError, UnsupportedError
from ..state.crypter import Crypter
from ..state.files import sync_folder, write_atomically, write_attributes
from ..state.snapshot import Operation, Snapshot, decode, now

VERSION = "v3.260.0"  # of the CLI whose files these are; it refuses none that claims an older or its own


@dataclass(frozen=True)
class Backend:
    """A folder that holds `.pulumi`."""

    root: Path

    @classmethod
    def at(cls, url: str) -> Backend:
        """The backend that a PULUMI_BACKEND_URL names."""
        parsed = urlparse(url)
        if parsed.scheme != "file":
            raise UnsupportedError(f"backend {url!r}", instead="set PULUMI_BACKEND_URL to file:///a/folder, or use Pulumi's own CLI")
        path = unquote(parsed.netloc + parsed.path)
        return cls(Path(path).expanduser().absolute())

    @property
    def folder(self) -> Path:
        return self.root / ".pulumi"

    def checkpoint(self, project: str, stack: str) -> Path:
        return self.folder / "stacks" / project / f"{stack}.json"

    def locks(self, project: str, stack: str) -> Path:
        return self.folder / "locks" / "organization" / project / stack

    def stacks(self, project: str) -> list[str]:
        return sorted(p.stem for p in (self.folder / "stacks" / project).glob("*.json") if not p.name.startswith("."))

    def projects(self) -> list[str]:
        return sorted(p.name for p in (self.folder / "stacks").glob("*") if p.is_dir())

    def exists(self, project: str, stack: str) -> bool:
        return self.checkpoint(project, stack).exists()

    def create(self, project: str, stack: str, salt: str) -> None:
        """Make an empty stack whose secrets are closed under `salt`; StackError if there is one of that name."""
        if self.exists(project, stack):
            raise StackError(f"stack '{stack}' already exists; use another name")
        meta = self.folder / "meta.yaml"
        if not meta.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(meta, "version: 1\n")
            write_attributes(meta)
        path = self.checkpoint(project, stack)
        write_atomically(path, document(project, stack, salt, [], []))
        write_attributes(path)

    def write(self, project: str, stack: str, latest: dict[str, Any]) -> None:
        """Put another `latest` in the place of the stack's; what was before stays as `.bak`."""
        path = self.checkpoint(project, stack)
        renewed = {"manifest": manifest(), **{k: v for k, v in latest.items() if k != "manifest"}}
        content = {"version": 3, "checkpoint": {"stack": f"organization/{project}/{stack}", "latest": renewed}}
        write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False), keep_before=True)
        self._describe(path)

    def remove(self, project: str, stack: str) -> None:
        """Forget the stack and its history; its last state stays as `.bak`, and its backups stay, as with the CLI."""
        path = self.checkpoint(project, stack)
        shutil.rmtree(self.folder / "history" / project / stack, ignore_errors=True)
        path.replace(path.with_name(path.name + ".bak"))
        path.with_name(path.name + ".attrs").unlink(missing_ok=True)
        sync_folder(path.parent)

    def history(self, project: str, stack: str) -> list[dict[str, Any]]:
        """The records of the stack's updates, the latest first."""
        out = []
        for path in sorted((self.folder / "history" / project / stack).glob("*.history.json"), reverse=True):
            try:
                out.append(json.loads(path.read_text()))
            except (OSError, ValueError) as e:
                raise StateError(f"{path} can't be read ({e}); remove it, nothing else needs it") from e
        return out

    @staticmethod
    def _describe(path: Path) -> None:
        """Write the companions of the stack's file and of the one before it."""
        for each in (path, path.with_name(path.name + ".bak")):
            if each.exists():
                write_attributes(each)

    def read(self, project: str, stack: str) -> dict[str, Any]:
        """The checkpoint's `latest` as it stands in the file, secrets closed."""
        path = self.checkpoint(project, stack)
        try:
            content = json.loads(path.read_text())
            latest = content["checkpoint"].get("latest") or {}
        except FileNotFoundError as e:
            raise StackError(f"no stack named '{stack}' found for project '{project}'; make it with `stack init {stack}`") from e
        except (OSError, ValueError, KeyError, AttributeError) as e:
            raise StateError(f"{path} can't be read ({e}); restore {path.name}.bak beside it or one of .pulumi/backups") from e
        if content.get("version") != 3 or not isinstance(latest, dict):
            raise StateError(f"{path}: version {content.get('version')!r} is not 3; update it with Pulumi's own CLI")
        return latest

    def load(self, project: str, stack: str, passphrase: str) -> tuple[Snapshot, Crypter | None]:
        """The stack's snapshot with secrets opened, and what opened them (None if the state names no salt yet)."""
        latest = self.read(project, stack)
        providers = latest.get("secrets_providers") or {}
        if providers.get("type", "passphrase") != "passphrase":
            raise UnsupportedError(f"secrets provider {providers['type']!r}", f"stack {stack}")
        salt = (providers.get("state") or {}).get("salt") or ""
        crypter = Crypter(passphrase, salt) if salt else None
        resources = [decode(r, crypter) for r in latest.get("resources") or []]
        pending = [Operation(o["type"], decode(o["resource"], crypter)) for o in latest.get("pending_operations") or []]
        return Snapshot(resources, pending, salt), crypter

    def finish(self, project: str, stack: str, record: dict[str, Any]) -> None:
        """Keep a history entry and a backup of the checkpoint, as the CLI does at the end of an update."""
        nanos = time.time_ns()
        text = self.checkpoint(project, stack).read_text()
        history = self.folder / "history" / project / stack
        for path, content in (
            (history / f"{stack}-{nanos}.history.json", json.dumps(record, indent=1)),
            (history / f"{stack}-{nanos}.checkpoint.json", text),
            (self.folder / "backups" / project / stack / f"{stack}.{time.time_ns()}.json", text),
        ):
            write_atomically(path, content)
            write_attributes(path)
        self._describe(self.checkpoint(project, stack))


def manifest() -> dict[str, str]:
    """Which CLI's form a checkpoint has, and when it was written."""
    return {"time": now(), "magic": hashlib.sha256(VERSION.encode()).hexdigest(), "version": VERSION}


def document(project: str, stack: str, salt: str, resources: list[bytes], pending: list[bytes]) -> bytes:
    """A checkpoint's content from the texts of its entries, of one or of several each."""
    head = {"manifest": manifest(), "secrets_providers": {"type": "passphrase", "state": {"salt": salt}}}
    name = json.dumps(f"organization/{project}/{stack}")
    parts = [f'{{"version": 3, "checkpoint": {{"stack": {name}, "latest": {{\n{json.dumps(head)[1:-1]}'.encode()]
    for key, texts in (("resources", resources), ("pending_operations", pending)):
        if texts:
            parts.append(f',\n"{key}": [\n'.encode())
            parts += [piece for text in texts for piece in (text, b",\n")][:-1]
            parts.append(b"\n]")
    return b"".join([*parts, b',\n"metadata": {}\n}}}\n'])
