"""A plugin's process as Pulumi starts it, spoken to over gRPC."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc

from domicile.engine.values import dump
from domicile.rehearsal import Rehearsal


class Plugin:
    def __init__(self, rehearsal: Rehearsal, region: str = "ap-northeast-1") -> None:
        home = rehearsal.plugins("aws")["PULUMI_HOME"]
        [executable] = [os.path.join(folder, f) for folder, _, files in os.walk(home) for f in files if f == "pulumi-resource-aws"]
        self.process = subprocess.Popen([executable], stdout=subprocess.PIPE, text=True)
        port = int(self.process.stdout.readline())
        self.stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
        self.stub.Configure(pb.ConfigureRequest(args=dump({"region": region})))

    def create(self, token: str, called: str, /, **inputs: Any) -> Any:
        """The call's future: `.result()` is the answer, or raises."""
        urn = f"urn:pulumi:s::p::{token}::{called}"
        return self.stub.Create.future(pb.CreateRequest(urn=urn, properties=dump(inputs)))

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait()


def until_struck(rehearsal: Rehearsal) -> None:
    """Wait until every planned fault has struck."""
    while rehearsal.faults_left():
        time.sleep(0.01)
