"""The state of a stack while an operation changes it: written anew, whole, after each step.

What the operation made comes first, in the order in which it was done; then what it hasn't reached yet, in the old order. So each
entry comes after all that it leans on, wherever the operation is cut short.

A step's begin is in the file before its provider is asked. Its end goes with the next write, soon: so it is there before anything
begins that leans on it. Steps side by side share a write.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from ..errors import InDoubtError, StateError
from ..state.backend import document
from ..state.crypter import Crypter
from ..state.files import write_atomically
from ..state.part import Part
from ..state.snapshot import Operation, Resource, Snapshot, below, encode
from ..state.writes import Writes
from ..values import keep_ciphertexts

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Writer:
    """Writes a stack's snapshot to its file; StateError if that can't be done."""

    def __init__(self, path: Path, project: str, stack: str, crypter: Crypter) -> None:
        self._path, self._project, self._stack, self._crypter = path, project, stack, crypter

    def text(self, resource: Resource) -> bytes:
        """The resource's entry in the file."""
        return _compact(encode(resource, self._crypter)).encode()

    def __call__(self, resources: list[bytes], pending: list[bytes]) -> None:
        try:
            write_atomically(self._path, document(self._project, self._stack, self._crypter.salt, resources, pending), keep_before=True)
        except OSError as e:
            raise StateError(f"{self._path} can't be written ({e.strerror}); make room or mend the permissions, and run it again") from e


