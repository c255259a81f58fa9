"""A provider plugin that misbehaves on demand, run by tests as a process: `$THINGS/odd.METHOD` says how it takes that call.

Its world is `$THINGS/*.json`, its process ids are in `$THINGS/pids`. `odd.start` says how it starts.
"""

# ruff: noqa: N802 - the methods are named by the protocol
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc, status_pb2
from pulumi.runtime.proto import provider_pb2 as pb

WORLD = Path(os.environ["THINGS"])
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270"}
GARBAGE = {"unknown-mark": {SIGNATURE: "no such mark"}, "empty-secret": SECRET, "unknown": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}


def odd(method: str) -> str:
    file = WORLD / f"odd.{method}"
    return file.read_text() if file.exists() else ""


def note(line: str) -> None:
    with (WORLD / "calls.log").open("a") as log:
        log.write(line + "\n")


def behave(method: str) -> None:
    how = odd(method)
    print(f"now {method}", file=sys.stderr, flush=True)
    if how == "die":
        os._exit(9)
    if how == "flood":
        while True:
            print("x" * 1000, file=sys.stderr, flush=True)
    while how == "hang" and odd(method):
        time.sleep(0.02)


def struct(props: dict[str, object], how: str) -> struct_pb2.Struct:
    out: struct_pb2.Struct = json_format.ParseDict({**props, **({"odd": GARBAGE[how]} if how in GARBAGE else {})}, struct_pb2.Struct())
    if how == "nan":
        out.fields["odd"].number_value = float("nan")
    if how == "no-kind":
        out.fields["odd"].SetInParent()
    return out


class Odd(provider_pb2_grpc.ResourceProviderServicer):
    def CheckConfig(self, q, _):
        behave("CheckConfig")
        return pb.CheckResponse(inputs=q.news)

    def DiffConfig(self, q, _):
        return pb.DiffResponse()

    def Configure(self, q, _):
        behave("Configure")
        return pb.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Check(self, q, _):
        note(f"check {q.name}")
        behave("Check")
        return pb.CheckResponse(inputs=struct(json_format.MessageToDict(q.news), odd("Check")))

    def Diff(self, q, _):
        behave("Diff")
        same = q.old_inputs == q.news
        diff = pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE if same else pb.DiffResponse.DIFF_SOME)
        if odd("Diff") == "bad-kind":
            diff.detailedDiff["body"].kind = 99
        return diff

    def Create(self, q, context):
        if q.preview:
            return pb.CreateResponse(properties=q.properties)
        note(f"create {q.name}")
        behave("Create")
        (WORLD / f"{q.name}.json").write_text(json.dumps(json_format.MessageToDict(q.properties)))
        behave("Created")
        if odd("Create") == "until-cancelled":
            note("waiting")
            while not (WORLD / "cancelled").exists():
                time.sleep(0.02)
            context.abort(grpc.StatusCode.UNKNOWN, "broken off, as it was asked")
        if odd("Create") == "in-part-without-id":
            status = status_pb2.Status(code=2, message="in part")
            status.details.add().Pack(pb.ErrorResourceInitFailed(reasons=["in part"]))
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.UNKNOWN, "in part")
        if odd("Create") == "garbled-status":
            context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\xff"),))
            context.abort(grpc.StatusCode.UNKNOWN, "the status is garbled")
        id_ = {"no-id": "", "unknown-id": GARBAGE["unknown"]}.get(odd("Create"), f"{q.name}-id")
        return pb.CreateResponse(id=id_, properties=struct(json_format.MessageToDict(q.properties), odd("Create")))

    def Update(self, q, _):
        note(f"update {q.name}")
        (WORLD / f"{q.name}.json").write_text(json.dumps(json_format.MessageToDict(q.news)))
        behave("Update")
        return pb.UpdateResponse(properties=struct(json_format.MessageToDict(q.news), odd("Update")))

    def Read(self, q, _):
        behave("Read")
        return pb.ReadResponse(id=q.id, properties=struct(json_format.MessageToDict(q.properties), odd("Read")), inputs=q.inputs)

    def Delete(self, q, _):
        note(f"delete {q.name}")
        (WORLD / f"{q.name}.json").unlink(missing_ok=True)
        behave("Delete")
        return empty_pb2.Empty()

    def Invoke(self, q, _):
        behave("Invoke")
        return pb.InvokeResponse()

    def Cancel(self, q, _):
        note("cancelled")
        (WORLD / "cancelled").touch()
        return empty_pb2.Empty()

    def GetPluginInfo(self, q, _):
        return plugin_pb2.PluginInfo(version="1.0.0")


def begin(how: str) -> None:
    with (WORLD / "pids").open("a") as pids:
        pids.write(f"{os.getpid()}\n")
    print("about to start", file=sys.stderr, flush=True)
    if how == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "with-child":
        child = subprocess.Popen(["sleep", "1000"])
        with (WORLD / "pids").open("a") as pids:
            pids.write(f"{child.pid}\n")
    if how == "exit":
        sys.exit(3)
    if how == "flood":
        while True:
            print("x" * 1000, file=sys.stderr, flush=True)
    said = {"garbage": "hello, world", "no-such-port": "99999", "dead-port": "1", "endless": "x" * 200_000}.get(how)
    if said:
        print(said, end="" if how == "endless" else "\n", flush=True)
    if said or how == "silent":
        time.sleep(1000)


def main() -> None:
    begin(odd("start"))
    server = grpc.server(futures.ThreadPoolExecutor(8))
    raw = {m: grpc.unary_unary_rpc_method_handler(lambda q, _: b"\xff\xff") for m in ("Create", "Check") if odd(m) == "raw"}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pulumirpc.ResourceProvider", raw),))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Odd(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
