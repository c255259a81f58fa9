"""Holds a stack to the policy pack: its preview, on the real provider or on its double, or its live state. For `domicile check`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import domicile_policies
from domicile.cli.engine import Engine, Pack, engine_for
from domicile.cli.exit import CliError, ExitCode, ending_on, wrong_input
from domicile.cli.progress import Progress
from domicile.cli.project import places, root
from domicile_policies.findings import Findings
from domicile_policies.live import judge_live
from domicile_policies.pack import rules
from domicile_policies.parameters import ConfigurationError, read, settings

if TYPE_CHECKING:
    from domicile_policies.parameters import Setting

PROJECT = "domicile"
FOLDER = Path(domicile_policies.__file__).parents[1]
"""The pack as Pulumi starts it."""


def judged(stack: str, live: bool, rehearse: bool, given: Path | None, quiet: bool) -> tuple[Findings, str]:
    """What the pack says, and what has failed beside it, if anything. Raises `CliError` where nothing could be judged."""
    document, inforce = _configured(stack, given)
    with Progress(quiet=quiet, planned=True) as progress, _scene(stack, rehearse, progress) as project:
        engine = engine_for(project, places(stack), show_json=True)
        if live:
            return judge_live(rules(), inforce, _stack_config(project, stack), (PROJECT, stack), _deployment(engine, stack)), ""
        with tempfile.TemporaryDirectory(prefix="domicile-check-") as folder:
            findings, failure = _previewed(engine, stack, progress, document, inforce, Path(folder))
    return _at_their_levels(findings, inforce), failure


def _configured(stack: str, given: Path | None) -> tuple[dict[str, Any], Mapping[str, Setting]]:
    """The pack's configuration: the file given, else the one beside the stack's own, else none."""
    file = given or root() / "stacks" / f"policies.{stack}.json"
    if given is None and not file.exists():
        return {}, settings(rules(), {})
    try:
        document = read(file)
        return document, settings(rules(), document, where=str(file))
    except ConfigurationError as error:
        raise wrong_input(str(error)) from error


@contextmanager
def _scene(stack: str, rehearse: bool, progress: Progress) -> Iterator[Path]:
    """The project's folder; in a rehearsal that of a copy, in an environment where only the provider's double is found."""
    if not rehearse:
        yield root()
        return
    from domicile.engine import EngineError
    from domicile.rehearsal.stages import Scene

    with ending_on(EngineError), Scene.of(root(), stack) as scene:
        for note in scene.notes:
            progress.line(f"note: {note}")
        before = os.environ.get("DOMICILE_HOME")
        os.environ["DOMICILE_HOME"] = str(scene.root / "home")
        try:
            yield scene.root
        finally:
            os.environ.pop("DOMICILE_HOME")
            if before is not None:
                os.environ["DOMICILE_HOME"] = before


def _previewed(
    engine: Engine, stack: str, progress: Progress, document: Mapping[str, Any], inforce: Mapping[str, Setting], folder: Path
) -> tuple[Findings, str]:
    """With every rule advisory, so that no violation stops the preview before the whole stack is judged."""
    pack = Pack(FOLDER, folder / "policies.json", folder / "findings.json")
    pack.config.write_text(json.dumps({name: _advisory(document.get(name), each) for name, each in inforce.items()}), "utf-8")
    with progress.step("preview"):
        failure = engine.judged(stack, Progress(quiet=True), pack)
    if not pack.report.exists():
        raise CliError(f"the policy pack judged nothing: {failure or 'it was not asked'}")
    findings = Findings.read(pack.report)
    if findings.failing:  # a rule that failed by itself, or an exception that has ended: told as what it is
        return findings, ""
    return findings, failure or ("" if findings.complete else "the policy pack was not asked about the whole stack: nothing is proven")


def _advisory(given: Any, setting: Setting) -> dict[str, Any]:
    own = given if isinstance(given, dict) else {}
    return {**own, "enforcementLevel": "disabled" if setting.level == "disabled" else "advisory"}


def _at_their_levels(findings: Findings, inforce: Mapping[str, Setting]) -> Findings:
    """A rule that only the pack knows that Pulumi has run (of another version) is mandatory."""
    levels = {name: inforce[name].level if name in inforce else "mandatory" for name in findings.rules}
    found = (each if each.fails else replace(each, level=levels[each.rule]) for each in findings.findings)
    facts = {name: replace(each, level=levels[name]) for name, each in findings.rules.items()}
    return replace(findings, rules=facts, findings=tuple(found))


def _deployment(engine: Engine, stack: str) -> dict[str, Any]:
    found = engine.deployment(stack)
    if not found.get("resources"):
        raise CliError(f"stack {stack} has no state here: apply it with `domicile up {stack}`, or name its backend", ExitCode.WRONG_INPUT)
    return found


def _stack_config(project: Path, stack: str) -> dict[str, str]:
    """The stack's configuration as an engine tells it to a pack: texts, JSON for objects; secrets are left out."""
    content = yaml.safe_load((project / "stacks" / f"Pulumi.{stack}.yaml").read_text("utf-8"))["config"]
    open_ = {key: value for key, value in content.items() if not (isinstance(value, dict) and "secure" in value)}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in open_.items()}
