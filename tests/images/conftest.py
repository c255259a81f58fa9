"""What the tests of the images share: the images themselves, built once a run with a key of the test's own."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

import httpx
import pytest

from domicile_images import BuiltImage, Cache, Key, StoreError, build, is_loaded, key_in, load, load_recipe, unload

CHECKOUT = Path(__file__).parents[2]
IMAGES = CHECKOUT / "images"


@dataclass(frozen=True)
class Member:
    """A file, link or folder of an image, as its topmost layer has it."""

    info: tarfile.TarInfo
    data: bytes


@pytest.fixture(scope="session")
def cache() -> Cache:
    """Images signed with the tests' own key, beside the checkout's own: downloads and layers are shared."""
    shared, own = CHECKOUT / ".cache" / "images", CHECKOUT / ".cache" / "images-of-tests"
    own.mkdir(parents=True, exist_ok=True)
    for folder in ("blobs", "layers", "go", "locks"):
        (shared / folder).mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (own / folder).symlink_to(f"../images/{folder}")
    return Cache(own)


@pytest.fixture(scope="session")
def key(cache: Cache) -> Key:
    return key_in(cache.root / "keys")


@pytest.fixture(scope="session")
def image(cache: Cache, key: Key) -> Callable[[str], BuiltImage]:
    """Builds an image of this checkout by name, once."""
    return once(lambda name: build(load_recipe(IMAGES / name), cache, key))


@pytest.fixture(scope="session")
def members(image: Callable[[str], BuiltImage]) -> Callable[[str], dict[str, Member]]:
    """Everything in an image, by path, read from its layers."""

    @once
    def read(name: str) -> dict[str, Member]:
        found: dict[str, Member] = {}
        built = image(name)
        for layer in built.layers:
            with tarfile.open(built.layout / "blobs" / "sha256" / layer.sha256) as tar:
                for info in tar:
                    reader = tar.extractfile(info) if info.isfile() else None
                    found[info.name] = Member(info, reader.read() if reader else b"")
        return found

    return read


@pytest.fixture(scope="session")
def configuration(image: Callable[[str], BuiltImage]) -> Callable[[str], dict]:
    """An image's configuration, as a container engine reads it."""

    def read(name: str) -> dict:
        blobs = image(name).layout / "blobs" / "sha256"
        manifest = json.loads((blobs / image(name).digest.removeprefix("sha256:")).read_bytes())
        return json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_bytes())["config"]

    return read


@pytest.fixture(scope="session")
def loaded(image: Callable[[str], BuiltImage]) -> Iterator[Callable[[str], str]]:
    """Loads an image, and takes out at the end what wasn't there before."""
    added: list[BuiltImage] = []

    def reference(name: str) -> str:
        if not is_loaded(image(name)):
            added.append(image(name))
        return load(image(name))

    yield reference
    for one in added:
        with contextlib.suppress(StoreError):  # a perimeter that came up meanwhile runs it
            unload(one)


@pytest.fixture
def small(tmp_path: Path, key: Key) -> Iterator[Callable[..., BuiltImage]]:
    """Builds an image of one own file and nothing else, in a cache of its own, and takes it out of the store afterwards."""
    built: list[BuiltImage] = []
    name = "small_" + "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=8))

    def make(text: str = "content") -> BuiltImage:
        built.append(build(load_recipe(small_recipe(tmp_path / "small", text, name)), Cache(tmp_path / "cache"), key))
        return built[-1]

    yield make
    for one in built:
        unload(one)


def small_recipe(folder: Path, text: str, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "file").write_text(text)
    (folder / "debian.lock.json").write_text("[]")
    (folder / "recipe.yaml").write_text(
        f"name: {name}\ndescription: of a test\ndebian: []\nown: [{{from: file, to: file}}]\nrun: {{user: '1:1', entrypoint: [/file]}}\n"
    )
    return folder


@pytest.fixture(scope="session")
def registry_program() -> Path:
    """Debian's registry, unpacked into the checkout's cache and not installed: it would be started at once."""
    program = CHECKOUT / ".cache" / "tools" / "usr" / "bin" / "docker-registry"
    if not program.exists():
        folder = program.parents[2]
        folder.mkdir(parents=True, exist_ok=True)
        fetch = ["apt-get", "download", "--quiet", "--quiet", "docker-registry"]
        if subprocess.run(fetch, cwd=folder, capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "update", "--quiet", "--quiet"], check=True)
            subprocess.run(fetch, cwd=folder, check=True)
        package = next(folder.glob("docker-registry_*.deb"))
        subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    return program


@contextlib.contextmanager
def serving(program: Path, folder: Path, **more: object) -> Iterator[str]:
    """A registry on loopback, its store in `folder`; `host:port`. `more`: sections of its configuration."""
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = folder / "registry.json"  # JSON is YAML
    storage = {"filesystem": {"rootdirectory": str(folder / "registry")}, "delete": {"enabled": True}}
    config.write_text(json.dumps({"version": 0.1, "log": {"level": "error"}, "storage": storage, "http": {"addr": address}, **more}))
    command = ["setpriv", "--pdeathsig=KILL", program, "serve", config]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        end = time.monotonic() + 20
        while True:
            try:
                assert httpx.get(f"http://{address}/v2/").status_code in (200, 401)
                break
            except httpx.HTTPError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < end
                time.sleep(0.02)
        yield address
        process.kill()


@pytest.fixture
def registry(registry_program: Path, tmp_path: Path) -> Iterator[str]:
    """A registry on loopback; its base URL."""
    with serving(registry_program, tmp_path / "registry") as address:
        yield f"http://{address}"


TOKEN = "canary-of-the-registrys-token"
_TOKENS_HASH = "$2y$05$abcdefghijklmnopqrstuuZALvxNUhvKzWhzC6rxBjPrj/YuQBdLG"


@pytest.fixture
def locked_registry(registry_program: Path, tmp_path: Path) -> Iterator[str]:
    """One that takes the user AWS with `TOKEN` and nobody else, as ECR does; `host:port`."""
    passwords = tmp_path / "passwords"
    passwords.write_text(f"AWS:{_TOKENS_HASH}\n")
    with serving(registry_program, tmp_path / "registry", auth={"htpasswd": {"realm": "here", "path": str(passwords)}}) as address:
        yield address
