"""The pack's process: Pulumi's Analyzer service over gRPC. Started by Pulumi's CLI or the embedded engine through `__main__.py`.

The library `pulumi_policy` converts each resource anew for each rule, and lets a mandatory rule pass that meets an unknown value; so this
serves the protocol itself. A resource is converted once, its inputs are kept for the rules of the whole stack, and what isn't known in a
preview is decided there or fails.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc, plugin_pb2

from domicile_policies import wire
from domicile_policies.findings import VARIABLE, Finding, Findings, judged
from domicile_policies.judge import Judge
from domicile_policies.pack import NAME, VERSION
from domicile_policies.parameters import ConfigurationError, schema, settings
from domicile_policies.resource import Resource, Stack
from domicile_policies.rule import Rule

_MESSAGE_BYTES = 400 << 20  # as Pulumi's own
_LEVELS: Mapping[str, pb.EnforcementLevel.ValueType] = {
    "advisory": pb.ADVISORY, "mandatory": pb.MANDATORY, "remediate": pb.REMEDIATE, "disabled": pb.DISABLED,
}  # fmt: skip
_SEVERITIES: Mapping[str, pb.PolicySeverity.ValueType] = {
    "low": pb.POLICY_SEVERITY_LOW, "medium": pb.POLICY_SEVERITY_MEDIUM, "high": pb.POLICY_SEVERITY_HIGH,
    "critical": pb.POLICY_SEVERITY_CRITICAL,
}  # fmt: skip


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """One operation on one stack. Calls come one after another; the lock is for an engine that does otherwise."""

    def __init__(self, rules: Mapping[str, Rule], report: Path | None = None) -> None:
        self._rules, self._report = rules, report
        self._project, self._stack = os.environ.get("PULUMI_PROJECT", ""), os.environ.get("PULUMI_STACK", "")
        self._preview = os.environ.get("PULUMI_DRY_RUN") == "true"
        self._config = _config_in_environment()
        self._document: Mapping[str, Any] = {}
        self._judge: Judge | None = None
        self._lock = threading.Lock()

    # -- before the first resource ---------------------------------------------------------------------------------------

    def Handshake(self, request: pb.AnalyzerHandshakeRequest, context: Any) -> pb.AnalyzerHandshakeResponse:  # noqa: N802
        return pb.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:  # noqa: N802
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetAnalyzerInfo(self, request: Any, context: Any) -> pb.AnalyzerInfo:  # noqa: N802
        return pb.AnalyzerInfo(name=NAME, version=VERSION, supportsConfig=True, policies=[_info(rule) for rule in self._rules.values()])

    def ConfigureStack(self, request: pb.AnalyzerStackConfigureRequest, context: Any) -> pb.AnalyzerStackConfigureResponse:  # noqa: N802
        with self._lock:
            self._project, self._stack, self._preview = request.project, request.stack, request.dry_run
            self._config = {key: value for key, value in request.config.items() if key not in request.config_secret_keys}
            self._judge = None
        return pb.AnalyzerStackConfigureResponse()

    def Configure(self, request: pb.ConfigureAnalyzerRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        with self._lock:
            self._document = {
                name: {"enforcementLevel": _level(each.enforcementLevel), **wire.properties(each.properties)}
                for name, each in request.policyConfig.items()
            }
            self._judge = None
            try:
                self._judging()
            except ConfigurationError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            self._write(complete=False)
        return empty_pb2.Empty()

    def _judging(self) -> Judge:
        if self._judge is None:
            self._judge = Judge(self._rules, settings(self._rules, self._document), self._config, self._preview)
        return self._judge

    # -- resources -------------------------------------------------------------------------------------------------------

    def Analyze(self, request: pb.AnalyzeRequest, context: Any) -> pb.AnalyzeResponse:  # noqa: N802
        with self._lock:
            found = self._judging().resource(wire.resource(request))
            if found:
                self._write(complete=False)
        return self._answer(found, request.urn)

    def AnalyzeStack(self, request: pb.AnalyzeStackRequest, context: Any) -> pb.AnalyzeResponse:  # noqa: N802
        with self._lock:
            judge = self._judging()
            found = judge.stack(_stack(request.resources, {each.urn: each for each in judge.resources}))
            self._write(complete=True)
        return self._answer(found, "")

    def Remediate(self, request: pb.AnalyzeRequest, context: Any) -> pb.RemediateResponse:  # noqa: N802
        """No rule changes what it judges."""
        return pb.RemediateResponse()

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()  # nothing here takes long

    def _answer(self, found: Iterable[Finding], asked: str) -> pb.AnalyzeResponse:
        return pb.AnalyzeResponse(diagnostics=[self._diagnostic(each, asked) for each in found])

    def _diagnostic(self, found: Finding, asked: str) -> pb.AnalyzeDiagnostic:
        rule = self._rules[found.rule]
        return pb.AnalyzeDiagnostic(
            policyName=found.rule, policyPackName=NAME, policyPackVersion=VERSION, description=rule.title,
            message="\n".join((rule.title, f"{found.path}: {found.message}" if found.path else found.message, f"Fix: {rule.fix}")),
            urn="" if found.urn == asked else found.urn, enforcementLevel=_LEVELS[found.level], severity=_SEVERITIES[rule.severity],
        )  # fmt: skip

    def _write(self, complete: bool) -> None:
        if self._report is None:
            return
        judge = self._judging()
        mode: Literal["preview", "update"] = "preview" if self._preview else "update"
        resources = tuple(judged(each) for each in judge.resources)
        exceptions = tuple(judge.excepted()) if complete else ()
        Findings(self._project, self._stack, mode, complete, judge.facts, resources, tuple(judge.found), exceptions).write(self._report)


def _stack(sent: Iterable[pb.AnalyzerResource], seen: Mapping[str, Resource]) -> Stack:
    """All resources with what each is made from; the inputs as they were when each was judged, as now the outputs are sent."""
    leanings: dict[str, dict[str, list[Resource]]] = {}
    made: dict[str, Resource] = {}
    sent = list(sent)
    for each in sent:
        leanings[each.urn] = {}
        earlier = seen.get(each.urn)
        made[each.urn] = wire.resource(each, leanings[each.urn], earlier.inputs if earlier else None)
    for each in sent:
        for prop, depends in each.propertyDependencies.items():
            leanings[each.urn][prop] = [made[urn] for urn in depends.urns if urn in made]
    return Stack(tuple(made.values()))


def _info(rule: Rule) -> pb.PolicyInfo:
    """A rule of one resource is of no one kind: deferred, it speaks of the stack's end, and an engine must ask for that."""
    kind = pb.POLICY_TYPE_UNKNOWN if rule.check else pb.POLICY_TYPE_STACK
    info = pb.PolicyInfo(
        name=rule.id, displayName=rule.title, description=f"{rule.title} {rule.why}", enforcementLevel=_LEVELS[rule.level],
        policy_type=kind, severity=_SEVERITIES[rule.severity], tags=list(rule.controls), remediation_steps=rule.fix,
    )  # fmt: skip
    info.configSchema.properties.update(schema(rule))
    return info


def _level(number: int) -> str:
    return next((name for name, value in _LEVELS.items() if value == number), f"level {number}")


def _config_in_environment() -> dict[str, str]:
    """What a CLI that doesn't call ConfigureStack tells of the stack's configuration, without the secrets."""
    values = json.loads(os.environ.get("PULUMI_CONFIG") or "{}")
    secret = json.loads(os.environ.get("PULUMI_CONFIG_SECRET_KEYS") or "[]")
    return {key: value for key, value in values.items() if key not in secret}


def serve(rules: Mapping[str, Rule]) -> NoReturn:
    """Answer until the engine ends this process. The port is the first line on standard output, as of any plugin."""
    report = os.environ.get(VARIABLE)
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(2), options=options)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer(rules, Path(report) if report else None), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    gc.freeze()  # the rules stay: no collection looks at them again
    gc.set_threshold(50_000, 20, 100)  # and few at what is judged
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()
    sys.exit(0)
