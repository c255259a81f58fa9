"""Applies a stack: by Pulumi's own CLI where it is on PATH, else by the embedded engine. For preview, up, refresh and destroy."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from domicile.cli.exit import CliError, ending_on, wrong_input
from domicile.cli.progress import Progress
from domicile.places import StackPlaces
from domicile_policies.findings import VARIABLE as REPORT

if TYPE_CHECKING:
    from domicile.engine import Result, Stack

_SALT = "encryptionsalt"
EngineName = Literal["pulumi", "embedded"]
Verb = Literal["preview", "up", "refresh", "destroy"]
Ran = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Applied:
    """What an operation did, or in a preview would do."""

    changes: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unchanged(self) -> bool:
        return not any(count for op, count in self.changes.items() if op not in ("same", "read"))


@dataclass(frozen=True)
class Pack:
    """A policy pack that judges a preview: its folder, how its rules are configured, and where it writes what it finds."""

    folder: Path
    config: Path
    report: Path


class Engine(Protocol):
    """One way to apply a stack. A failed operation raises `CliError`."""

    def run(self, verb: Verb, stack: str, progress: Progress, ask: bool = False, diff: bool = False) -> Applied:
        """Runs one operation; the stack is made if it isn't there. `up` is tried dry first.

        `ask` shows what would be done and waits for a yes; `diff` shows it property by property.
        """

    def judged(self, stack: str, progress: Progress, pack: Pack) -> str:
        """Runs a preview under a policy pack, which writes its report; gives what kept it from its end, if anything."""

    def deployment(self, stack: str) -> dict[str, Any]:
        """The stack's state as `pulumi stack export` has it, with its secrets opened."""

    def forget(self, stack: str) -> None:
        """Removes the record of a stack that holds nothing more."""


def chosen(variables: Mapping[str, str] | None = None) -> EngineName:
    """The engine that `DOMICILE_ENGINE` forces; without it Pulumi's CLI if there is one."""
    variables = os.environ if variables is None else variables
    forced = variables.get("DOMICILE_ENGINE", "")
    found = shutil.which("pulumi", path=variables.get("PATH"))
    if forced not in ("", "pulumi", "embedded"):
        raise wrong_input(f"DOMICILE_ENGINE={forced}: set it to pulumi or embedded, or unset it for pulumi where it is on PATH")
    if forced == "pulumi" and not found:
        raise wrong_input("DOMICILE_ENGINE=pulumi, but there is no `pulumi` on PATH: install Pulumi's CLI, or unset DOMICILE_ENGINE")
    if forced == "embedded" or not found:
        return "embedded"
    return "pulumi"


def engine_for(root: Path, places: StackPlaces, show_json: bool = False) -> Engine:
    """The chosen engine, with the file backend and its passphrase in place."""
    name = chosen()
    variables = pulumi_environment(places)
    prepare(places, variables)
    return PulumiCli(root, variables, show_json) if name == "pulumi" else Embedded(root, places, variables)


