"""One operation, from its parts put together to its end: a preview, or an update with its record in history and backups.

Called by `operations`, which say what is done in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from .config import Config, in_key_order
from .deployment import pending
from .deployment.gate import Gate
from .deployment.hooks import Hooks
from .deployment.policies import Policies
from .deployment.steps import Steps
from .events import Event, Journal, Result
from .host import Host, Job, OpenHost
from .interrupt import winding_down
from .language.monitor import Monitor
from .plugins.analyzer import Setting
from .plugins.builtin import Builtin
from .plugins.connection import BUILTIN, Connection
from .plugins.policy_pack import PolicyPack
from .plugins.registry import Registry
from .stack import Opened, Stack
from .state.checkpoint import Checkpoint, Writer
from .state.snapshot import Operation as Pending
from .state.snapshot import Snapshot

OnEvent = Callable[[Event], None]


@dataclass
class Operation:
    """What the parts of one operation share."""

    stack: Stack
    config: Config
    steps: Steps
    gate: Gate
    journal: Journal
    monitor: Monitor
    host: Host
    policies: Policies
    parallel: int

    @property
    def checkpoint(self) -> Checkpoint:
        return self.steps.checkpoint

    def result(self) -> Result:
        failed = self.gate.stopped or self.journal.failures > 0
        return self.journal.result(int(failed), self.checkpoint.resources())


@contextmanager
def begun(
    stack: Stack, opened: Opened, journal: Journal, parallel: int, open_host: OpenHost, writer: Writer | None = None,
    policy_packs: Sequence[PolicyPack] = (),
) -> Iterator[Operation]:  # fmt: skip
    """All parts of an operation, put together; processes and ports are gone when it ends. Without a `writer` it is a preview."""
    dry = writer is None
    gate = Gate(parallel)
    snapshot = opened.snapshot
    checkpoint = Checkpoint(Snapshot(list(snapshot.resources), list(snapshot.pending), snapshot.salt), writer)
    hooks = Hooks(gate, journal, dry)
    monitor = Monitor(gate, journal, hooks, dry, parallel)
    job = Job(stack.project, stack.name, opened.config, dry, parallel, gate, journal)
    host = open_host(job, monitor)

    def start(package: str, version: str) -> Connection:
        return Builtin(stack.outputs_of) if package == BUILTIN else host.start(package, version)

    registry = Registry(start, snapshot.resources)
    steps = Steps(checkpoint, registry, journal, dry, hooks)
    policies = Policies(journal, dry)

    def cancel() -> None:
        registry.cancel()
        policies.cancel()

    try:
        with winding_down(gate, journal, cancel, job.children.close):
            if policy_packs:
                project, children = stack.project, job.children
                setting = Setting(project.name, stack.name, opened.config, dry, host.address, children, project.plugins)
                policies = Policies.start(policy_packs, setting, journal)
            yield Operation(stack, opened.config, steps, gate, journal, monitor, host, policies, parallel)
    finally:
        job.children.close()
        host.close()
        registry.close()
        policies.close()
        monitor.close()
        gate.wait_idle()  # a step that was cut off has yet to say so in the state
        gate.close()


def tried(
    stack: Stack, opened: Opened, on_event: OnEvent | None, parallel: int, host: OpenHost, work: Callable[[Operation], None],
    packs: Sequence[PolicyPack],
) -> Result:  # fmt: skip
    """A preview whose log lines are shown only if it fails: the update will say the same again."""
    held: list[Event] = []
    with begun(stack, opened, Journal(held.append), parallel, host, policy_packs=packs) as op:
        work(op)
        result = op.result()
    if result.exit_code and on_event:
        for event in held:
            on_event(replace(event, planning=True))
    return result


def updated(
    stack: Stack, opened: Opened, kind: str, on_event: OnEvent | None, parallel: int, host: OpenHost,
    work: Callable[[Operation], None], warn: bool = True, policy_packs: Sequence[PolicyPack] = (),
) -> Result:  # fmt: skip
    """An operation that changes the state: history and backup are kept at its end, also when it failed."""
    began = time.time()
    journal = Journal(on_event)
    project, name = stack.project.name, stack.name
    if warn and opened.snapshot.pending:
        journal.log(pending.warning(opened.snapshot), "warning")
    writer = Writer(stack.backend.checkpoint(project, name), project, name, opened.crypter)
    with begun(stack, opened, journal, parallel, host, writer, policy_packs) as op:
        try:
            work(op)
        except KeyboardInterrupt:
            op.gate.stop()
            op.gate.wait_idle()  # not long: every process that a step waits for has been ended
            journal.log(_aborted(op.checkpoint.in_doubt()), "error")
        finally:
            op.checkpoint.close()
        result = op.result()
    record = {
        "kind": kind, "startTime": int(began), "message": "", "environment": {"exec.kind": "domicile"},
        "config": in_key_order(stack.project.config_file(name).entries), "version": 0,
        "result": "failed" if result.exit_code else "succeeded",
        "endTime": int(time.time()), "resourceChanges": result.summary,
    }  # fmt: skip
    stack.backend.finish(project, name, record)
    return result


def _aborted(in_doubt: list[Pending]) -> str:
    return f"aborted; it isn't known what became of:{pending.lines(in_doubt)}" if in_doubt else "aborted; no step is in doubt"
