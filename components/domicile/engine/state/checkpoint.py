"""The state of a stack while an operation changes it: written anew, whole, after each step.

What the operation made comes first, in the order in which it was done; then what it hasn't reached yet, in the old order. So each
entry comes after all that it leans on, wherever the operation is cut short. Steps that end side by side share a write.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from ..errors import InDoubtError, StateError
from ..state.backend import document
from ..state.crypter import Crypter
from ..state.files import write_atomically
from ..state.snapshot import Operation, Resource, Snapshot, encode
from ..values import keep_ciphertexts


class Entry:
    """A resource in its place, and its text in the file once it has been written: a step costs little beside the write."""

    __slots__ = ("resource", "text")

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.text: bytes | None = None


class Writer:
    """Writes a stack's snapshot to its file; StateError if that can't be done."""

    def __init__(self, path: Path, project: str, stack: str, crypter: Crypter) -> None:
        self._path, self._project, self._stack, self._crypter = path, project, stack, crypter

    def __call__(self, entries: Iterable[Entry], pending: Iterable[tuple[str, Entry]]) -> None:
        operations = [b'{"resource": %b, "type": "%b"}' % (self._text(e), kind.encode()) for kind, e in pending]
        content = document(self._project, self._stack, self._crypter.salt, [self._text(e) for e in entries], operations)
        try:
            write_atomically(self._path, content, keep_before=True)
        except OSError as e:
            raise StateError(f"{self._path} can't be written ({e.strerror}); make room or mend the permissions, and run it again") from e

    def _text(self, entry: Entry) -> bytes:
        if entry.text is None:
            entry.text = json.dumps(encode(entry.resource, self._crypter), ensure_ascii=False).encode()
        return entry.text


class Checkpoint:
    """The living state. With no writer (a preview) nothing reaches the disk.

    A change is in the file once `saved` returns, or the `under_way` that it was made in ends; others go with the next write.
    """

    def __init__(self, base: Snapshot, write: Callable[[Iterable[Entry], Iterable[tuple[str, Entry]]], None] | None) -> None:
        self._places = count()
        self._place: dict[Resource, int] = {}
        self._base: dict[int, Entry] = {}
        self._done: dict[int, Entry] = {}
        for resource in base.resources:
            self._put(self._base, next(self._places), resource)
        self._pending: dict[Operation, Entry] = {o: Entry(o.resource) for o in base.pending if o.type == "creating"}
        self._write = write
        self._lock = threading.Condition()
        self._changes, self._saved, self._writing = int(bool(base.pending)), 0, False

    def resources(self) -> list[Resource]:
        with self._lock:
            return [e.resource for e in self._entries()]

    def rename(self, old_urn: str, new_urn: str) -> None:
        """An alias gave a resource a new URN: what leans on it names it so from here on."""
        with self._lock:
            for place, entry in self._base.items():
                if old_urn in entry.resource.leans_on:
                    # Whoever holds the entry of before may still say what becomes of it: both stand for this place.
                    self._put(self._base, place, entry.resource.renamed({old_urn: new_urn}))
                    self._changes += 1

    @contextmanager
    def under_way(self, kind: str, resource: Resource) -> Iterator[None]:
        """Name what is being done in the file before it is done, and no more once its end is known and written."""
        operation = Operation(kind, resource)
        in_doubt = False
        with self._lock:
            self._pending[operation] = Entry(resource)
            self._changes += 1
        try:
            self.saved()
            yield
        except InDoubtError:
            in_doubt = True
            raise
        finally:
            with self._lock:
                if not in_doubt:
                    del self._pending[operation]
                self._changes += 1
            self.saved()

    def supersede(self, old: Resource | None, new: Resource, beside: Resource | None = None) -> None:
        """`new` takes the place of `old`. `beside` is from now on to be deleted."""
        with self._lock:
            _keep_ciphertexts(old, new)
            self._take_out(old)
            if beside is not None:
                self._amend(beside, replace(beside, delete=True))
            self._put(self._done, next(self._places), new)
            self._changes += 1

    def amend(self, old: Resource, new: Resource) -> None:
        """`new` stands where `old` stands: outputs registered, marked for deletion, and the like."""
        with self._lock:
            _keep_ciphertexts(old, new)
            self._amend(old, new)
            self._changes += 1

    def drop(self, old: Resource) -> None:
        with self._lock:
            self._take_out(old)
            self._changes += 1

    def in_doubt(self) -> list[Operation]:
        """What was begun, by this operation or an earlier one, and is not known to be done."""
        with self._lock:
            return list(self._pending)

    def clear_pending(self, urns: Collection[str] | None = None) -> None:
        """Forget the creates that an earlier, killed operation left in doubt: all, or those of these URNs."""
        with self._lock:
            for operation in [o for o in self._pending if urns is None or o.resource.urn in urns]:
                del self._pending[operation]
            self._changes += 1

    def saved(self) -> None:
        """Return once all changes up to now are in the file. One thread writes at a time; what changes meanwhile shares the next write.

        Raises StateError if it can't be written.
        """
        with self._lock:
            wanted = self._changes
        while True:
            with self._lock:
                while self._writing and self._saved < wanted:
                    self._lock.wait()
                if self._write is None or self._saved >= wanted:
                    return
                self._writing = True
                changes, write = self._changes, self._write
                entries, pending = self._entries(), [(o.type, e) for o, e in self._pending.items()]
            try:
                write(entries, pending)
            except BaseException:
                changes = self._saved
                raise
            finally:
                with self._lock:
                    self._writing, self._saved = False, changes
                    self._lock.notify_all()

    def close(self) -> None:
        """Write what is left to write, and nothing after that: a step that an abort left behind may yet come back."""
        try:
            self.saved()
        finally:
            with self._lock:
                while self._writing:
                    self._lock.wait()
                self._write = None

    # -- within the lock ----------------------------------------------------------------------------------------------

    def _entries(self) -> list[Entry]:
        return [*self._done.values(), *self._base.values()]

    def _put(self, part: dict[int, Entry], place: int, resource: Resource) -> None:
        self._place[resource] = place
        part[place] = Entry(resource)

    def _amend(self, old: Resource, new: Resource) -> None:
        place = self._place.pop(old)
        self._put(self._base if place in self._base else self._done, place, new)

    def _take_out(self, old: Resource | None) -> None:
        if old is not None and (place := self._place.pop(old, None)) is not None:
            self._base.pop(place, None)
            self._done.pop(place, None)


def _keep_ciphertexts(old: Resource | None, new: Resource) -> None:
    if old:
        keep_ciphertexts(new.inputs, old.inputs)
        keep_ciphertexts(new.outputs, old.outputs)
