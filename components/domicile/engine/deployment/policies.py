"""The policy packs of one operation: each resource is remedied and judged before its provider sees it, the stack at the end.

As in Pulumi, a mandatory violation stops an update at once, and in a preview is noted so that all of them are named. A rule that
meets a value unknown in a preview is turned by the pack itself into an advisory violation. Called by the registrar.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import resource_pb2

from ..errors import EngineError, MalformedError, PluginError, PolicyPackError, ResourceError
from ..events import Journal, Remediation, Violation
from ..plugins.analyzer import Analyzer, Setting, start
from ..plugins.policy_pack import PolicyPack, level_of
from ..state.snapshot import STACK_TYPE, Resource
from ..values import Properties, Secret, dump, load, mark_like, without_references

_SEVERITIES: dict[int, str] = {
    pb.POLICY_SEVERITY_LOW: "low", pb.POLICY_SEVERITY_MEDIUM: "medium", pb.POLICY_SEVERITY_HIGH: "high",
    pb.POLICY_SEVERITY_CRITICAL: "critical",
}  # fmt: skip


class Policies:
    """With no packs, all of this does nothing. Packs start beside the program; its first resource waits for them."""

    def __init__(self, journal: Journal, preview: bool) -> None:
        self._journal, self._preview = journal, preview
        self._starting: list[Future[tuple[Analyzer, list[str]]]] = []
        self._running: list[Analyzer] = []
        self._judges = ThreadPoolExecutor(1, "judge")  # one: packs are asked in the order of registration
        self._judging: list[Future[list[Violation]]] = []
        self._turn = threading.Lock()
        self._options: dict[str, pb.AnalyzerResourceOptions] = {}
        self._providers: dict[Resource, pb.AnalyzerProviderResource] = {}
        self.find: Callable[[str], Resource | None] = lambda urn: None  # a resource by its URN; the deployment knows

    @classmethod
    def start(cls, packs: Sequence[PolicyPack], setting: Setting, journal: Journal) -> Policies:
        """Start all packs at once, and wait for none."""

        def on_line(line: str) -> None:
            journal.log(line, "output")

        policies = cls(journal, setting.preview)
        pool = ThreadPoolExecutor(len(packs), "policy packs")
        policies._starting = [pool.submit(start, pack, setting, on_line) for pack in packs]
        pool.shutdown(wait=False)
        return policies

    def ready(self) -> list[Analyzer]:
        """The packs, once all of them run. Raises EngineError, the same each time, if one can't be loaded or configured.

        To the program's side that error is told already: the operation itself raises it.
        """
        with self._turn:
            if self._starting:
                try:
                    started = [f.result() for f in self._starting]
                except EngineError as e:
                    e.told = True
                    raise
                self._starting, self._running = [], [analyzer for analyzer, _ in started]
                for analyzer, unknown in started:
                    for name in unknown:
                        words = f"the configuration of policy pack {analyzer.name} names {name!r}, a rule that it doesn't have"
                        self._journal.log(words, "warning")
            return self._running

    def refuse(self) -> None:
        """Raise what has kept a pack from starting; one that is still at it when all is over isn't waited for."""
        for future in self._starting:
            if future.done():
                future.result()

    def asked(self, new: Resource, q: resource_pb2.RegisterResourceRequest, aliases: Iterable[str]) -> None:
        """Remember what only the registration says, for the rules that look at a resource's options."""
        if self.ready():
            options = self._options[new.urn] = _options(new)
            options.deleteBeforeReplace, options.deleteBeforeReplaceDefined = q.deleteBeforeReplace, q.deleteBeforeReplaceDefined
            options.aliases.extend(aliases)

    def remedied(self, new: Resource, quietly: bool = False) -> Resource:
        """The resource with its inputs as the packs want them. `quietly` where the same was said before."""
        for analyzer in self.ready():
            if not analyzer.remedies:
                continue
            request = self._request(new, internal=True)
            with _beside(new.urn, analyzer):
                remediations = analyzer.remediate(request)
            for r in remediations:
                if r.diagnostic:
                    self._journal.violated(_violation(analyzer, r, "advisory", new.urn, r.diagnostic))
                elif r.HasField("properties"):
                    with _beside(new.urn, analyzer):
                        inputs = mark_like(load(r.properties), new.inputs)  # a rule that copies them drops the marks
                    if not quietly:
                        who = (r.policyPackName, analyzer.version or r.policyPackVersion, r.policyName)
                        self._journal.remedied(Remediation(*who, new.urn, r.description, new.inputs, inputs))
                    new = replace(new, inputs=inputs)
        return new

    def governed(self, new: Resource) -> Resource:
        """Remedied, then judged: for what no provider checks."""
        new = self.remedied(new)
        self.judge(new)
        return new

    def judge(self, new: Resource) -> None:
        """Raises a ResourceError, told already, for a mandatory violation in an update.

        A preview goes on whatever is found, so it doesn't wait for that; `settle` does.
        """
        asked = [(analyzer, self._request(new)) for analyzer in self.ready() if analyzer.judges_resources]
        if self._preview:
            self._judging += [self._judges.submit(self._judged, new.urn, asked)] if asked else []
            return
        if worst := next((found for found in self._judged(new.urn, asked) if found.level == "mandatory"), None):
            error = ResourceError(new.urn, f"policy {worst.rule} forbids it: {worst.message}")
            error.told = True
            raise error

    def _judged(self, urn: str, asked: Iterable[tuple[Analyzer, pb.AnalyzeRequest]]) -> list[Violation]:
        found = []
        for analyzer, request in asked:
            with _beside(urn, analyzer):
                own = [_violation(analyzer, d, _level(d), urn, d.message) for d in analyzer.analyze(request)]
            for violation in own:
                self._journal.violated(violation)
            found += own
        return found

    def settle(self) -> None:
        """Wait until all is judged. Raises the ResourceError of the first resource over which a pack failed."""
        while self._judging:
            self._judging.pop(0).result()

    def judge_stack(self, resources: Sequence[Resource]) -> None:
        """Ask the stack rules, once everything is done: what they forbid is in the world already, and is told."""
        self.settle()
        root = next((r.urn for r in resources if r.type == STACK_TYPE), "")
        urns = {r.urn for r in resources}
        for analyzer in self.ready():
            if analyzer.judges_stacks:
                shown = [self._in_stack(r) for r in resources]
                with _beside(root, analyzer):
                    found = [(d, _level(d)) for d in analyzer.analyze_stack(shown)]
                for d, level in found:
                    self._journal.violated(_violation(analyzer, d, level, d.urn if d.urn in urns else root, d.message))

    def cancel(self) -> None:
        """Pass the user's interruption on to all packs; each is waited for on its own."""
        for analyzer in self._running:
            threading.Thread(target=analyzer.cancel, name=f"cancel {analyzer.name}", daemon=True).start()

    def close(self) -> None:
        self._judges.shutdown(wait=False, cancel_futures=True)
        for analyzer in self._running:
            analyzer.close()

    # -- what a pack is shown ---------------------------------------------------------------------------------------------

    def _request(self, new: Resource, internal: bool = False) -> pb.AnalyzeRequest:
        return pb.AnalyzeRequest(
            type=new.type, urn=new.urn, name=new.name, properties=_shown(new.inputs if internal else _public(new.inputs)),
            options=self._options.get(new.urn) or _options(new), provider=self._provider(new),
        )  # fmt: skip

    def _provider(self, r: Resource) -> pb.AnalyzerProviderResource | None:
        provider = self.find(r.provider.rpartition("::")[0]) if r.provider else None
        if provider is None:
            return None
        if provider not in self._providers:  # by identity: each of its resources is shown with it
            self._providers[provider] = pb.AnalyzerProviderResource(
                type=provider.type, urn=provider.urn, name=provider.name, properties=_shown(_public(provider.inputs))
            )
        return self._providers[provider]

    def _in_stack(self, r: Resource) -> pb.AnalyzerResource:
        dependencies = {k: pb.AnalyzerPropertyDependencies(urns=urns) for k, urns in r.property_dependencies.items() if urns}
        return pb.AnalyzerResource(
            type=r.type, urn=r.urn, name=r.name, properties=_shown(_public(r.outputs)), provider=self._provider(r), parent=r.parent,
            options=self._options.get(r.urn) or _options(r), dependencies=r.dependencies, propertyDependencies=dependencies,
        )  # fmt: skip


