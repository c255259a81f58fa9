"""After a whole run, and during a session, each secret is where it has to be and nowhere else.

A secret is looked for as it is, in base64 at each of its three alignments, and in hexadecimal.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest
from perimeter_lab import Operator, Session, held, podman, processes

from domicile_host.dispatcher.item_secrets import Seal
from domicile_host.dispatcher.ledger import Ledger

pytestmark = pytest.mark.perimeter

SERVICES = ("dispatcher", "gateway", "egress", "shipper", "secrets", "control-plane", "outside")
MEMORY_NEEDS = {
    "environment key": {"dispatcher", "secrets", "control-plane"},
    "item token": {"dispatcher", "gateway", "control-plane"},
    "credential": {"dispatcher", "egress", "secrets", "outside"},
    "CA key": {"dispatcher", "secrets"},
}
"""The processes that work with a secret: the two ends of its use among them. Sandboxes work with none."""
CHUNK = 16 << 20


def forms(secret: bytes) -> list[bytes]:
    """How a secret may be written."""
    found = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + secret).rstrip(b"=")
        inner = whole[(0, 2, 3)[before] : len(whole) - 1]  # what doesn't depend on its neighbours
        found += [inner, inner.replace(b"+", b"-").replace(b"/", b"_")]
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Search:
    """Looks for secrets, by name, in whatever it is given."""

    forms: dict[str, list[bytes]]

    @classmethod
    def of(cls, secrets: dict[str, bytes]) -> Search:
        return cls({name: forms(value) for name, value in secrets.items()})

    def data(self, place: str, data: bytes) -> set[str]:
        return {f"{name} in {place}" for name, ways in self.forms.items() if any(form in data for form in ways)}

    def file(self, path: Path) -> set[str]:
        found: set[str] = set()
        try:
            with path.open("rb") as file:
                tail = b""
                while chunk := file.read(CHUNK):
                    found |= self.data(str(path), tail + chunk)
                    tail = chunk[-1024:]
        except FileNotFoundError:  # a log that was turned, a process that has ended
            return found
        return found

    def files(self, *roots: Path) -> set[str]:
        paths = (path for root in roots for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        return set().union(*map(self.file, paths))

    def memory(self, pid: int, place: str) -> set[str]:
        """In what a process has written or may write to."""
        found: set[str] = set()
        try:
            regions = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", Path(f"/proc/{pid}/maps").read_text(), re.M)
            with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
                for first, last in ((int(one, 16), int(other, 16)) for one, other in regions):
                    for start in range(first, last, CHUNK):
                        found |= self.data(place, _read(memory, start, min(CHUNK, last - start)))
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            return found
        return found


def _read(memory: BinaryIO, start: int, size: int) -> bytes:
    try:
        memory.seek(start)
        return memory.read(size)
    except (OSError, OverflowError):  # freed meanwhile, or never readable
        return b""


@pytest.fixture(scope="module")
def session(perimeter: Operator) -> Iterator[Session]:
    """A session in a call, after a demonstration has been served whole."""
    perimeter.domicile("session", perimeter.stack, "--json")
    session = perimeter.begin(held("searched"))
    session.sandbox()
    yield session
    session.release()
    session.assert_over()


@pytest.fixture(scope="module")
def secrets(perimeter: Operator, session: Session) -> dict[str, bytes]:
    """The secrets that are in use now, by the names of `MEMORY_NEEDS`."""
    authority = perimeter.secret("egress-ca")["key"]
    entry = next(each for each in Ledger(perimeter.places.ledger).entries() if each.held and each.held.session_id == session.id)
    assert entry.held is not None
    item = Seal(authority).open(entry.held.sealed, entry.sandbox_id)
    assert item is not None
    return {
        "environment key": perimeter.secret("environment-key")["value"].encode(),
        "item token": item.token.get_secret_value().encode(),
        "credential": perimeter.secret("credentials/demo-api")["value"].encode(),
        "CA key": authority.splitlines()[1].encode(),
    }


def test_the_search_finds_a_secret_in_each_form_and_place(tmp_path: Path) -> None:
    canary = os.urandom(12).hex().encode()
    search = Search.of({"other": b"never-there", "canary": canary})
    for number, form in enumerate((canary, canary.hex().encode(), *(base64.b64encode(b"x" * n + canary + b"yz") for n in range(3)))):
        file = tmp_path / f"below/{number}"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"-" * (CHUNK - 5 if number == 0 else 7) + form + b"-")
    expected = {f"canary in {path}" for path in (tmp_path / "below").iterdir()}
    assert search.files(tmp_path) == expected
    assert search.memory(os.getpid(), "this process") == {"canary in this process", "other in this process"}


def test_no_secret_lies_in_a_file_of_the_stack(perimeter: Operator, secrets: dict[str, bytes]) -> None:
    """State, checkpoints, settings, journals, archive, ledger, the secrets manager's files, everybody's sockets' folders."""
    places = perimeter.places
    planted = places.home_root / "planted"
    planted.write_bytes(secrets["environment key"])
    try:
        found = Search.of(secrets).files(places.home_root, places.run_root, perimeter.project)
    finally:
        planted.unlink()
    assert found == {f"environment key in {planted}"}


