"""Where a rehearsal plays: a copy of the project in a temporary folder, a cloud on disk beside it, and the stack on the embedded engine."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from domicile.config import PerimeterConfig, from_file
from domicile.control_plane.operator import CREDENTIALS
from domicile.engine import Event, Project, Result, Stack

from ..cloud import Thing
from ..images import TOKEN as PUSHED_IMAGE
from ..rehearsal import Rehearsal
from .brought import bring_along
from .report import StageFailed

_NOBODYS_KEY = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1B/PGNpdZAQY9msnHgDj3ytcJ1Qh
ntDdmFOy0YDRuzV1dXFGDNdvLS0JCAVG/hzp05HeJv2at8to4tL1rwevJA==
-----END PUBLIC KEY-----
"""
STAND_IN_IMAGES = {
    **{name: "sha256:" + letter * 64 for name, letter in (("sandbox", "a"), ("host", "b"), ("egress", "c"))},
    "signingKey": _NOBODYS_KEY,
}
"""Digests that no image has, and whose key: for a stack whose images aren't pushed yet, so that its machines are rehearsed too."""

KEY_VARIABLE = "ANTHROPIC_ENVIRONMENT_KEY"
"""As an operator may have the environment key in the shell."""

STAND_IN_ENVIRONMENT = "env_rehearsal"
"""In the place of an environment that the stack would make at the control plane: a rehearsal reaches nobody."""

_FOREIGN = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK", *CREDENTIALS)