@contextmanager
def _beside(urn: str, analyzer: Analyzer) -> Iterator[None]:
    """A rule's own failure is told beside the resource that it fell over."""
    try:
        yield
    except MalformedError as e:
        raise ResourceError(urn, f"policy pack {analyzer.name} gave what can't be used: {e}. {analyzer.child.said()}") from e
    except (PluginError, PolicyPackError) as e:
        raise ResourceError(urn, str(e)) from e


def _options(r: Resource) -> pb.AnalyzerResourceOptions:
    return pb.AnalyzerResourceOptions(
        protect=r.protect, ignoreChanges=r.ignore_changes, additionalSecretOutputs=r.additional_secret_outputs, parent=r.parent,
        customTimeouts=pb.AnalyzerResourceOptions.CustomTimeouts(**{k: float(v) for k, v in r.custom_timeouts.items()}),
    )  # fmt: skip


def _shown(props: Properties) -> Any:
    return dump(without_references(props))  # a pack knows none


def _public(v: Any) -> Any:
    """Without the keys that are the SDK's own, wherever they stand."""
    if isinstance(v, Secret):
        return Secret(_public(v.value))
    if isinstance(v, dict):
        return {k: _public(x) for k, x in v.items() if not k.startswith("__")}
    return [_public(x) for x in v] if isinstance(v, list) else v


def _level(d: pb.AnalyzeDiagnostic) -> str:
    """What couldn't be remedied is mandatory."""
    level = level_of(d.enforcementLevel)
    return "mandatory" if level == "remediate" else level


def _violation(analyzer: Analyzer, d: Any, level: str, urn: str, message: str) -> Violation:
    severity = _SEVERITIES.get(getattr(d, "severity", None) or analyzer.severity(d.policyName), "")
    version = analyzer.version or d.policyPackVersion
    return Violation(d.policyPackName, version, d.policyName, level, urn, message, d.description, severity)
