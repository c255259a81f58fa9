"""A cloud kept on disk: one JSON file a thing, in folders by account and region, to be read, drifted and broken by tests.

Every provider resource of a stack is a plugin process of its own, so all of it holds across processes: one lock file, files
replaced atomically, and an index of folders that may name too much after a kill, and is therefore never believed unread.
It knows nothing of any provider: what is refused is `world`'s to say.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

Properties = dict[str, Any]

ACCOUNT = "123456789012"
"""Whose the credentials are that calls are made with, unless `Cloud.belong` has said otherwise."""


@dataclass(frozen=True)
class Use:
    """One thing's reference to another, by the other's handle. `holds` forbids the other's deletion; a `part` vanishes with it."""

    path: str
    handle: str
    holds: bool = True
    part: bool = False


@dataclass(frozen=True)
class Thing:
    """Something that the cloud has. `properties` are its inputs and outputs together, as they are now, secrets in clear."""

    token: str
    id: str
    account: str
    region: str
    name: str  # of the resource that made it, for those who look at the folder
    properties: Properties
    handles: tuple[str, ...] = ()  # what others may call it
    uses: tuple[Use, ...] = ()
    claims: tuple[str, ...] = ()  # what no other may have: names, mostly
    gone: bool = False  # deleted, but what it claimed isn't free yet

    @property
    def key(self) -> str:
        return f"{self.account}/{self.region}/{self.token.rpartition(':')[2]}-{_short(f'{self.token}|{self.id}')}"

    @property
    def arns(self) -> tuple[str, ...]:
        """Its names that say their place themselves."""
        return tuple(name for _, _, name in (handle.partition(" ") for handle in self.handles) if name.startswith("arn:"))


