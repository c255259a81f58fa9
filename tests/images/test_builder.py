"""Building: the same inputs give the same bytes, nothing is done twice, nothing is left half-made."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest

from domicile_images import AptError, Cache, CacheError, RecipeError, build, is_loaded, key_in, load, load_recipe, lock, unload

CHECKOUT = Path(__file__).parents[2]
BUILD = """
import sys
from pathlib import Path
from domicile_images import Cache, build, key_in, load_recipe
recipe, cache, keys = map(Path, sys.argv[1:])
print(build(load_recipe(recipe), Cache(cache), key_in(keys)).digest)
"""
FAKETIME = next(map(str, Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")))
ANOTHER_DAY = {"LD_PRELOAD": FAKETIME, "FAKETIME": "+40d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
KILLED = """
import time
from domicile_images.tree import Tree
def write(self, out):
    out.write(b"half")
    out.flush()
    print("x", flush=True)
    time.sleep(60)
Tree.write = write
"""


def copied(recipe: Path, folder: Path) -> Path:
    """A recipe's folder and what its own files come from, elsewhere."""
    target = folder / "images" / recipe.name
    shutil.copytree(recipe, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.mark.parametrize("name", ["sandbox", "host", "control_plane", "egress", "secrets"])
def test_an_image_built_again_from_its_downloads_has_the_same_digest(name, cache, key, tmp_path):
    """Elsewhere, on another day, with another umask, time zone, language and hash seed, and nothing but the downloads."""
    recipe = copied(CHECKOUT / "images" / name, tmp_path)
    first = build(load_recipe(recipe), cache, key)
    again = tmp_path / "cache"
    again.mkdir()
    for folder in ("blobs", "go"):
        (again / folder).symlink_to(CHECKOUT / ".cache" / "images" / folder)
    environment = {**os.environ, **ANOTHER_DAY, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "1"}
    clock = subprocess.run([sys.executable, "-c", "import time; print(time.time())"], env=environment, capture_output=True, check=True)
    assert float(clock.stdout) > time.time() + 86400
    command = [sys.executable, "-c", BUILD, recipe, again, tmp_path / "keys"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, umask=0o077, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == first.digest


def test_the_same_recipe_is_not_built_twice(small):
    first = small()
    stamp = (first.layout / "index.json").stat().st_mtime_ns
    assert small() == first
    assert (first.layout / "index.json").stat().st_mtime_ns == stamp


def test_another_own_file_makes_another_image(small):
    assert small(text="one").digest != small(text="two").digest


def test_builds_at_once_make_one_image(small, tmp_path):
    recipe = small(text="before").layout  # makes the recipe's folder
    (tmp_path / "small" / "file").write_text("at once")
    command = [sys.executable, "-c", BUILD, tmp_path / "small", tmp_path / "cache", tmp_path / "keys"]
    builds = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({build.communicate()[0] for build in builds}) == 1
    assert all(build.returncode == 0 for build in builds)
    assert recipe.exists()


def test_a_killed_build_leaves_nothing_that_the_next_would_take(small, tmp_path, key):
    """Killed at the worst moment: the layer is half written, the lock is held."""
    small(text="before")
    (tmp_path / "small" / "file").write_text("killed")
    command = [sys.executable, "-c", KILLED + BUILD, tmp_path / "small", tmp_path / "cache", tmp_path / "keys"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as killed:
        assert killed.stdout
        killed.stdout.read(1)
        killed.send_signal(signal.SIGKILL)
    assert list((tmp_path / "cache" / "partial").rglob("layer.tar"))
    built = build(load_recipe(tmp_path / "small"), Cache(tmp_path / "cache"), key)
    assert b"killed" in (built.layout / "blobs" / "sha256" / built.layers[-1].sha256).read_bytes()
    assert not list((tmp_path / "cache" / "partial").iterdir())


def test_progress_is_told_while_something_is_made_and_not_after(small, tmp_path, key):
    small()
    lines: list[str] = []
    (tmp_path / "small" / "file").write_text("progress")
    for _ in range(2):
        build(load_recipe(tmp_path / "small"), Cache(tmp_path / "cache"), key, lines.append)
    assert len([line for line in lines if "sha256:" in line]) == 1


@pytest.mark.perimeter
def test_load_gives_what_a_container_runs_from_and_does_nothing_twice(small):
    image = small(text="loaded")
    assert load(image) == load(image) == f"{image.reference}@{image.digest}"
    assert is_loaded(image)
    unload(image)
    unload(image)
    assert not is_loaded(image)


@pytest.mark.perimeter
def test_loading_a_newer_build_leaves_the_older_under_its_name(small):
    older, newer = small(text="older"), small(text="newer")
    load(older)
    load(newer)
    assert is_loaded(older)


@pytest.fixture
def locked(small, tmp_path, monkeypatch) -> Path:
    """A recipe with one locked package, on a machine whose only Debian archive is an empty folder."""
    small()
    archive = tmp_path / "archive"
    archive.mkdir()
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{archive} bookworm main\n")
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "/dev/null";\nDir::State::lists "{tmp_path}/lists";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    package = {"name": "hello", "version": "2.10-3", "arch": "amd64", "size": 5, "path": "pool/main/h/hello/hello.deb"}
    hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # of "hello"
    (tmp_path / "small" / "debian.lock.json").write_text(json.dumps([{**package, "sha256": hello}]))
    return tmp_path / "small"


def test_a_package_that_left_the_mirror_is_named_with_what_to_run(locked, tmp_path, key):
    with pytest.raises(AptError, match=r"hello 2\.10-3.*apt-get update.*domicile_images lock small_"):
        build(load_recipe(locked), Cache(tmp_path / "cache"), key)


def test_a_package_with_other_bytes_than_locked_is_not_taken(locked, tmp_path, key):
    place = tmp_path / "archive" / "pool/main/h/hello/hello.deb"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"hullo")
    with pytest.raises(AptError, match="hello"):
        build(load_recipe(locked), Cache(tmp_path / "cache"), key)


def test_a_download_that_was_changed_in_the_cache_is_not_used(locked, tmp_path, key):
    cache = Cache(tmp_path / "cache")
    package = json.loads((locked / "debian.lock.json").read_text())[0]
    cache.blob(package["sha256"]).write_bytes(b"hullo")
    with pytest.raises(CacheError, match="run again"):
        build(load_recipe(locked), cache, key)
    assert not cache.blob(package["sha256"]).exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("name: Upper\n", "name"),
        ("surprise: 1\n", "surprise"),
        ("run: {user: root, entrypoint: [/x]}\n", "user"),
        ("own: [{from: absent, to: file}]\n", "absent"),
        ("folders: [{path: tmp, mode: '1'}]\n", "mode"),
        ("wheels: [aiohttp]\n", "lock"),
        (": [\n", "recipe.yaml"),
    ],
)
def test_a_wrong_recipe_is_refused_before_anything_is_made(small, tmp_path, key, wrong, words):
    small()
    recipe = tmp_path / "small" / "recipe.yaml"
    top = wrong.partition(":")[0]
    recipe.write_text("".join(line for line in recipe.read_text().splitlines(True) if not line.startswith(f"{top}:")) + wrong)
    with pytest.raises(RecipeError, match=words):
        build(load_recipe(tmp_path / "small"), Cache(tmp_path / "empty"), key)
    assert not (tmp_path / "empty").exists()


