"""What the embedded engine costs a resource: previews and ups of growing programs over a plugin that does nothing, all real processes.

Needs no root and no perimeter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floor import floor, ms
from peaks import watched

SIZES = (84, 500, 2000)
TURNS = 3
GOALS = {"ms_a_resource": 5.0, "peak_mb": 400, "checkpoint_share": 0.2, "growth": 4.0}
"""At most: of an `up` and a preview; of engine and program together at the largest size; of an `up`; 2,000 resources against 500."""
SDK = """
import pulumi

class Thing(pulumi.CustomResource):
    serial: pulumi.Output[str]
    def __init__(self, name, **inputs):
        super().__init__("bench:index:Thing", name, {**inputs, "serial": None}, pulumi.ResourceOptions(version="1.0.0"))
"""
PROGRAM = """
from pulumi_bench import Thing

things = []
for i in range(%d):
    near = things[i - 10].serial if i %% 10 == 9 else "none"
    things.append(Thing(f"thing-{i}", size=i, title=f"the thing of number {i}", near=near, tags={"team": "bench", "part": str(i %% 7)}))
"""
PLUGIN = """#!%s
import sys
from concurrent.futures import ThreadPoolExecutor
import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2 as pb, provider_pb2_grpc

class Provider(provider_pb2_grpc.ResourceProviderServicer):
    def CheckConfig(self, q, c): return pb.CheckResponse(inputs=q.news)
    def DiffConfig(self, q, c): return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)
    def Configure(self, q, c): return pb.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)
    def Check(self, q, c): return pb.CheckResponse(inputs=q.news)
    def Diff(self, q, c): return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)
    def Delete(self, q, c): return empty_pb2.Empty()
    def Create(self, q, c):
        made = pb.CreateResponse(id="" if q.preview else q.name, properties=q.properties)
        made.properties.fields["serial"].string_value = q.name
        return made

server = grpc.server(ThreadPoolExecutor(16))
provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""
WITHOUT_WRITES = """
import runpy, sys
from domicile.engine.state import checkpoint
checkpoint.write_atomically = lambda *a, **k: None
sys.argv[0] = "domicile.engine"
runpy.run_module("domicile.engine", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Run:
    seconds: float
    cpu_seconds: float
    """Of the engine, the program and the plugin together: it tells more than the time where the machine has other work."""
    engine_mb: float
    program_mb: float


class Yard:
    """A project, a backend, a plugin and its SDK in a folder of its own."""

    def __init__(self, root: Path, size: int) -> None:
        self.root = root
        (root / "backend").mkdir(parents=True)
        (root / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
        (root / "__main__.py").write_text(PROGRAM % size)
        sdk = root / "pulumi_bench"
        sdk.mkdir()
        (sdk / "__init__.py").write_text(SDK)
        (sdk / "pulumi-plugin.json").write_text(json.dumps({"resource": True, "name": "bench", "version": "1.0.0"}))
        plugin = root / "pulumi-resource-bench"
        plugin.write_text(PLUGIN % sys.executable)
        plugin.chmod(0o755)
        path = os.pathsep.join((str(root), os.environ["PATH"]))
        backend = {"PULUMI_BACKEND_URL": f"file://{root}/backend", "PULUMI_CONFIG_PASSPHRASE": "bench", "PULUMI_HOME": str(root / "home")}
        self.variables = {**os.environ, **backend, "PATH": path}
        self.run("stack", "init", "dev")

    def run(self, *arguments: str, writes: bool = True) -> Run:
        """One call of the engine: how long it took, and the most memory that its own process and the program's had."""
        engine = ["-m", "domicile.engine"] if writes else ["-c", WITHOUT_WRITES]
        began, before = time.monotonic(), os.times()
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                [sys.executable, *engine, *arguments, "--non-interactive"], cwd=self.root, env=self.variables, stdout=said, stderr=said
            )
            peaks = watched(process)
            seconds, after = time.monotonic() - began, os.times()
            if process.returncode:
                said.seek(0)
                raise RuntimeError(f"{' '.join(arguments)}: exit {process.returncode}: {said.read().decode()[-2000:]}")
        cpu_seconds = after.children_user + after.children_system - before.children_user - before.children_system
        return Run(seconds, cpu_seconds, peaks["engine"] / 1e6, peaks["program"] / 1e6)


def cost(say: Callable[[str], None]) -> dict[str, Any]:
    """Each size by each operation, beside the program alone; the growth to the largest size; the checkpoint's share of the largest `up`.

    Each row is the quickest of some turns, as the same work takes a quarter longer from one minute to the next on a shared machine.
    """
    turns: list[list[dict[str, Any]]] = []
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as folder:
        for turn in range(TURNS):
            turns.append([])
            for size in SIZES:
                yard = Yard(Path(folder) / f"{size}-{turn}", size)
                for name, arguments in _OPERATIONS:
                    turns[-1].append(_row(name, size, yard.run(*arguments, "--stack", "dev")))
                    say(f"{size} resources, {name}, {turn + 1}/{TURNS}: {turns[-1][-1]['seconds']} s")
                turns[-1].append({"operation": "program alone", "resources": size, **floor(yard.root, size)})
        rows = [min(found, key=lambda row: row["seconds"]) for found in zip(*turns, strict=True)]
        share = _checkpoint_share(Path(folder), say)
    growth = {name: round(_seconds(rows, name, SIZES[2]) / _seconds(rows, name, SIZES[1]), 2) for name, _ in _OPERATIONS}
    return {"rows": rows, "growth": growth, "checkpoint_share": share, "goals": GOALS}


def _row(operation: str, size: int, done: Run) -> dict[str, Any]:
    return {
        "operation": operation, "resources": size, "seconds": round(done.seconds, 2), "ms_a_resource": ms(done.seconds, size),
        "cpu_ms_a_resource": ms(done.cpu_seconds, size), "engine_mb": round(done.engine_mb), "program_mb": round(done.program_mb),
    }  # fmt: skip


_UP = ("up", "--yes", "--skip-preview")
_OPERATIONS = (("preview", ("preview",)), ("up", _UP), ("up again", _UP), ("destroy", ("destroy", "--yes", "--skip-preview")))


def _seconds(rows: list[dict[str, Any]], operation: str, size: int) -> float:
    return float(next(r["seconds"] for r in rows if r["operation"] == operation and r["resources"] == size))


def _checkpoint_share(folder: Path, say: Callable[[str], None]) -> float:
    """How much of an `up` is gone when the checkpoint is written nowhere; both in turns, the best of each."""
    with_, without = [], []
    for turn in range(2):
        for writes, times in ((True, with_), (False, without)):
            yard = Yard(folder / f"share-{turn}-{writes}", SIZES[-1])
            times.append(yard.run(*_UP, "--stack", "dev", writes=writes).seconds)
            say(f"{SIZES[-1]} resources, up {'with' if writes else 'without'} checkpoints: {times[-1]:.1f} s")
    return round(max(0.0, 1 - min(without) / min(with_)), 2)
