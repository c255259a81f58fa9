"""Providers as resources: the default ones that the engine registers itself, and the configuration of all of them.

Called by the registrar, within its turn.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from ..config import Config
from ..deployment.decide import FORCED, Decision, decide
from ..deployment.policies import Policies
from ..deployment.steps import Steps
from ..errors import ResourceError
from ..events import Step
from ..plugins.connection import DYNAMIC
from ..state.snapshot import INTERNAL, PROVIDER_TYPE, Resource, now
from ..values import UNKNOWN, Properties, Secret


class Providers:
    def __init__(self, config: Config, steps: Steps, policies: Policies) -> None:
        self._config, self._steps, self._policies = config, steps, policies
        self._olds = {f"{r.urn}::{r.id}": r for r in steps.checkpoint.resources() if r.is_provider}
        self._news: dict[str, Resource] = {}  # by URN

    def default(self, package: str, urn: str) -> Resource:
        """The goal state of the package's default provider."""
        return Resource(urn=urn, type=PROVIDER_TYPE + package, custom=True, inputs=self._configured(package))

    def _configured(self, package: str) -> Properties:
        """What the stack's configuration says to it: a dynamic provider is told everything."""
        mine: Properties = {}
        for key, text in self._config.values.items():
            value: Any = Secret(text) if key in self._config.secret_keys else text
            if package == DYNAMIC:
                mine[key] = value
            elif key.startswith(package + ":"):
                mine[key.partition(":")[2]] = value
        return mine

    def register(self, new: Resource, old: Resource | None, version: str, forced: bool = False) -> Resource:
        """Start and configure the provider, and put it into the state. `forced` replaces it.

        Raises ResourceError if it refuses its configuration.
        """
        package = new.type.rpartition(":")[2]
        config = {**new.configuration, **({"version": version} if version else {})}
        process = self._steps.registry.start(package, str(config.get("version") or ""))
        config, failures = process.check_config(new.urn, old.configuration if old else {}, config)
        if failures:
            raise ResourceError(new.urn, "; ".join(f"{new.type}: {f.property}: {f.reason}" for f in failures))
        config = self._policies.governed(replace(new, inputs=config)).inputs
        inputs = {**config, INTERNAL: (old and old.inputs.get(INTERNAL)) or {}} if "version" in config else config
        new = replace(new, inputs=inputs, outputs=config)
        decision = decide(old, new, process.diff_config(old, config)) if old else Decision("create")
        if old and forced:
            decision = FORCED
        id_ = old.id if old and decision.op != "replace" else UNKNOWN if self._steps.preview else str(uuid.uuid4())
        changed = decision.op != "same"
        created, modified = old.created if old else now(), now() if changed or not old else old.modified
        new = replace(new, id=id_, created=created, modified=modified)
        self._steps.registry.configured(new, process)
        self._news[new.urn] = new
        if decision.op != "replace" or old is None:
            return self._steps.at_once(decision.op, old, new, decision)
        since = self._steps.journal.started("replace", new)
        self._steps.checkpoint.supersede(None, new, beside=old)
        step = Step("replace", new.urn, old, new, decision.replace_reasons, decision.diff_reasons, decision.detailed)
        self._steps.journal.planned(step)
        self._steps.journal.finished("replace", new, since)
        return new

    def moved(self, old: Resource, new: Resource) -> bool:
        """Whether the provider of now can't keep what the one of before made, going by their configurations: it says so itself."""
        before, after = self._olds.get(old.provider), self._news.get(new.provider.rpartition("::")[0])
        if old.provider == new.provider or before is None or after is None:
            return False
        return self._steps.registry.get(new.provider).diff_config(replace(before, urn=after.urn), after.configuration).is_replace