def test_no_lock_names_a_host():
    for file in (*CHECKOUT.glob("images/*/debian.lock.json"), *CHECKOUT.glob("images/*/wheels.lock")):
        assert "://" not in file.read_text(), file


def test_two_threads_may_build_in_one_process(small, tmp_path, key):
    small()
    (tmp_path / "small" / "file").write_text("threads")
    found: set[str] = set()

    def run() -> None:
        found.add(build(load_recipe(tmp_path / "small"), Cache(tmp_path / "cache"), key).digest)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


def test_bill_of_materials_and_provenance_name_every_part(image):
    built = image("sandbox")
    bill = json.loads(built.sbom.read_bytes())
    names = {component["name"] for component in bill["components"]}
    packages = {package["name"] for package in json.loads((CHECKOUT / "images/sandbox/debian.lock.json").read_text())}
    assert packages | {"anthropic-sdk-go", "go", "etc/gitconfig"} - {"anthropic-sdk-go"} <= names
    assert any("anthropic-sdk-go" in component.get("purl", "") for component in bill["components"])
    assert bill["metadata"]["component"]["version"] == built.digest


def test_key_is_part_of_what_is_reused(small, tmp_path):
    image = small()
    other = build(load_recipe(tmp_path / "small"), Cache(tmp_path / "cache"), key_in(tmp_path / "other"))
    assert other.digest == image.digest
    assert other.signature.read_bytes() != image.signature.read_bytes()


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A machine whose only Debian archive is a folder with the package `hello`, which depends on perl."""
    archive = tmp_path / "mirror"
    archive.mkdir()
    packages = [("hello", "1:2.10-3", "Depends: perl-base, base\n"), ("base", "1", ""), ("perl-base", "5", "")]
    described = [
        f"Package: {name}\nVersion: {version}\n{depends}Filename: ./pool/{name}_{version.rpartition(':')[2]}_amd64.deb\n"
        f"Architecture: amd64\nMaintainer: nobody\nSize: 5\nSHA256: {sha256(name.encode()).hexdigest()}\n"
        for name, version, depends in packages
    ]
    (archive / "Packages").write_text("\n".join(described))

    def of(origin: str) -> None:
        index = (archive / "Packages").read_bytes()
        sums = f" {sha256(index).hexdigest()} {len(index)} Packages"
        (archive / "Release").write_text(f"Origin: {origin}\nSuite: bookworm\nDate: Sat, 01 Jan 2022 00:00:00 UTC\nSHA256:\n{sums}\n")
        (tmp_path / "sources.list").write_text(f"deb [trusted=yes] copy:{archive} ./\n")
        (tmp_path / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
            f'Dir::State::lists "{tmp_path}/lists";\nDir::Cache "{tmp_path}/apt";\nAPT::Sandbox::User "root";\n'
        )
        (tmp_path / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (tmp_path / "apt").mkdir(exist_ok=True)
        monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
        subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True)

    return of


def test_lock_names_packages_below_the_mirror_and_leaves_out_what_no_image_holds(mirror, small, tmp_path):
    mirror("Debian")
    small()
    recipe = tmp_path / "small" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("debian: []", "debian: [hello]"))
    assert lock(load_recipe(tmp_path / "small"))
    assert not lock(load_recipe(tmp_path / "small"))
    locked = json.loads((tmp_path / "small" / "debian.lock.json").read_text())
    assert [(package["name"], package["version"], package["path"]) for package in locked] == [
        ("base", "1", "./pool/base_1_amd64.deb"),
        ("hello", "1:2.10-3", "./pool/hello_2.10-3_amd64.deb"),
    ]


def test_lock_takes_nothing_from_an_archive_that_is_not_debians(mirror, small, tmp_path):
    mirror("Somebody")
    small()
    recipe = tmp_path / "small" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("debian: []", "debian: [hello]"))
    with pytest.raises(AptError, match="Debian"):
        lock(load_recipe(tmp_path / "small"))
