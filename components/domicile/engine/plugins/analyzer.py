"""A running policy pack: Pulumi's Analyzer service in a process of its own. Started and asked by `deployment.policies`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc

from ..config import Config
from ..errors import PolicyPackError
from ..values import dump
from .connection import OPTIONS
from .policy_pack import Manifest, PolicyPack, RuleConfig, manifest_of, read_config, reconcile
from .process import Child

_NUMBERS: dict[str | None, pb.EnforcementLevel.ValueType] = {
    "advisory": pb.ADVISORY, "mandatory": pb.MANDATORY, "remediate": pb.REMEDIATE, "disabled": pb.DISABLED,
}  # fmt: skip
ORGANIZATION = "organization"  # what a file backend calls it


@dataclass(frozen=True)
class Setting:
    """What a pack is told of the operation that it judges."""

    project: str
    stack: str
    config: Config
    preview: bool
    engine_address: str


class Analyzer:
    def __init__(self, pack: PolicyPack, manifest: Manifest, child: Child) -> None:
        self.folder, self.child, self._manifest = pack.folder, child, manifest
        self._channel = grpc.insecure_channel(f"127.0.0.1:{child.port}", options=OPTIONS)
        self._stub = analyzer_pb2_grpc.AnalyzerStub(self._channel)
        self.name = pack.folder.name
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
        self.rules = reconcile(info, given)
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
        self._channel.close()
        self.child.stop()

    def _call(self, method: str, request: Any) -> Any:
        """The answer, or None from a pack that is too old to know the method."""
        try:
            return getattr(self._stub, method)(request)
        except grpc.RpcError as e:
            if e.code() == grpc.StatusCode.UNIMPLEMENTED:
                return None
            if e.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                raise PolicyPackError(f"policy pack {self.name} died during {method}: {e.details()}. {self.child.said()}") from e
            raise PolicyPackError(f"failed to run policy pack {self.name}: {e.details()}") from e


def start(pack: PolicyPack, setting: Setting, on_line: Callable[[str], None]) -> tuple[Analyzer, list[str]]:
    """The pack running and configured, and the names in its configuration that it has no rule for. Raises PolicyPackError."""
    manifest = manifest_of(pack.folder)
    given = read_config(pack.config) if pack.config else {}
    name = pack.folder.name
    child = Child(
        [manifest.python, "-u", "-m", "pulumi.policy", setting.engine_address, str(manifest.program)], pack.folder,
        _environment(setting), lambda stream, line: on_line(f"{name}: {line}"), port_first=True, name=f"policy pack {name}",
    )  # fmt: skip
    analyzer = Analyzer(pack, manifest, child)
    try:
        return analyzer, analyzer.configure(setting, given)
    except BaseException:
        analyzer.close()
        raise


def _environment(setting: Setting) -> dict[str, str]:
    """As the CLI tells a pack the stack and its configuration: with the secrets in clear, for `pulumi.Config` in a rule."""
    return {
        **os.environ, "PULUMI_CONFIG": json.dumps(setting.config.values), "PULUMI_ORGANIZATION": ORGANIZATION,
        "PULUMI_PROJECT": setting.project, "PULUMI_STACK": setting.stack, "PULUMI_DRY_RUN": str(setting.preview).lower(),
    }  # fmt: skip
