"""A running policy pack: Pulumi's Analyzer service in a process of its own. Started and asked by `deployment.policies`."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc

from ..config import Config
from ..errors import MalformedError, PluginError, PolicyPackError
from ..values import dump
from .connection import Line, lost
from .locate import LocalPlugin, locate
from .policy_pack import Manifest, PolicyPack, RuleConfig, manifest_of, read_config, reconcile
from .process import Child, Children
from .provider import CANCEL_SECONDS

_NUMBERS: dict[str | None, pb.EnforcementLevel.ValueType] = {
    "advisory": pb.ADVISORY, "mandatory": pb.MANDATORY, "remediate": pb.REMEDIATE, "disabled": pb.DISABLED,
}  # fmt: skip
ORGANIZATION = "organization"  # what a file backend calls it


@dataclass(frozen=True)
class Setting:
    """What a pack, or a component package, is told of the operation; and for a pack's start, what there is to start it with."""

    project: str
    stack: str
    config: Config
    preview: bool
    engine_address: str
    children: Children = field(default_factory=Children)
    plugins: tuple[LocalPlugin, ...] = ()  # of the project


class Analyzer:
    def __init__(self, pack: PolicyPack, manifest: Manifest, child: Child) -> None:
        self.folder, self.child = pack.folder, child
        self._line = Line(child, analyzer_pb2_grpc.AnalyzerStub)
        self.name = pack.folder.absolute().name
        self.version = manifest.version
        self.rules: dict[str, RuleConfig] = {}
        self._infos: dict[str, pb.PolicyInfo] = {}

    def configure(self, setting: Setting, given: dict[str, RuleConfig]) -> list[str]:
        """Make the pack ready; the names in `given` that it has no rule for. Raises PolicyPackError."""
        folder = str(self.folder.absolute())
        self._call(
            "Handshake",
            pb.AnalyzerHandshakeRequest(engine_address=setting.engine_address, root_directory=folder, program_directory=folder),
        )
        stack = pb.AnalyzerStackConfigureRequest(
            stack=setting.stack, project=setting.project, organization=ORGANIZATION, dry_run=setting.preview,
            config=setting.config.values, config_secret_keys=sorted(setting.config.secret_keys),
        )  # fmt: skip
        self._call("ConfigureStack", stack)
        info: pb.AnalyzerInfo | None = self._call("GetAnalyzerInfo", empty_pb2.Empty())
        if info is None or not info.name:
            raise PolicyPackError(f"policy pack {self.folder}: it doesn't say what rules it has. {self.child.said()}")
        self.name, self.version = info.name, self.version or info.version
        self._infos = {r.name: r for r in info.policies}
        try:
            self.rules = reconcile(info, given)
        except MalformedError as e:
            raise PolicyPackError(f"policy pack {self.name} says of its rules what can't be used: {e}. {self.child.said()}") from e
        rules = {n: pb.PolicyConfig(enforcementLevel=_NUMBERS[c.level], properties=dump(c.properties)) for n, c in self.rules.items()}
        self._call("Configure", pb.ConfigureAnalyzerRequest(policyConfig=rules))
        return sorted(given.keys() - self.rules.keys() - {"all"})

    def severity(self, rule: str) -> int:
        return self._infos[rule].severity if rule in self._infos else pb.POLICY_SEVERITY_UNSPECIFIED

    # -- which calls can say anything: a call costs a round trip for each resource ----------------------------------------

    @property
    def remedies(self) -> bool:
        return any(r.level == "remediate" for r in self.rules.values())

    @property
    def judges_resources(self) -> bool:
        return self._has(pb.POLICY_TYPE_RESOURCE)

    @property
    def judges_stacks(self) -> bool:
        return self._has(pb.POLICY_TYPE_STACK)

    def _has(self, kind: int) -> bool:
        kinds = {self._infos[name].policy_type for name, rule in self.rules.items() if rule.level != "disabled"}
        return bool(kinds & {kind, pb.POLICY_TYPE_UNKNOWN})

    # -- calls ------------------------------------------------------------------------------------------------------------

    def remediate(self, request: pb.AnalyzeRequest) -> list[pb.Remediation]:
        done = self._call("Remediate", request)
        return list(done.remediations) if done else []

    def analyze(self, request: pb.AnalyzeRequest) -> list[pb.AnalyzeDiagnostic]:
        done = self._call("Analyze", request)
        return list(done.diagnostics) if done else []

    def analyze_stack(self, resources: list[pb.AnalyzerResource]) -> list[pb.AnalyzeDiagnostic]:
        done = self._call("AnalyzeStack", pb.AnalyzeStackRequest(resources=resources))
        return list(done.diagnostics) if done else []

    def close(self) -> None:
        self._line.close()
        self.child.stop()

    def cancel(self) -> None:
        """Ask the pack to break off what it does. One that doesn't know how to is ended: it has nothing to lose."""
        try:
            self._line.stub.Cancel(empty_pb2.Empty(), timeout=CANCEL_SECONDS)
        except (grpc.RpcError, PluginError):
            self.child.signal(signal.SIGTERM)

    def _call(self, method: str, request: Any) -> Any:
        """The answer, or None from a pack that is too old to know the method."""
        try:
            return getattr(self._line.stub, method)(request)
        except grpc.RpcError as e:
            if e.code() == grpc.StatusCode.UNIMPLEMENTED:
                return None
            if lost(e):
                said = f"It {self.child.fate()}. {self.child.said()}"
                raise PolicyPackError(f"policy pack {self.name} gave no answer to {method}: {e.details()}. {said}") from e
            raise PolicyPackError(f"failed to run policy pack {self.name}: {e.details()}") from e


def start(pack: PolicyPack, setting: Setting, on_line: Callable[[str], None]) -> tuple[Analyzer, list[str]]:
    """The pack running and configured, and the names in its configuration that it has no rule for. Raises PolicyPackError."""
    manifest = manifest_of(pack.folder)
    given = read_config(pack.config) if pack.config else {}
    name = pack.folder.absolute().name
    child = Child(
        _command(manifest, setting), pack.folder, _environment(setting), lambda stream, line: on_line(f"{name}: {line}"),
        setting.children, f"policy pack {name}",
    )  # fmt: skip
    analyzer = Analyzer(pack, manifest, child.serve())
    return analyzer, analyzer.configure(setting, given)


def _command(manifest: Manifest, setting: Setting) -> list[str]:
    """Python packs run as the CLI's language host runs them, all others by the analyzer plugin of their runtime."""
    name = "policy" if manifest.runtime == "nodejs" else f"policy-{manifest.runtime}"
    if manifest.runtime == "python" and not any((p.kind, p.name) == ("analyzer", name) for p in setting.plugins):
        return [manifest.python, "-u", "-m", "pulumi.policy", setting.engine_address, str(manifest.program)]
    options = [f"-{key}={json.dumps(value) if isinstance(value, bool) else value}" for key, value in manifest.options.items()]
    return [str(locate("analyzer", name, "", setting.plugins)), setting.engine_address, ".", *options]


def _environment(setting: Setting) -> dict[str, str]:
    """As the CLI tells a pack the stack and its configuration: with the secrets in clear, for `pulumi.Config` in a rule."""
    return {
        **os.environ, "PULUMI_CONFIG": json.dumps(setting.config.values), "PULUMI_ORGANIZATION": ORGANIZATION,
        "PULUMI_PROJECT": setting.project, "PULUMI_STACK": setting.stack, "PULUMI_DRY_RUN": str(setting.preview).lower(),
    }  # fmt: skip
