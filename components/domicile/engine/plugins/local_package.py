"""A package that lies in a folder, named in the project's `packages:`: how its provider is started."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from ..errors import PluginError, UnsupportedError
from ..project import python_of


def local_command(folder: Path, package: str) -> list[str]:
    """The command that serves the package of this folder: its own program by PulumiPlugin.yaml, or its executable.

    Raises PluginError if there is neither, UnsupportedError if it is of another language than Python.
    """
    executable = folder / f"pulumi-resource-{package}"
    if os.access(executable, os.X_OK):
        return [str(executable)]
    path = folder / "PulumiPlugin.yaml"
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as e:
        raise PluginError(f"package {package}: {path} can't be read ({e}); give the folder of a component package") from e
    runtime = content.get("runtime") if isinstance(content, dict) else None
    name, options = (runtime.get("name"), runtime.get("options") or {}) if isinstance(runtime, dict) else (runtime, {})
    if name != "python":
        raise UnsupportedError(f"a package of runtime {name!r}", str(path), "write it in Python, or use Pulumi's own CLI")
    if not (folder / "__main__.py").is_file():
        raise UnsupportedError("a package without a __main__.py", str(folder), "give it one that calls component_provider_host")
    return [python_of(folder, options.get("virtualenv")), "-u", str(folder)]
