"""The providers that run in one operation, one plugin a provider resource."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import PluginError
from ..plugins.connection import Connection
from ..plugins.provider import Provider
from ..state.snapshot import Resource
from ..values import has_unknown


class Registry:
    """Providers by reference (`URN::id`). Those that only the old state knows are started when first asked for."""

    def __init__(self, start: Callable[[str, str], Connection], olds: list[Resource]) -> None:
        self._start = start
        self._old = {f"{r.urn}::{r.id}": r for r in olds if r.is_provider}
        self._running: dict[str, Provider] = {}
        self._all: list[Provider] = []
        self._lock = threading.RLock()

    def start(self, package: str, version: str) -> Provider:
        """A fresh plugin of the package, not configured yet."""
        provider = Provider(package, self._start(package, version))
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
                provider.configure(old.outputs or old.configuration, old.urn)
                self._running[reference] = provider
            return self._running[reference]

    def configured(self, resource: Resource, provider: Provider) -> None:
        """Configure the provider as its resource says, unless a preview doesn't know its configuration yet."""
        if not has_unknown(resource.inputs):
            provider.configure(resource.configuration, resource.urn)
        self.put(resource, provider)

    def cancel(self) -> None:
        """Pass the user's interruption on to all that run; each is waited for on its own."""
        with self._lock:
            running = list(self._all)
        for provider in running:
            threading.Thread(target=provider.cancel, name=f"cancel {provider.package}", daemon=True).start()

    def close(self) -> None:
        for provider in self._all:
            provider.close()
