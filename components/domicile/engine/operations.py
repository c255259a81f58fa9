"""Preview, up, refresh and destroy: the engine's public operations, and what each does between its begin and its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from .deployment import pending
from .deployment.construct import Components
from .deployment.deletes import delete_all
from .deployment.deployment import Mode
from .deployment.hooks import deleting
from .deployment.refresh import refresh_all
from .deployment.registrar import Registrar
from .deployment.targets import ALL, NotTargetedError, Selection, Targets, doomed
from .errors import EngineError
from .events import Journal, Result
from .host import OpenHost, Processes
from .operation import OnEvent, Operation, begun, tried, updated
from .plugins.analyzer import Setting
from .plugins.policy_pack import PolicyPack
from .stack import Opened, Stack
from .state.snapshot import Resource

PARALLEL = 16  # steps at once; a dynamic provider's process takes four


def preview(
    stack: Stack, on_event: OnEvent | None = None, *, parallel: int = PARALLEL, refresh: bool = False,
    policy_packs: Sequence[PolicyPack] = (), targets: Targets = ALL, continue_on_error: bool = False, host: OpenHost = Processes,
) -> Result:  # fmt: skip
    """What `up` would do, by running the program and changing nothing. No lock is needed.

    `refresh` looks at the world first; `targets` and `continue_on_error` are as in `up`. `policy_packs` judge each resource and then the
    stack: what they find is in the result's `violations`, all of it. Raises EngineError if the stack can't be opened or a pack can't be
    loaded; what the program or a provider refuses is in the result, with exit code 1.
    """
    opened = stack.open()
    journal = Journal(on_event)
    with begun(stack, opened, journal, parallel, host, policy_packs=policy_packs) as op:
        _deploy_after(op, refresh, Mode(targets, continue_on_error))
        return op.result()


def up(
    stack: Stack, on_event: OnEvent | None = None, *, parallel: int = PARALLEL,
    refresh: bool = False, break_dead_lock: bool = False, preview_first: bool = True,
    policy_packs: Sequence[PolicyPack] = (), targets: Targets = ALL, continue_on_error: bool = False, host: OpenHost = Processes,
) -> Result:  # fmt: skip
    """Make the world what the program says: all of it, or what `targets` choose of it.

    `preview_first` (default) runs the program dry before, so that what this engine or a provider refuses is refused before
    anything is touched. `break_dead_lock` takes over from a process that died on this host. Raises EngineError, LockedError among
    them, if the stack can't be opened or a policy pack can't be loaded. A mandatory violation of `policy_packs` stops the update before
    the resource is touched; one of a stack rule fails it when all is done. What fails on the way is in the result, with exit code 1;
    with `continue_on_error`, what doesn't lean on it goes on.
    """

    def work(op: Operation) -> None:
        _deploy_after(op, refresh, Mode(targets, continue_on_error))

    with stack.locked(break_dead_lock):
        opened = stack.open()
        if preview_first:
            planned = tried(stack, opened, on_event, parallel, host, work, policy_packs)
            if planned.exit_code:
                return planned
        return updated(stack, opened, "update", on_event, parallel, host, work, policy_packs=policy_packs)


def refresh(
    stack: Stack, on_event: OnEvent | None = None, *, parallel: int = PARALLEL, preview_only: bool = False, break_dead_lock: bool = False,
    clear_pending_creates: bool = False, import_pending_creates: Sequence[str] = (), targets: Targets = ALL, host: OpenHost = Processes,
) -> Result:  # fmt: skip
    """Take into the state what the world looks like, of the `targets`; `preview_only` shows the drift and writes nothing.

    `clear_pending_creates` forgets what a killed operation may have begun to create; `import_pending_creates`, a URN and an id in
    turn, only those, and says how to take in what was made.
    """
    imports = pending.pairs(import_pending_creates)
    if preview_only:
        with begun(stack, _with_targets(stack.open(), targets), Journal(on_event), parallel, host) as op:
            _refreshed(op, targets)
            return op.result()

    def work(op: Operation) -> None:
        if clear_pending_creates or imports:
            pending.settle(op.checkpoint, op.journal, clear_pending_creates, imports)
        _refreshed(op, targets)

    with stack.locked(break_dead_lock):
        opened = _with_targets(stack.open(), targets)
        return updated(stack, opened, "refresh", on_event, parallel, host, work, warn=not (clear_pending_creates or imports))


def destroy(
    stack: Stack, on_event: OnEvent | None = None, *, parallel: int = PARALLEL, refresh: bool = False, break_dead_lock: bool = False,
    exclude_protected: bool = False, preview_only: bool = False, run_program: bool = False, targets: Targets = ALL,
    continue_on_error: bool = False, host: OpenHost = Processes,
) -> Result:  # fmt: skip
    """Delete everything in the state, or what `targets` choose of it, dependents first.

    What is protected stops it, unless `exclude_protected` leaves it be. With `continue_on_error`, a failure withholds only what the
    failed resource leans on. Hooks round a delete are the program's: where the state has any, `run_program` is needed, so that they can
    be called.
    """

    def delete(op: Operation) -> None:
        resources = op.checkpoint.resources()
        kept = _kept(resources) if exclude_protected else set()
        _delete(op, lambda: doomed([r for r in resources if r.urn not in kept], resources, targets), continue_on_error, name_the_rest=True)

    def work(op: Operation) -> None:
        if not (run_program or _hookless(op, Selection(targets))):
            return
        if refresh:
            _refreshed(op, targets, quietly=True)
        if run_program and not op.gate.stopped:
            _run(op, lambda _: delete(op), Mode(targets, destroying=True))
        else:
            delete(op)

    if preview_only:
        with begun(stack, _with_targets(stack.open(), targets), Journal(on_event), parallel, host) as op:
            work(op)
            return op.result()
    with stack.locked(break_dead_lock):
        return updated(stack, _with_targets(stack.open(), targets), "destroy", on_event, parallel, host, work)


def _with_targets(opened: Opened, targets: Targets) -> Opened:
    """The stack, if it has all the targets; else EngineError."""
    if unknown := targets.unknown(r.urn for r in opened.snapshot.resources):
        raise EngineError(" ".join(unknown))
    return opened


def _hookless(op: Operation, chosen: Selection) -> bool:
    """Whether no delete would call a hook; if one would, that is told, and the operation is over."""
    hooked = [r for r in op.checkpoint.resources() if chosen.takes(r) and deleting(r)]
    for r in hooked:
        names = ", ".join(deleting(r))
        op.journal.log(f"{r.name} has delete hooks registered, but the program is not running. Hooks: {names}", "error", r.urn)
    if hooked:
        op.journal.log("use `destroy --run-program`, so that the program's delete hooks can be called", "error")
        op.gate.stop()
    return not hooked


def _kept(resources: list[Resource]) -> set[str]:
    """The protected ones, and all that they lean on."""
    found = {r.urn: r for r in resources}
    kept: set[str] = set()
    todo = [r.urn for r in resources if r.protect]
    while todo:
        urn = todo.pop()
        if urn not in kept:
            kept.add(urn)
            todo += [u for u in found[urn].leans_on if u in found]
    return kept


# -- what they do ------------------------------------------------------------------------------------------------------


def _deploy_after(op: Operation, refresh: bool, mode: Mode) -> None:
    if refresh:
        op.policies.ready()  # a pack that can't be run is refused before anything is touched
        _refreshed(op, mode.targets, quietly=True)
    if not op.gate.stopped:
        _deploy(op, mode)


def _refreshed(op: Operation, targets: Targets, quietly: bool = False) -> None:
    """Refresh; `quietly` keeps its steps out of the summary, as the update that follows has its own."""
    chosen = Selection(targets)
    refresh_all([r for r in op.checkpoint.resources() if chosen.takes(r)], op.steps, op.gate, op.parallel)
    if quietly:
        op.journal.steps[:] = [replace(s, op="refresh") for s in op.journal.steps]
        op.journal.counts.clear()
    if op.journal.failures:
        op.gate.stop()


def _deploy(op: Operation, mode: Mode) -> None:
    """Run the program, then delete what it no longer has: but only if it ended well."""

    def delete(registrar: Registrar) -> None:
        registrar.program_succeeded()
        for unknown in registrar.unknown_targets():
            op.journal.log(unknown, "error")
            op.gate.stop()
        _delete(op, registrar.doomed, mode.continues)

    registrar = _run(op, delete, mode)
    if not op.gate.stopped and not op.journal.failures:
        _judge(op, registrar.judge_stack)


def _delete(op: Operation, doomed: Callable[[], list[Resource]], continues: bool, name_the_rest: bool = False) -> None:
    """Delete what `doomed` gives; `name_the_rest` puts the others into the plan as unchanged."""
    try:
        going = doomed()
    except NotTargetedError as e:
        for each in e.each:
            op.journal.log(str(each), "error", each.urn)
        op.gate.stop()
        return
    if name_the_rest:
        leaving = set(going)
        for r in op.checkpoint.resources():
            if r not in leaving:
                op.journal.unchanged(r)
    delete_all(going, op.steps, op.gate, op.parallel, continues)


class _Once:
    """Work that two may ask for: the first does it, the second waits until it is done."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            work, self._work = self._work, None
            if work:
                work()


def _run(op: Operation, after: Callable[[Registrar], None], mode: Mode) -> Registrar:
    """Run the program, and do what comes `after` it if it succeeds: while it still lives, if it waits for that, for its hooks."""
    stack, gate, journal = op.stack, op.gate, op.journal
    registrar = Registrar(
        stack.project.name, stack.name, stack.project.program_folder, op.config, op.steps, gate, journal, op.policies, mode
    )

    def end() -> None:
        if not gate.stopped:
            after(registrar)

    ending = _Once(end)
    setting = Setting(stack.project.name, stack.name, op.config, op.steps.preview, op.host.address)
    op.monitor.attach(registrar, Components(registrar, setting, op.parallel, gate), ending)
    code = op.host.run()
    op.monitor.end()
    op.policies.refuse()
    if code and not gate.stopped:
        if code != 32:  # 32: the program has said why
            journal.log(f"an unhandled error occurred: program exited with non-zero exit code: {code}", "error")
        gate.stop()
    ending()
    _judge(op, op.policies.settle)
    return registrar


def _judge(op: Operation, judge: Callable[[], None]) -> None:
    try:
        judge()
    except EngineError as e:
        op.journal.log(str(e), "error")
        op.gate.stop()