@dataclass
class Scene:
    """One stack in a folder of its own. `tell` hears of steps within a stage."""

    name: str
    root: Path
    rehearsal: Rehearsal
    passphrase: str = field(repr=False)
    tell: Callable[[str], None] = field(default=lambda _: None, repr=False)
    notes: list[str] = field(default_factory=list)
    canary: str = field(default_factory=lambda: f"canary-{secrets.token_hex(16)}", repr=False)
    """Stands for the environment key: what may be read nowhere."""
    _brought: frozenset[str] = frozenset()

    @classmethod
    @contextmanager
    def of(cls, project: Path, name: str, tell: Callable[[str], None] = lambda _: None) -> Iterator[Self]:
        """The stack as `project` has it, not yet applied. Its folder and the process's environment are as before when this ends."""
        with tempfile.TemporaryDirectory(prefix="domicile-rehearsal-") as folder:
            root = Path(folder)
            shutil.copytree(project / "stacks", root / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
            shutil.copy(project / "Pulumi.yaml", root)
            (root / "backend").mkdir()
            scene = cls(name, root, Rehearsal(root / "rehearsal"), secrets.token_urlsafe(16), tell)
            values = {"PULUMI_CONFIG_PASSPHRASE": scene.passphrase, KEY_VARIABLE: scene.canary}
            with _environment({**scene.rehearsal.plugins("aws"), **values}):
                scene._fill_in()
                scene.stack.init()
                yield scene

    def _fill_in(self) -> None:
        config = self.config()
        aws = config.aws
        if any(served.only_environment.name is not None for served in config.served.values()):
            self._tell_ids()
            self.notes.append("the environment at the control plane is not made, adopted or changed: the stack is told an id instead")
        if aws is not None and aws.tunnel is not None:
            self._leave_out_the_tunnel()
            self.notes.append("the MCP tunnel is left out: it is made at the control plane")
        if aws is not None and aws.images is None:
            self.configure({"images": STAND_IN_IMAGES})
            self.notes.append("no images are configured yet: the machines are rehearsed with stand-in digests")
        if aws is not None:
            self.rehearsal.cloud.belong(aws.account)
            self._bring_along()

    def _bring_along(self) -> None:
        bring_along(self.rehearsal, self.config())
        there = self.rehearsal.cloud.things()
        self._brought = frozenset(thing.key for thing in there)
        if there:
            kinds = Counter(thing.token.rpartition(":")[2] for thing in there)
            counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            self.notes.append(f"what the configuration says is there already is stood in for: {counted}")

    def _tell_ids(self) -> None:
        """In the place of names, of which only the control plane knows the ids."""
        content = yaml.safe_load(self.file.read_text("utf-8"))["config"]
        for section in ("environment", "environments"):
            if value := content.get(f"domicile:{section}"):
                every = {"": value} if section == "environment" else value
                told = {name: _by_id(name, each) for name, each in every.items()}
                self._write(f"domicile:{section}", told[""] if section == "environment" else told)

    def _leave_out_the_tunnel(self) -> None:
        """With the exception that it needs, which would except nothing."""
        residency = dict(yaml.safe_load(self.file.read_text("utf-8"))["config"].get("domicile:residency") or {})
        kept = [each for each in residency.get("exceptions", []) if not str(each.get("property")).startswith("aws.tunnel")]
        self._write("domicile:residency", {**residency, "exceptions": kept})
        self.configure({"tunnel": None})

    @property
    def file(self) -> Path:
        return self.root / "stacks" / f"Pulumi.{self.name}.yaml"

    @property
    def backend_url(self) -> str:
        return f"file://{self.root / 'backend'}"

    @property
    def stack(self) -> Stack:
        return Stack.of(Project.load(self.root), self.name, self.backend_url, self.passphrase)

    @property
    def state_bytes(self) -> int:
        return len(self.state_file.read_bytes())

    @property
    def state_file(self) -> Path:
        return self.root / "backend" / ".pulumi" / "stacks" / "domicile" / f"{self.name}.json"

    def config(self) -> PerimeterConfig:
        return from_file(self.file)

    def record(self, event: Event) -> None:
        """Keep what an operation says, as a terminal or a CI log would."""
        with (self.root / "log").open("a") as log:
            log.write(f"{event.kind} {event.op} {event.urn} {event.message}\n")

    def configure(self, sections: dict[str, Any]) -> None:
        """Set keys of `domicile:aws`; a mapping is merged into what is there."""
        place = dict(yaml.safe_load(self.file.read_text("utf-8"))["config"]["domicile:aws"])
        for name, value in sections.items():
            place[name] = {**place.get(name, {}), **value} if isinstance(value, dict) else value
        self._write("domicile:aws", place)

    def _write(self, section: str, value: dict[str, Any]) -> None:
        content = yaml.safe_load(self.file.read_text("utf-8"))
        content["config"][section] = value
        self.file.write_text(yaml.safe_dump(content), "utf-8")

    def resources(self) -> list[dict[str, Any]]:
        """The state's resources, as they stand in the file."""
        found: list[dict[str, Any]] = self.stack.export()["deployment"].get("resources") or []
        return found

    def unrecorded(self) -> list[Thing]:
        """What the stack has in the cloud, and in no state. Images aren't looked at: earlier releases stay in their repository, and one
        whose push was killed is found there by the next."""
        known = {(r["type"], r.get("id")) for r in self.resources()}
        return [t for t in self.things() if (t.token, t.id) not in known and t.token != PUSHED_IMAGE]

    def inventory(self) -> list[tuple[str, str]]:
        """Everything in the cloud by type and resource; of an image all releases together."""
        things = self.things()
        images = {(t.token, t.name) for t in things if t.token == PUSHED_IMAGE}
        return sorted([*images, *((t.token, t.name) for t in things if t.token != PUSHED_IMAGE)])

    def things(self) -> list[Thing]:
        """Everything in the cloud but what was there before the stack."""
        return [thing for thing in self.rehearsal.cloud.things() if thing.key not in self._brought]


def _by_id(name: str, environment: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in environment.items() if key not in ("name", "description")}
    suffix = f"_{name.replace('-', '_')}" if name else ""
    return {**kept, "id": environment.get("id") or f"{STAND_IN_ENVIRONMENT}{suffix}"}


def done(result: Result, what: str) -> Result:
    """The result of an operation that went well; StageFailed with the engine's errors otherwise."""
    if result.exit_code:
        raise StageFailed(f"{what} failed: " + ("; ".join(error.strip() for error in result.errors[-3:]) or "the engine gave no reason"))
    return result


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """The process's environment with these values, and without what leads to another stack's state or opens the control plane."""
    before = {key: os.environ.get(key) for key in (*values, *_FOREIGN)}
    for key in _FOREIGN:
        os.environ.pop(key, None)
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value