class Cloud:
    """`folder` holds `things/`, the index, the fault plan and the log of calls. An empty or missing folder is an empty cloud."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._threads = threading.RLock()
        self._depth = 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time, across processes and threads; may be nested."""
        with self._threads:
            if self._depth:
                yield
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1

    @property
    def account(self) -> str:
        """Whose the credentials are that calls are made with."""
        file = self.folder / "account"
        return file.read_text() if file.exists() else ACCOUNT

    def belong(self, account: str) -> None:
        """From now on calls are made with credentials of this account."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "account").write_text(account)

    # -- looking ------------------------------------------------------------------------------------------------------

    def things(self, type_: str = "", name: str = "", region: str = "") -> list[Thing]:
        """All things, or those of a type (token or its last part), a resource's name, a region."""
        found = (self._read(p) for p in sorted(self.folder.glob("things/*/*/*.json")))
        return [t for t in found if t and not t.gone and _is(t, type_) and name in ("", t.name) and region in ("", t.region)]

    def thing(self, type_: str, name: str = "", region: str = "") -> Thing:
        """The one such thing; LookupError if there is none, or more than one."""
        found = self.things(type_, name, region)
        if len(found) != 1:
            raise LookupError(f"{len(found)} things of type {type_!r} named {name!r} in {region or 'all regions'}; there must be one")
        return found[0]

    def get(self, account: str, region: str, token: str, id_: str) -> Thing | None:
        return self._read(self._path(Thing(token, id_, account, region, "", {}).key))

    def called(self, handle: str) -> Thing | None:
        """The thing with this handle."""
        return next((t for t in self._indexed("called", handle) if handle in t.handles), None)

    def users(self, handle: str) -> list[Thing]:
        """The things that refer to this handle."""
        return [t for t in self._indexed("used", handle) if any(u.handle == handle for u in t.uses)]

    def concerned(self, thing: Thing, deep: bool = True) -> Iterator[str]:
        """The ARNs of a thing, of what it refers to, and of what that refers to in turn: an instance profile's role."""
        yield from thing.arns
        for use in thing.uses:
            if other := self.called(use.handle):
                yield from self.concerned(other, deep=False) if deep else other.arns

    def claimant(self, claim: str) -> Thing | None:
        """The thing that has claimed this."""
        return next((t for t in self._indexed("claimed", claim) if claim in t.claims), None)

    # -- changing -----------------------------------------------------------------------------------------------------

    def put(self, thing: Thing) -> None:
        """Write a new thing or a new version of one."""
        with self.locked():
            path = self._path(thing.key)
            old = self._read(path)
            marks = set(_marks(thing))
            for mark in marks:  # before the thing: a mark without its thing is harmless
                place = self._place(*mark)
                place.mkdir(parents=True, exist_ok=True)
                (place / thing.key.replace("/", "~")).touch()
            _write(path, asdict(thing))
            if old:
                self._unmark(old, set(_marks(old)) - marks)

    def drop(self, thing: Thing) -> None:
        """Remove a thing, and with it what is a part of it."""
        with self.locked():
            for handle in thing.handles:
                for user in self.users(handle):
                    if user.key != thing.key and any(u.part and u.handle == handle for u in user.uses):
                        self.drop(user)
            self._path(thing.key).unlink(missing_ok=True)
            self._unmark(thing, set(_marks(thing)))

    def bury(self, thing: Thing) -> None:
        """Remove a thing, but let what it claimed stay taken."""
        with self.locked():
            self.drop(thing)
            self.put(replace(thing, id=f"{thing.id} (deleted)", handles=(), uses=(), gone=True))

    def edit(self, thing: Thing, **changes: Any) -> Thing:
        """Drift: change a thing by hand, behind the stack's back. None removes a property."""
        with self.locked():
            now = self._read(self._path(thing.key))
            if now is None:
                raise LookupError(f"{thing.token} {thing.id!r} is gone")
            properties = {k: v for k, v in {**now.properties, **changes}.items() if v is not None}
            fresh = replace(now, properties=properties)
            self.put(fresh)
            return fresh

    def vanish(self, thing: Thing) -> None:
        """Drift: delete a thing by hand, whoever uses it."""
        self.drop(thing)

    def serial(self, urn: str, bump: bool = False) -> int:
        """How many things a resource has made so far: what makes its next one's id and name differ."""
        with self.locked():
            path = self.folder / "serials" / f"{_short(urn)}.json"
            count = int(json.loads(path.read_text())["made"]) if path.exists() else 0
            if bump:
                _write(path, {"urn": urn, "made": count + 1})
            return count

    # -- files --------------------------------------------------------------------------------------------------------

    def _path(self, key: str) -> Path:
        return self.folder / "things" / f"{key}.json"

    def _place(self, kind: str, mark: str) -> Path:
        return self.folder / "index" / kind / _short(mark)

    def _indexed(self, kind: str, mark: str) -> Iterator[Thing]:
        place = self._place(kind, mark)
        for entry in sorted(p.name for p in place.iterdir()) if place.is_dir() else ():
            if thing := self._read(self._path(entry.replace("~", "/"))):
                yield thing

    def _unmark(self, thing: Thing, marks: set[tuple[str, str]]) -> None:
        for mark in marks:
            (self._place(*mark) / thing.key.replace("/", "~")).unlink(missing_ok=True)

    @staticmethod
    def _read(path: Path) -> Thing | None:
        try:
            value = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        lists = {k: tuple(value[k]) for k in ("handles", "claims")}
        return Thing(**{**value, **lists, "uses": tuple(Use(**u) for u in value["uses"])})


def _marks(thing: Thing) -> Iterator[tuple[str, str]]:
    yield from (("called", h) for h in thing.handles)
    yield from (("used", u.handle) for u in thing.uses)
    yield from (("claimed", c) for c in thing.claims)


def _is(thing: Thing, type_: str) -> bool:
    return type_ in ("", thing.token, thing.token.rpartition(":")[2])


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(value, indent=1, sort_keys=True))
    fresh.replace(path)
