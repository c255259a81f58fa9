"""`domicile rehearse`: a region's stack, applied where no account is: on provider doubles, in a temporary folder."""

from __future__ import annotations

import json as json_
import random
import secrets
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domicile.cli.exit import CliError, ExitCode, ending_on, print_json, wrong_input
from domicile.cli.progress import Progress
from domicile.cli.project import Json, Stack, configuration, root

if TYPE_CHECKING:
    from domicile.rehearsal.stages import Applied, Finding, Report, Scene
    from domicile.rehearsal.stages.report import Stage

KILLS = 20
CHANGED = 4
"""For so many kills on the way up, one more in an `up` with changed settings."""

Export = Annotated[
    Path | None, typer.Option("--export", help="Write the applied stack's state into this file, as `pulumi stack export` does.")
]
Docs = Annotated[
    Path | None, typer.Option("--docs", help="Write the stack's pages into this folder: picture, cost, least rights to deploy.")
]
Kills = Annotated[int, typer.Option("--kills", min=0, max=100, help="How often `up` is killed on its way; 0: not at all.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Chooses the operations at which it is killed; unset: another each time.")]


def rehearse(
    stack: Stack = "local", export: Export = None, docs: Docs = None, kills: Kills = KILLS, seed: Seed = None, json: Json = False
) -> None:
    """Apply a region's stack where no account is: on a double of the provider, in a temporary folder.

    Preview, up, up again, drift found and mended, changed settings, destroy; then `up`, killed again and again until it converges, and once
    more with changed settings.
    Nothing is reached over the network, and nothing is left. The double refuses what AWS is known to refuse; AWS may refuse more.
    """
    config = configuration(stack, json)
    if config.platform != "aws":
        raise wrong_input(f"stack {stack}: platform {config.platform} is applied for real with `domicile up {stack}`; rehearse one of AWS")
    for file in (export, docs):
        if file is not None and not file.absolute().parent.is_dir():
            raise wrong_input(f"{file}: there is no folder {file.absolute().parent}; make it, or name another place")
    report = _rehearse(stack, Written(export, docs), kills, secrets.randbelow(1 << 31) if seed is None else seed, json)
    if json:
        print_json(report.as_json())
    else:
        print(f"stack {stack}: {'the rehearsal went well' if report.passed else 'THE REHEARSAL FAILED'}, seed {report.seed}")
    if not report.passed:
        raise CliError(f"stage `{report.stages[-1].name}`: {report.stages[-1].finding.summary}", ExitCode.FAILED)


@dataclass(frozen=True)
class Written:
    """What a rehearsal is asked to leave behind."""

    export: Path | None
    docs: Path | None


def _rehearse(stack: str, written: Written, kills: int, seed: int, quiet: bool) -> Report:
    from domicile.engine import EngineError
    from domicile.rehearsal.stages import STAGES, Applied, Report, Scene, kill_and_converge, kill_change_and_converge

    report = Report(stack, seed)
    whole: list[tuple[str, str]] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # as with Ctrl-C, the folder goes
    with Progress(quiet=quiet) as progress, ending_on(EngineError):
        with Scene.of(root(), stack) as scene:
            report.notes += scene.notes
            for note in scene.notes:
                progress.line(f"note: {note}")
            for name, stage in STAGES.items():
                if not _played(report, progress, name, lambda stage=stage: stage(scene)):  # type: ignore[misc]
                    return report
                if name == "up":
                    whole, applied = scene.inventory(), Applied.of(scene)
                    _export(scene, written.export)
            _document(applied, scene, written.docs)
        if kills:
            with Scene.of(root(), stack, progress.detail) as scene:
                choose = random.Random(seed)  # noqa: S311
                converged = _played(report, progress, "kills", lambda: kill_and_converge(scene, kills, choose, whole))
                if converged and (more := kills // CHANGED):
                    _played(report, progress, "kills again", lambda: kill_change_and_converge(scene, more, choose))
    return report


def _played(report: Report, progress: Progress, name: str, stage: Callable[[], Finding]) -> bool:
    from domicile.rehearsal.stages import Finding, StageFailed

    began, passed = time.monotonic(), True
    try:
        finding = stage()
    except StageFailed as error:
        finding, passed = Finding(str(error)), False
    _show(progress, report.add(name, time.monotonic() - began, finding, passed))
    return passed


def _show(progress: Progress, stage: Stage) -> None:
    progress.line(f"{stage.name:<12}{'' if stage.passed else 'FAILED: '}{stage.finding.summary} ({stage.seconds:.1f} s)")
    for line in stage.finding.details:
        progress.line(f"{'':<12}  {line}")


def _document(applied: Applied, scene: Scene, folder: Path | None) -> None:
    from domicile.rehearsal.stages import pages, write_pages

    if folder is None:
        return
    try:
        write_pages(folder, applied.stack, pages(applied, scene.rehearsal.calls()))
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}; name a folder that you may write in") from error


def _export(scene: Scene, file: Path | None) -> None:
    """The state as Pulumi's own export: for whoever wants to look, or to hold policies against it."""
    if file is None:
        return
    try:
        file.write_text(json_.dumps(scene.stack.export(), indent=4) + "\n", "utf-8")
    except OSError as error:
        raise CliError(f"{file}: {error.strerror}; name a file that you may write") from error
