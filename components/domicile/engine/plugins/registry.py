"""Where provider plugins come from, and the registry of those that run in one operation, one process a provider resource."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from ..config import Config
from ..errors import PluginError
from ..plugins.process import Child
from ..plugins.provider import Provider
from ..project import Project
from ..state.snapshot import Resource
from ..values import has_unknown

DYNAMIC = "pulumi-python"


def find(package: str, version: str) -> str:
    """The plugin's executable: of this version in $PULUMI_HOME/plugins, else on PATH, else the newest in $PULUMI_HOME/plugins."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"
    name = f"pulumi-resource-{package}"
    exact = home / f"resource-{package}-v{version}" / name
    if version and exact.is_file():
        return str(exact)
    if on_path := shutil.which(name):
        return on_path
    newest = sorted((p / name for p in home.glob(f"resource-{package}-v*") if (p / name).is_file()), key=_by_version)
    if newest and not version:
        return str(newest[-1])
    wanted = f"{package} {version}".strip()
    raise PluginError(f"no plugin for provider {wanted}: put {name} on PATH, or into {exact.parent if version else home}")


def _by_version(path: Path) -> list[int]:
    return [int(x) for x in re.findall(r"\d+", path.parent.name)]


class Registry:
    """Providers by reference (`URN::id`). Those that only the old state knows are started when first asked for."""

    def __init__(
        self, project: Project, config: Config, address: str, olds: list[Resource], on_line: Callable[[str, str, str], None]
    ) -> None:
        self._project, self._config, self._address, self._on_line = project, config, address, on_line
        self._old = {f"{r.urn}::{r.id}": r for r in olds if r.is_provider}
        self._running: dict[str, Provider] = {}
        self._all: list[Provider] = []
        self._lock = threading.RLock()

    def start(self, package: str, version: str) -> Provider:
        """A fresh process of the package's plugin, not configured yet."""
        command = [self._project.python, "-u", "-m", "pulumi.dynamic"] if package == DYNAMIC else [find(package, version)]
        env = {**os.environ, "PULUMI_PROJECT": self._project.name, "PULUMI_ENGINE_ADDRESS": self._address}

        def on_line(stream: str, line: str) -> None:
            self._on_line(package, stream, line)

        child = Child([*command, self._address], self._project.program_folder, env, on_line, port_first=True)
        provider = Provider(package, child)
        with self._lock:
            self._all.append(provider)
        return provider

    def put(self, resource: Resource, provider: Provider) -> None:
        with self._lock:
            self._running[f"{resource.urn}::{resource.id}"] = provider

    def get(self, reference: str) -> Provider:
        with self._lock:
            if reference not in self._running:
                old = self._old.get(reference)
                if old is None:
                    raise PluginError(
                        f"provider {reference} is neither in the program nor in the state; give the resource another provider"
                    )
                package = old.type.rpartition(":")[2]
                provider = self.start(package, str(old.inputs.get("version") or ""))
                provider.configure(old.outputs or old.inputs, old.urn)
                self._running[reference] = provider
            return self._running[reference]

    def configured(self, resource: Resource, provider: Provider) -> None:
        """Configure the provider as its resource says, unless a preview doesn't know its configuration yet."""
        if not has_unknown(resource.inputs):
            provider.configure(resource.inputs, resource.urn)
        self.put(resource, provider)

    def close(self) -> None:
        for provider in self._all:
            provider.close()
