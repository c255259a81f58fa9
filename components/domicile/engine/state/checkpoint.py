"""The state of a stack while an operation changes it: written anew, whole, after each step.

What the operation made comes first, in the order in which it was done; then what it hasn't reached yet, in the old order. So each
entry comes after all that it leans on, wherever the operation is cut short.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakKeyDictionary

from ..errors import InDoubtError
from ..state.backend import document
from ..state.crypter import Crypter
from ..state.files import write_atomically
from ..state.snapshot import Operation, Resource, Snapshot, encode
from ..values import keep_ciphertexts


class Writer:
    """Writes a stack's snapshot to its file; keeps each entry's text, so that a step costs little beside the write."""

    def __init__(self, path: Path, project: str, stack: str, crypter: Crypter) -> None:
        self._path, self._project, self._stack, self._crypter = path, project, stack, crypter
        self._texts: WeakKeyDictionary[Resource, str] = WeakKeyDictionary()

    def __call__(self, resources: list[Resource], pending: list[Operation]) -> None:
        operations = [f'{{"resource": {self._text(o.resource)}, "type": {json.dumps(o.type)}}}' for o in pending]
        entries = [self._text(r) for r in resources]
        write_atomically(self._path, document(self._project, self._stack, self._crypter.salt, entries, operations), keep_before=True)

    def _text(self, resource: Resource) -> str:
        text = self._texts.get(resource)
        if text is None:
            text = self._texts[resource] = json.dumps(encode(resource, self._crypter), indent=1, ensure_ascii=False)
        return text


class Checkpoint:
    """The living state. With no writer (a preview) nothing reaches the disk."""

    def __init__(self, base: Snapshot, write: Callable[[list[Resource], list[Operation]], None] | None) -> None:
        self._base: list[Resource | None] = list(base.resources)
        self._at = {r: i for i, r in enumerate(base.resources)}
        self._done: list[Resource] = []
        self._kept_pending = [o for o in base.pending if o.type == "creating"]
        self._pending: list[Operation] = []
        self._write = write
        self._lock = threading.RLock()
        self._dirty = bool(base.pending)

    def resources(self) -> list[Resource]:
        with self._lock:
            return self._done + [r for r in self._base if r is not None]

    def rename(self, old_urn: str, new_urn: str) -> None:
        """An alias gave a resource a new URN: what leans on it names it so from here on."""
        with self._lock:
            for at, r in enumerate(self._base):
                if r is not None and old_urn in r.leans_on:
                    # Whoever holds the entry of before may still say what becomes of it: both stand for this place.
                    new = self._base[at] = r.renamed({old_urn: new_urn})
                    self._at[new] = at
                    self._dirty = True

    @contextmanager
    def under_way(self, kind: str, resource: Resource) -> Iterator[None]:
        """Name what is being done in the file before it is done, and no more once its end is known and written."""
        operation = Operation(kind, resource)
        with self._lock:
            self._pending.append(operation)
            self._flush()
        try:
            yield
        except InDoubtError:
            self._kept_pending.append(operation)
            raise
        finally:
            with self._lock:
                self._pending.remove(operation)
                self._flush()

    def supersede(self, old: Resource | None, new: Resource, quietly: bool = False) -> None:
        """`new` takes the place of `old`. `quietly`: nothing worth a write has changed."""
        with self._lock:
            _keep_ciphertexts(old, new)
            self._take_out(old)
            self._done.append(new)
            self._dirty = True
            if not quietly:
                self._flush_unless_pending()

    def amend(self, old: Resource, new: Resource) -> None:
        """`new` stands where `old` stands: outputs registered, marked for deletion, and the like."""
        with self._lock:
            _keep_ciphertexts(old, new)
            if old in self._at:
                at = self._at[new] = self._at.pop(old)
                self._base[at] = new
            else:
                self._done[self._done.index(old)] = new
            self._dirty = True
            self._flush_unless_pending()

    def drop(self, old: Resource) -> None:
        with self._lock:
            self._take_out(old)
            self._dirty = True
            self._flush_unless_pending()

    def in_doubt(self) -> list[Operation]:
        """What was begun, by this operation or an earlier one, and is not known to be done."""
        with self._lock:
            return self._kept_pending + self._pending

    def clear_pending(self) -> None:
        """Forget the creates that an earlier, killed operation left in doubt."""
        with self._lock:
            self._kept_pending, self._dirty = [], True

    def close(self) -> None:
        """Write what `quietly` put off."""
        with self._lock:
            if self._dirty:
                self._flush()

    def _take_out(self, old: Resource | None) -> None:
        if old is None:
            return
        at = self._at.pop(old, None)
        if at is not None:
            self._base[at] = None
        elif old in self._done:
            self._done.remove(old)

    def _flush_unless_pending(self) -> None:
        """A step that is under way writes once, when it ends; all else at once."""
        if not self._pending:
            self._flush()

    def _flush(self) -> None:
        if self._write:
            self._write(self.resources(), self._kept_pending + self._pending)
        self._dirty = False


def _keep_ciphertexts(old: Resource | None, new: Resource) -> None:
    if old:
        keep_ciphertexts(new.inputs, old.inputs)
        keep_ciphertexts(new.outputs, old.outputs)