def test_no_secret_is_in_a_container_s_definition_or_log(perimeter: Operator, secrets: dict[str, bytes]) -> None:
    search, containers = Search.of(secrets), perimeter.containers()
    assert {perimeter.container(service) for service in SERVICES} < set(containers)
    assert search.data("podman inspect", podman("container", "inspect", *containers).encode()) == set()
    for container in containers:
        found = json.loads(podman("container", "inspect", container))[0]
        assert search.files(Path(found["StaticDir"]), Path(found["OCIConfigPath"]).parent) == set()
        if found["HostConfig"]["LogConfig"]["Type"] != "none":
            assert search.data(f"logs of {container}", podman("logs", container).encode()) == set()


def test_no_secret_is_in_an_image(perimeter: Operator, secrets: dict[str, bytes]) -> None:
    """The layer with the product's own files, the configuration, and what a container has written over its image."""
    search = Search.of(secrets)
    containers = json.loads(podman("container", "inspect", *perimeter.containers()))
    images = json.loads(podman("image", "inspect", *{found["Image"] for found in containers}))
    assert search.data("podman image inspect", json.dumps(images).encode()) == set()
    assert search.files(*(Path(found["GraphDriver"]["Data"]["UpperDir"]) for found in (*images, *containers))) == set()


def test_no_secret_is_in_an_argument_or_environment_of_any_process(secrets: dict[str, bytes]) -> None:
    search = Search.of(secrets)
    for file in ("cmdline", "environ"):
        assert set().union(*(search.data(f"/proc/{pid}/{file}", data) for pid, data in processes(file))) == set()


def test_each_secret_is_in_the_memory_of_those_only_that_work_with_it(
    perimeter: Operator, session: Session, secrets: dict[str, bytes]
) -> None:
    search = Search.of(secrets)
    found: dict[str, set[str]] = {name: set() for name in secrets}
    for container in (*map(perimeter.container, SERVICES), session.sandbox()):
        service = container.removeprefix(perimeter.container(""))
        listed = podman("top", container, "hpid").split()[1:]
        assert any(map(str.isdigit, listed)), container
        for pid in (int(each) for each in listed if each != "?"):  # one that ended while it was listed has no number any more
            for name in search.memory(pid, ""):
                found[name.removesuffix(" in ")].add(service)
    for name, holders in found.items():
        assert holders <= MEMORY_NEEDS[name], f"{name} is in the memory of {sorted(holders - MEMORY_NEEDS[name])}"
    assert "dispatcher" in found["environment key"] & found["item token"] & found["credential"]
