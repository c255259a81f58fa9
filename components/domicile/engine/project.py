"""Pulumi.yaml: the project, where its program and its stacks' configuration lie. The first thing every operation loads."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .config import Config, ConfigFile, resolve
from .errors import ProjectError, UnsupportedError
from .plugins.locate import LocalPlugin, local_plugins
from .state.crypter import Crypter


@dataclass(frozen=True)
class Project:
    name: str
    root: Path  # the folder of Pulumi.yaml
    program: Path  # the file or folder that is run
    config_folder: Path
    python: str
    declared: dict[str, Any] = field(default_factory=dict)  # `config:` of Pulumi.yaml
    description: str = ""
    packages: dict[str, Path] = field(default_factory=dict)  # name -> folder of a package that lies beside the project
    plugins: tuple[LocalPlugin, ...] = ()  # `plugins:` of Pulumi.yaml

    @classmethod
    def load(cls, folder: Path) -> Project:
        """The project of `folder` or of the nearest folder above it that has a Pulumi.yaml."""
        for at in (folder.absolute(), *folder.absolute().parents):
            for name in ("Pulumi.yaml", "Pulumi.yml"):
                if (at / name).is_file():
                    return cls._read(at / name)
        raise ProjectError(f"no Pulumi.yaml in {folder} or above it; run this in a project's folder")

    @classmethod
    def _read(cls, path: Path) -> Project:
        try:
            content = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError) as e:
            raise ProjectError(f"{path}: {e}") from e
        if not isinstance(content, dict) or not content.get("name"):
            raise ProjectError(f"{path}: `name` is missing; give the project one")
        runtime = content.get("runtime") or ""
        language = runtime.get("name", "") if isinstance(runtime, dict) else str(runtime)
        if language != "python":
            raise UnsupportedError(f"runtime {language!r}", str(path), "write the program in Python, or use Pulumi's own CLI")
        root = path.parent
        options = (runtime.get("options") or {}) if isinstance(runtime, dict) else {}
        return cls(
            name=str(content["name"]), root=root, program=(root / (content.get("main") or ".")).resolve(),
            config_folder=root / (content.get("stackConfigDir") or "."), python=python_of(root, options.get("virtualenv")),
            declared=content.get("config") or {}, description=str(content.get("description") or ""),
            packages=local_packages(path, content.get("packages")),
            plugins=local_plugins(content, root, str(path)),
        )  # fmt: skip

    @property
    def program_folder(self) -> Path:
        return self.program if self.program.is_dir() else self.program.parent

    def config_file(self, stack: str) -> ConfigFile:
        return ConfigFile.load(self.config_folder / f"Pulumi.{stack}.yaml")

    def stack_config(self, stack: str, crypter: Crypter | None) -> Config:
        """The stack's configuration, checked against what Pulumi.yaml declares."""
        return resolve(self.name, self.declared, self.config_file(stack).entries, crypter, stack)


def local_packages(path: Path, declared: Any) -> dict[str, Path]:
    """`packages:` of the Pulumi.yaml at `path`: each by its folder. Raises UnsupportedError for one from elsewhere, or with parameters."""
    found = {}
    for name, told in (declared or {}).items():
        source, parameters = (told.get("source"), told.get("parameters")) if isinstance(told, dict) else (told, None)
        where = f"{path}: packages.{name}"
        if parameters:
            raise UnsupportedError("a parameterized package", where)
        folder = path.parent / Path(str(source)).expanduser()
        if not str(source).startswith((".", "/", "~")):
            raise UnsupportedError(f"the package {source!r}", where, "give the path of a folder that holds it, or use Pulumi's own CLI")
        if not folder.is_dir():
            raise ProjectError(f"{where}: {folder} is no folder; give the path of the folder that holds the package's PulumiPlugin.yaml")
        found[str(name)] = folder.resolve()
    return found


def python_of(root: Path, virtualenv: str | None) -> str:
    """The Python of the runtime option `virtualenv`, or the engine's own."""
    if not virtualenv:
        return sys.executable
    python = root / virtualenv / "bin" / "python"
    if not python.exists():
        raise ProjectError(f"runtime option virtualenv: {python} doesn't exist; make the environment or drop the option")
    return str(python)
