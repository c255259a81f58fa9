"""A provider plugin's process: `python -m domicile.rehearsal PACKAGE CLOUD [ENGINE]`. Started by Pulumi's CLI or our engine, through the
executable that `Rehearsal` makes; prints its port and serves until it is told to end."""

from __future__ import annotations

import gc
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from .cloud import Cloud
from .double import Double
from .packages import package
from .provider import Provider
from .schema import Schema

THREADS = 16
MESSAGE_BYTES = 400 << 20  # Pulumi's own limit


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit("usage: python -m domicile.rehearsal PACKAGE CLOUD_FOLDER [ENGINE_ADDRESS]")
    signal.pthread_sigmask(
        signal.SIG_BLOCK, [signal.SIGTERM]
    )  # in all threads to come: it is waited for, as a handler may interrupt itself
    tables = package(sys.argv[1])
    schema = Schema(tables.module)
    double = Double(tables, schema, Cloud(Path(sys.argv[2])))
    options = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(THREADS), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(double), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    gc.freeze()  # what is loaded stays, and the tables with it: no collection looks at it again
    gc.set_threshold(50_000, 20, 100)  # as for the program
    schema.recall()  # the engine's first question comes once the whole program has run
    signal.sigwait([signal.SIGTERM])
    server.stop(0.5).wait()
    schema.save()


if __name__ == "__main__":
    main()
