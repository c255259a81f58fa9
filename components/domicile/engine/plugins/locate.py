"""Where a plugin's executable is: in the order in which Pulumi's CLI looks.

`plugins:` of Pulumi.yaml, then PATH (unless PULUMI_IGNORE_AMBIENT_PLUGINS is set), then $PULUMI_HOME/plugins: the very version asked
for, or the newest where none is. The same as the CLI's `workspace.GetPluginPath` (3.260).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import PluginError, ProjectError, UnsupportedError

Kind = Literal["resource", "analyzer"]
_KEYS: dict[str, Kind] = {"providers": "resource", "analyzers": "analyzer"}


@dataclass(frozen=True)
class LocalPlugin:
    """An entry of `plugins:` in Pulumi.yaml: the folder that holds the executable. An empty version is any."""

    kind: Kind
    name: str
    folder: Path
    version: str = ""


def local_plugins(content: dict[str, Any], root: Path, where: str) -> tuple[LocalPlugin, ...]:
    """`plugins:` of a Pulumi.yaml with this content. Raises ProjectError with the place of what can't be used."""
    section = content.get("plugins") or {}
    if not isinstance(section, dict) or not section.keys() <= {*_KEYS, "languages"}:
        raise ProjectError(f"{where}: plugins: must be a mapping with `providers:` and `analyzers:`")
    if section.get("languages"):
        raise UnsupportedError("`plugins: languages:` in Pulumi.yaml", where)
    return tuple(
        _local(kind, e, root, f"{where}: plugins: {key}[{i}]") for key, kind in _KEYS.items() for i, e in enumerate(section.get(key) or [])
    )


def _local(kind: Kind, entry: Any, root: Path, where: str) -> LocalPlugin:
    if not isinstance(entry, dict) or not entry.get("name") or not entry.get("path"):
        raise ProjectError(f"{where}: needs `name` and `path`, and may have `version`")
    folder = (root / str(entry["path"])).resolve()
    if not folder.is_dir():
        raise ProjectError(f"{where}: path {entry['path']}: there is no folder {folder}")
    return LocalPlugin(kind, str(entry["name"]), folder, str(entry.get("version") or "").removeprefix("v"))


def locate(kind: Kind, name: str, version: str, local: Sequence[LocalPlugin] = ()) -> Path:
    """The executable. Raises PluginError, which says where it was looked for and how to install it."""
    version = version.removeprefix("v")
    file = f"pulumi-{kind}-{name}"
    for entry in local:
        if (entry.kind, entry.name) == (kind, name) and (not version or not entry.version or entry.version == version):
            return _executable(entry.folder / file)
    if not os.environ.get("PULUMI_IGNORE_AMBIENT_PLUGINS") and (found := shutil.which(file)):
        return Path(found)
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"
    installed = _installed(home, f"{kind}-{name}-v")
    chosen = version or max(installed, key=_precedence, default="")
    if chosen in installed:
        return _executable(installed[chosen] / file)
    there = f" (there: {', '.join(sorted(installed, key=_precedence))})" if installed else ""
    raise PluginError(
        f"no {kind} plugin {name}{f' {version}' if version else ''} found: {file} is neither in a folder of `plugins:` in Pulumi.yaml, "
        f"nor on PATH, nor in {home}/{kind}-{name}-v{version or 'VERSION'}{there}; "
        f"run `pulumi plugin install {kind} {name}{f' v{version}' if version else ''}`, or put it in one of these places"
    )


def _executable(path: Path) -> Path:
    if not os.access(path, os.X_OK) or not path.is_file():
        raise PluginError(f"plugin {path}: {'it is not executable; run chmod +x on it' if path.exists() else 'there is no such file'}")
    return path


def _installed(home: Path, prefix: str) -> dict[str, Path]:
    """The plugin's folders by version; those whose installation was cut short aren't among them."""
    folders = [p for p in home.glob(f"{prefix}*") if p.is_dir() and not p.with_name(f"{p.name}.partial").exists()]
    return {p.name.removeprefix(prefix): p for p in folders}


def _precedence(version: str) -> tuple[list[int], bool, list[tuple[bool, int, str]]]:
    """Semantic versioning's order: a pre-release comes before its release, and numbers are compared as such."""
    core, _, pre = version.partition("+")[0].partition("-")
    parts = [(not x.isdigit(), int(x) if x.isdigit() else 0, x) for x in pre.split(".")] if pre else []
    return [int(x) for x in re.findall(r"\d+", core)], not pre, parts