class Checkpoint:
    """The living state. With no writer (a preview) nothing reaches the disk.

    A change is in the file once `saved` returns; a step's, moments after its `under_way` has ended (see `writes`).
    """

    def __init__(self, base: Snapshot, write: Writer | None) -> None:
        self._text = write.text if write else _untold
        self._places = count()
        self._place: dict[Resource, int] = {}
        self._names: dict[str, str] = {}  # former URN -> the one that an alias gave
        self._inherited: dict[str, str] = {}  # URN that the alias of a parent gave -> the former one
        self._lost: dict[str, str] = {}  # URN of what the world hasn't any more -> its parent's
        self._base, self._done = Part(self._text), Part(self._text)
        for resource in base.resources:
            self._put(self._base, next(self._places), resource)
        self._forward: set[str] = set()  # URNs of what `bring_forward` has moved
        self._pending = {o: self._named(o) for o in base.pending if o.type == "creating"}
        self.wanted = {urn: o.resource.inputs for o in base.pending if o.type == "updating" for urn in o.urns}
        """Inputs of updates that an earlier operation began and whose end isn't known, by URN."""
        self._lock = threading.RLock()
        self._writes = Writes(self._lock, (lambda: self._taken(write)) if write else None)
        self._writes.changed = bool(base.pending)

    def resources(self) -> list[Resource]:
        with self._lock:
            return [r for part in (self._done, self._base) for _, r in part.items()]

    def former(self, urn: str) -> str:
        """The URN that what has this one now had before this operation, if an alias has given it another."""
        with self._lock:
            return next((old for old, new in self._names.items() if new == urn), urn)

    @contextmanager
    def under_way(self, kind: str, resource: Resource) -> Iterator[None]:
        """Name what is being done in the file before it is done, and no more once its end is known."""
        operation = Operation(kind, resource)
        in_doubt = False
        with self._lock:
            self._pending[operation] = self._named(operation)
            self._writes.begin()
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
                self._writes.end()

    def supersede(self, old: Resource | None, new: Resource, beside: Resource | None = None) -> None:
        """`new` takes the place of `old`. `beside` is from now on to be deleted.

        If `new` has another URN than the one of before, by an alias, all that leans on it names it so from here on.
        """
        with self._lock:
            _keep_ciphertexts(old, new)
            self._take_out(old)
            if (before := old or beside) is not None:
                self._rename(before.urn, new.urn)
            self._make_way(new.urn)
            if beside is not None:
                self._amend(beside, replace(beside, delete=True))
            self._put(self._done, next(self._places), new)
            if new.urn in self._forward:
                self._move_to_the_end(self._done, self._leaning(new.urn))
            self._writes.changed = True

    def amend(self, old: Resource, new: Resource) -> None:
        """`new` stands where `old` stands: outputs registered, marked for deletion, and the like."""
        with self._lock:
            _keep_ciphertexts(old, new)
            self._amend(old, new)
            self._writes.changed = True

    def drop(self, old: Resource) -> None:
        with self._lock:
            self._take_out(old)
            self._writes.changed = True

    def lose(self, old: Resource) -> None:
        """The world hasn't it any more: its entry goes, and from here on nothing leans on it, as in the CLI's refresh."""
        with self._lock:
            self._take_out(old)
            if not any(r.urn == old.urn for r in self.resources()):
                self._lost[old.urn] = old.parent
                for part in (self._base, self._done):
                    for place, r in part.items():
                        if old.urn in r.leans_on:
                            self._put(part, place, r)
            self._writes.changed = True

    def in_doubt(self) -> list[Operation]:
        """What was begun, by this operation or an earlier one, and is not known to be done."""
        with self._lock:
            return list(self._pending)

    def bring_forward(self, needed: Collection[str]) -> None:
        """What has these URNs, and what it leans on, is written before all that this operation has yet to come to."""
        with self._lock:
            wanted, moving = {self._names.get(urn, urn) for urn in needed}, list[tuple[int, Resource]]()
            for place, resource in reversed(self._base.items()):
                if resource.urn in wanted and not resource.delete:
                    wanted |= resource.leans_on
                    moving.append((place, resource))
            self._move_to_the_end(self._base, moving[::-1])
            self._forward |= {resource.urn for _, resource in moving}
            self._writes.changed |= bool(moving)

    def leaning(self, urn: str) -> set[str]:
        """URNs of what this operation has come to already and leans on what has this URN, if that was brought forward for it."""
        with self._lock:
            return {resource.urn for _, resource in self._leaning(urn)} if urn in self._forward else set()

    def clear_pending(self, urns: Collection[str] | None = None) -> None:
        """Forget the creates that an earlier, killed operation left in doubt: all, or those of these URNs."""
        with self._lock:
            for operation in [o for o in self._pending if urns is None or o.resource.urn in urns]:
                del self._pending[operation]
            self._writes.changed = True

    def saved(self) -> None:
        """Return once all changes up to now are in the file; StateError if it can't be written."""
        self._writes.saved()

    def close(self) -> None:
        """Write what is left to write, and nothing after that: a step that an abort left behind may yet come back."""
        self._writes.close()

    # -- within the lock ----------------------------------------------------------------------------------------------

    def _taken(self, write: Writer) -> Callable[[], None]:
        resources, pending = self._done.texts() + self._base.texts(), list(self._pending.values())
        return lambda: write(resources, pending)

    def _named(self, operation: Operation) -> bytes:
        return b'{"resource": %b, "type": "%b"}' % (self._text(operation.resource), operation.type.encode())

    def _put(self, part: Part, place: int, resource: Resource) -> None:
        # Whoever holds an entry may still say what becomes of it, whatever URNs it mentions: each of them stands for this place.
        self._lost.pop(resource.urn, None)
        named = resource.renamed(self._names).without(self._lost)
        self._place[resource] = self._place[named] = place
        part.put(place, named)

    def _rename(self, old_urn: str, new_urn: str) -> None:
        """Below what has another type or parent now, all that this operation has yet to come to has another URN too, as with the CLI."""
        if self._names.get(old_urn, old_urn) == new_urn:
            return
        living = {r.urn for part in (self._base, self._done) for _, r in part.items() if not r.delete}
        names = {old_urn: new_urn} | ({self._names[old_urn]: new_urn} if old_urn in self._names else {})
        entries = [(part, place, r) for part in (self._base, self._done) for place, r in part.items()]
        for part, _, r in entries:
            if part is self._base and r.parent in names and (urn := below(names[r.parent], r.urn)) not in living:
                names[r.urn] = urn
                self._inherited[urn] = r.urn
        self._names = {old: names.get(new, new) for old, new in self._names.items()} | names
        self._forward |= {names[urn] for urn in self._forward & names.keys()}
        for part, place, r in entries:
            if r.renamed(names) is not r:
                self._put(part, place, r)

    def _make_way(self, urn: str) -> None:
        """What has this URN only as its parent was renamed has its former one again: another has it now, by an alias of its own."""
        former = self._inherited.pop(urn, "")
        for place, r in self._base.items() if former else ():
            if r.urn == urn and not r.delete:
                del self._names[former]
                self._put(self._base, place, replace(r, urn=former))

    def _leaning(self, urn: str) -> list[tuple[int, Resource]]:
        """What is done and leans on it, also by way of others, with places."""
        urns, found = {urn}, list[tuple[int, Resource]]()
        for place, resource in self._done.items():
            if resource.leans_on & urns:
                urns.add(resource.urn)
                found.append((place, resource))
        return found

    def _move_to_the_end(self, part: Part, moving: list[tuple[int, Resource]]) -> None:
        for place, resource in moving:
            part.take_out(place)
            self._put(self._done, next(self._places), resource)

    def _amend(self, old: Resource, new: Resource) -> None:
        place = self._place.pop(old)
        self._put(self._base if place in self._base else self._done, place, new)

    def _take_out(self, old: Resource | None) -> None:
        if old is not None and (place := self._place.pop(old, None)) is not None:
            for part in (self._base, self._done):
                if place in part:
                    part.take_out(place)


def _untold(_: Resource) -> bytes:
    """The text of an entry in a preview, which writes none."""
    return b""


def _keep_ciphertexts(old: Resource | None, new: Resource) -> None:
    if old:
        keep_ciphertexts(new.inputs, old.inputs)
        keep_ciphertexts(new.outputs, old.outputs)
