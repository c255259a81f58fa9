"""What a program costs by itself: unmodified, under the engine's own host, against an engine that answers each registration at once.

Called by `applying`, beside whose figures it stands: the rest of those is the engine's and the plugin's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2_grpc
from pulumi.runtime.proto import resource_pb2 as pb

from domicile.engine.language.calls import Calls
from domicile.engine.language.monitor import FEATURES
from domicile.engine.language.program import RUNNER


class Echo(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Every resource is there at once, with its inputs for outputs."""

    def GetDeploymentInfo(self, request: Any, context: Any) -> pb.DeploymentInfo:  # noqa: N802
        return pb.DeploymentInfo(project="bench", stack="dev", organization="organization", supportedFeatures=FEATURES)

    def RegisterResource(self, request: pb.RegisterResourceRequest, context: Any) -> pb.RegisterResourceResponse:  # noqa: N802
        urn = f"urn:pulumi:dev::bench::{request.type}::{request.name}"
        made = pb.RegisterResourceResponse(urn=urn, id=request.name, object=request.object)
        made.object.fields["serial"].string_value = request.name
        return made

    def RegisterResourceOutputs(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    def Log(self, request: engine_pb2.LogRequest, context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()


def floor(folder: Path, resources: int) -> dict[str, Any]:
    """The program in `folder`: its time, and the processor time of its process."""
    server = grpc.server(ThreadPoolExecutor(64))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Echo(), server)
    engine_pb2_grpc.add_EngineServicer_to_server(Echo(), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    calls = Calls(Echo())
    job = {
        "project": "bench", "stack": "dev", "address": address, "calls": calls.program_end.fileno(), "parallel": 16, "dry_run": False,
        "root": str(folder), "config": {}, "program": str(folder / "__main__.py"), "folder": str(folder), "secret_keys": [],
    }  # fmt: skip
    before, began = os.times(), time.monotonic()
    try:
        subprocess.run([sys.executable, "-P", str(RUNNER)], input=json.dumps(job).encode(), cwd=folder, check=True, pass_fds=[job["calls"]])
    finally:
        calls.close()
        server.stop(None).wait()
    seconds, after = time.monotonic() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": round(seconds, 2), "ms_a_resource": ms(seconds, resources), "cpu_ms_a_resource": ms(cpu, resources)}


def ms(seconds: float, resources: int) -> float:
    """Milliseconds a resource."""
    return round(seconds / resources * 1000, 2)