def pulumi_environment(places: StackPlaces, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process's environment with what makes Pulumi local and quiet; what the user has set stays."""
    given = dict(os.environ if variables is None else variables)
    given.setdefault("PULUMI_BACKEND_URL", f"file://{places.backend}")
    if "PULUMI_CONFIG_PASSPHRASE" not in given:
        given.setdefault("PULUMI_CONFIG_PASSPHRASE_FILE", str(places.passphrase))
    given.setdefault("PULUMI_SKIP_UPDATE_CHECK", "true")
    given.setdefault("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true")
    given["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), given.get("PATH", os.defpath)))  # `runtime: python` is found there
    return given


def prepare(places: StackPlaces, variables: Mapping[str, str]) -> None:
    """Makes the backend's folder and, on first use, the passphrase (0600, whole or not at all)."""
    try:
        places.home_root.mkdir(parents=True, exist_ok=True)
        if variables["PULUMI_BACKEND_URL"] == f"file://{places.backend}":
            places.backend.mkdir(mode=0o700, exist_ok=True)
        if variables.get("PULUMI_CONFIG_PASSPHRASE_FILE") == str(places.passphrase) and not places.passphrase.exists():
            _write_passphrase(places.passphrase)
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}; run as root, or set DOMICILE_HOME to a folder that you may write") from error


def _write_passphrase(path: Path) -> None:
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        pass  # another first use was quicker; its passphrase counts
    finally:
        partial.unlink()


class PulumiCli:
    """Pulumi's own CLI, with its own display."""

    def __init__(self, root: Path, variables: Mapping[str, str], quiet: bool) -> None:
        self._root, self._variables, self._quiet = root, variables, quiet

    def run(self, verb: Verb, stack: str, progress: Progress, ask: bool = False, diff: bool = False) -> Applied:
        self._asked("stack", "select", "--create", stack)
        shown = ["--diff"] if diff else []
        if verb == "preview":
            return self._preview(stack, shown)
        by_itself = [] if ask else ["--non-interactive", "--yes", *([] if verb == "up" else ["--skip-preview"])]
        arguments = [verb, "--stack", stack, *by_itself, *shown, *(["--refresh"] if verb == "up" else [])]
        with progress.paused():
            ran = self._pulumi(arguments, show=not self._quiet)
        if ran.returncode:
            raise CliError(f"pulumi {verb} failed (exit {ran.returncode}): {self._words(ran)}")
        history = json.loads(self._asked("stack", "history", "--stack", stack, "--json", "--page-size", "1") or "[]")
        changes = (history[0].get("resourceChanges") or {}) if history else {}
        outputs = json.loads(self._asked("stack", "output", "--stack", stack, "--json") or "{}") if verb != "destroy" else {}
        return Applied(changes, outputs)

    def _preview(self, stack: str, shown: list[str]) -> Applied:
        if not self._quiet and self._pulumi(["preview", "--stack", stack, "--non-interactive", *shown], show=True).returncode:
            raise CliError("pulumi preview failed: see above")
        if not self._quiet:
            return Applied()
        ran = self._pulumi(["preview", "--stack", stack, "--non-interactive", "--json"], show=False)
        if ran.returncode:
            raise CliError(f"pulumi preview failed (exit {ran.returncode}): {self._words(ran)}")
        return Applied(json.loads(ran.stdout).get("changeSummary") or {})

    def judged(self, stack: str, progress: Progress, pack: Pack) -> str:
        self._asked("stack", "select", "--create", stack)
        packs = ["--policy-pack", str(pack.folder), "--policy-pack-config", str(pack.config)]
        ran = self._pulumi(["preview", "--stack", stack, "--non-interactive", *packs], show=False, more={REPORT: str(pack.report)})
        return "\n".join(filter(None, (ran.stdout.strip(), ran.stderr.strip()))) or "pulumi preview failed" if ran.returncode else ""

    def deployment(self, stack: str) -> dict[str, Any]:
        exported = json.loads(self._asked("stack", "export", "--stack", stack, "--show-secrets"))
        return dict(exported.get("deployment") or {})

    def forget(self, stack: str) -> None:
        self._asked("stack", "rm", stack, "--yes", "--preserve-config")

    def _asked(self, *arguments: str) -> str:
        ran = self._pulumi([*arguments, "--non-interactive"], show=False)
        if ran.returncode:
            raise CliError(f"pulumi {' '.join(arguments)} failed (exit {ran.returncode}): {self._words(ran)}")
        return ran.stdout

    def _pulumi(self, arguments: list[str], show: bool, more: Mapping[str, str] | None = None) -> Ran:
        place = None if show else subprocess.PIPE
        variables = {**self._variables, **(more or {})}
        return subprocess.run(["pulumi", *arguments], cwd=self._root, env=variables, stdout=place, stderr=place, text=True, check=False)

    @staticmethod
    def _words(ran: Ran) -> str:
        return (ran.stderr or ran.stdout or "see above").strip()


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """What the engine's children are told by their environment, for as long as the block runs."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


def _failed(what: str, result: Result) -> CliError:
    told = "" if not result.errors else f": {result.errors[-1].strip()}"
    return CliError(f"{what} failed{told}\nWhat was done is recorded: mend the cause and run it again, it goes on from there")


class Embedded:
    """The engine that comes with the product."""

    def __init__(self, root: Path, places: StackPlaces, variables: Mapping[str, str]) -> None:
        self._root, self._places, self._variables = root, places, variables

    def run(self, verb: Verb, stack: str, progress: Progress, ask: bool = False, diff: bool = False) -> Applied:
        from domicile import engine
        from domicile.engine import display

        with ending_on(engine.EngineError):
            opened = self._stack(stack)
            if not opened.exists:
                opened.init()
            if ask:
                self._ask(verb, opened, progress, diff)
            result = self._apply(verb, opened, progress, tried=ask)
        if result.exit_code:
            raise _failed(verb, result)
        if diff and not ask:
            display.print_diff(result, sys.stdout)
        return Applied(result.summary, result.shown_outputs())

    def _ask(self, verb: Verb, stack: Stack, progress: Progress, diff: bool) -> None:
        """Go on only with a yes to what would be done; `CliError` otherwise, with nothing touched."""
        from domicile.engine import destroy, display, preview

        with progress.operation(planned=True) as watch:
            planned = preview(stack, watch, refresh=True) if verb == "up" else destroy(stack, watch, preview_only=True)
        if planned.exit_code:
            raise _failed(f"preview of {verb}", planned)
        with progress.paused():
            display.report(planned, "Resources", sys.stdout, diff, planned=True)
            agreed = display.confirmed(verb, lambda: display.print_diff(planned, sys.stdout))
        if not agreed:
            raise CliError(f"{verb}: not confirmed; nothing was changed")

    def _apply(self, verb: Verb, stack: Stack, progress: Progress, tried: bool) -> Result:
        """An interrupted run leaves its lock and what it may have begun; this one takes over. `tried`: a preview went well."""
        from domicile import engine

        with progress.operation(planned=verb == "preview") as watch:
            if verb == "preview":
                return engine.preview(stack, watch)
            if verb == "refresh":
                return engine.refresh(stack, watch, break_dead_lock=True, clear_pending_creates=True)
            if verb == "destroy":
                return engine.destroy(stack, watch, break_dead_lock=True)
            # looked at first: what was killed or changed by hand since the last run is put right
            result = engine.up(stack, watch, refresh=True, break_dead_lock=True, preview_first=not tried)
            if not result.exit_code and stack.backend.read(stack.project.name, stack.name).get("pending_operations"):
                # every create is idempotent and has now been done again, so what was pending is in the state
                engine.refresh(stack, watch, clear_pending_creates=True)
            return result

    def judged(self, stack: str, progress: Progress, pack: Pack) -> str:
        from domicile import engine

        with ending_on(engine.EngineError):
            opened = self._stack(stack)
            if not opened.exists:
                opened.init()
            with _variable(REPORT, str(pack.report)):
                result = engine.preview(opened, progress.event, policy_packs=[engine.PolicyPack(pack.folder, pack.config)])
        return "\n".join(result.errors) or "the preview failed" if result.exit_code else ""

    def deployment(self, stack: str) -> dict[str, Any]:
        from domicile import engine

        with ending_on(engine.EngineError):
            opened = self._stack(stack)
            return dict(opened.export(show_secrets=True).get("deployment") or {}) if opened.exists else {}

    def forget(self, stack: str) -> None:
        opened = self._stack(stack)
        opened.backend.remove(opened.project.name, opened.name)
        self._places.stack_config.unlink(missing_ok=True)

    def _stack(self, stack: str) -> Stack:
        from domicile.engine import Project, Stack
        from domicile.engine.state.crypter import passphrase_from

        project = Project.load(self._root)
        self._copy_config(project.config_folder / self._places.stack_config.name)
        kept = replace(project, config_folder=self._places.stack_config.parent)
        return Stack.of(kept, stack, self._variables["PULUMI_BACKEND_URL"], passphrase_from(dict(self._variables)))

    def _copy_config(self, source: Path) -> None:
        """The engine writes a salt into the file it is given; the project's own file, which others share, stays as it is."""
        import yaml

        copy, text = self._places.stack_config, source.read_text("utf-8")
        kept = (yaml.safe_load(copy.read_text("utf-8")) or {}).get(_SALT) if copy.exists() else None
        if kept and _SALT not in (yaml.safe_load(text) or {}):
            text = f"{_SALT}: {kept}\n{text}"
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        partial = copy.with_suffix(".partial")
        partial.write_text(text, "utf-8")
        partial.replace(copy)
