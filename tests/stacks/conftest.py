"""A region stack as a team has it, this project's own program and configuration, on the embedded engine and a provider double."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from domicile.cli.tunnel import authority
from domicile.config import PerimeterConfig, from_file
from domicile.engine import Project, Result, Stack, destroy, preview, refresh, up
from domicile.rehearsal import Rehearsal, Thing
from domicile.rehearsal.stages.scene import STAND_IN_IMAGES

from .policy_lint import documents
from .stand_in import StandIn, stand_in

PROJECT = Path(__file__).parents[2]
PASSPHRASE = "correct-horse"


@dataclass
class RegionStack:
    """One stack in a folder of its own."""

    name: str
    root: Path
    rehearsal: Rehearsal

    @property
    def file(self) -> Path:
        return self.root / "stacks" / f"Pulumi.{self.name}.yaml"

    def config(self) -> PerimeterConfig:
        return from_file(self.file)

    @property
    def stack(self) -> Stack:
        return Stack.of(Project.load(self.root), self.name, f"file://{self.root / 'backend'}", PASSPHRASE)

    def configure(self, **sections: object) -> None:
        """Set keys of `domicile:aws`, or with `domicile_KEY` of the configuration itself."""
        content = yaml.safe_load(self.file.read_text())
        config = content["config"]
        for key, value in sections.items():
            own = key.startswith("domicile_")
            place, name = (config, f"domicile:{key[9:]}") if own else (config["domicile:aws"], key)
            place[name] = {**place.get(name, {}), **value} if isinstance(value, dict) else value
        self.file.write_text(yaml.safe_dump(content))

    def replace(self, key: str, value: object) -> None:
        """Set a key of the configuration itself, whatever it held."""
        content = yaml.safe_load(self.file.read_text())
        content["config"][f"domicile:{key}"] = value
        self.file.write_text(yaml.safe_dump(content))

    def remove(self, key: str) -> None:
        """Take a key of the configuration away."""
        content = yaml.safe_load(self.file.read_text())
        del content["config"][f"domicile:{key}"]
        self.file.write_text(yaml.safe_dump(content))

    def excepted(self, path: str) -> None:
        """Let a property lie elsewhere for a month."""
        content = yaml.safe_load(self.file.read_text())
        exceptions = content["config"].setdefault("domicile:residency", {}).setdefault("exceptions", [])
        exceptions.append(
            {"property": path, "reason": "it is tried here", "owner": "test", "expires": str(date.today() + timedelta(days=30))}
        )
        self.file.write_text(yaml.safe_dump(content))

    def up(self) -> Result:
        return up(self.stack, preview_first=False)

    def preview(self) -> Result:
        return preview(self.stack)

    def refresh(self) -> Result:
        return refresh(self.stack)

    def destroy(self) -> Result:
        return destroy(self.stack)

    def documents(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Every policy document in the state, by type and name."""
        return documents(json.loads(self.state())["checkpoint"]["latest"]["resources"])

    def state(self) -> str:
        return (self.root / "backend" / ".pulumi" / "stacks" / "domicile" / f"{self.name}.json").read_text()

    def things(self, type_: str) -> list[Thing]:
        return self.rehearsal.cloud.things(type_)

    def one(self, type_: str, name: str) -> dict[str, object]:
        """The properties of the thing of this type that this logical name made."""
        return dict(self.rehearsal.cloud.thing(type_, name).properties)

    def machine(self, noun: str) -> dict[str, Any]:
        """The Ignition configuration that a machine of this kind takes, checked by the hash in its user data as Ignition does."""
        pointer = json.loads(base64.b64decode(str(self.one("LaunchTemplate", noun)["userData"])))["ignition"]["config"]["replace"]
        stored = self.one("BucketObjectv2", noun)
        content = str(stored["content"])
        assert pointer["source"] == f"s3://{stored['bucket']}/{stored['key']}"
        assert pointer["verification"]["hash"] == "sha512-" + hashlib.sha512(content.encode()).hexdigest()
        return dict(json.loads(content))

    def machine_files(self, noun: str) -> dict[str, str]:
        """What it writes, by path."""
        found = self.machine(noun)["storage"]["files"]
        return {file["path"]: base64.b64decode(file["contents"]["source"].partition("base64,")[2]).decode() for file in found}

    def machine_units(self, noun: str) -> dict[str, str]:
        """Its systemd units by name; one that is masked is empty."""
        return {unit["name"]: unit.get("contents", "") for unit in self.machine(noun)["systemd"]["units"]}

    def policy(self, type_: str, name: str) -> dict[str, dict[str, object]]:
        """The statements of a thing's policy by their ids."""
        return {found["Sid"]: found for found in json.loads(str(self.one(type_, name)["policy"]))["Statement"]}


def project_copy(name: str, root: Path) -> Path:
    """The stack's files as they are, but for an exception's expiry, which moves with the day, so that no test ends with the year."""
    shutil.copytree(PROJECT / "stacks", root / "stacks")
    shutil.copy(PROJECT / "Pulumi.yaml", root)
    file = root / "stacks" / f"Pulumi.{name}.yaml"
    content = yaml.safe_load(file.read_text())
    for exception in content["config"].get("domicile:residency", {}).get("exceptions", []):
        exception["expires"] = str(date.today() + timedelta(days=30))
    file.write_text(yaml.safe_dump(content))
    return root


def region_stack(name: str, root: Path) -> RegionStack:
    project_copy(name, root)
    (root / "backend").mkdir()
    return RegionStack(name, root, Rehearsal(root / "rehearsal"))


def in_effect(made: RegionStack, monkeypatch: pytest.MonkeyPatch) -> RegionStack:
    for key, value in made.rehearsal.plugins("aws").items():
        monkeypatch.setenv(key, value)
    made.stack.init()
    return made


@pytest.fixture
def stacked(tmp_path, monkeypatch):
    """Makes a stack by its name."""
    return lambda name: in_effect(region_stack(name, tmp_path), monkeypatch)


@pytest.fixture(scope="session")
def images():
    """What `aws.images` may say."""
    return STAND_IN_IMAGES


@pytest.fixture
def control_plane():
    """The stand-in, serving."""
    with stand_in() as serving:
        yield serving


@pytest.fixture(scope="session")
def copied():
    """Copies the project for one stack into a folder: for commands that are run in it."""
    return project_copy


def up_with(name: str, root: Path, patch: pytest.MonkeyPatch, **sections: object) -> RegionStack:
    """The stack up with its machines and these sections of `domicile:aws`."""
    made = in_effect(region_stack(name, root), patch)
    made.configure(images=STAND_IN_IMAGES, **sections)
    result = made.up()
    assert result.exit_code == 0, result.errors
    return made


@pytest.fixture(scope="session")
def tokyo(tmp_path_factory):
    """The Tokyo stack with its machines, up: for tests that look and change nothing, and call no provider."""
    with pytest.MonkeyPatch.context() as patch:
        return up_with("tokyo", tmp_path_factory.mktemp("tokyo"), patch)


SERVERS = [
    {"name": "tickets", "host": "mcp.internal.example.com", "network": "10.20.0.0/24"},
    {"name": "wiki", "host": "wiki.internal.example.com", "port": 8443, "network": "10.20.1.0/24"},
]


@dataclass
class Whole:
    """A stack with everything that a region can have, up, and what was there when it came up."""

    region: RegionStack
    control_plane: StandIn
    result: Result
    again: Result
    """Of a preview right after."""
    authority: tuple[str, str]
    """Certificate and key of the CA that its tunnel trusts."""


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """Tokyo with its machines, an address for webhooks, a tunnel and an environment that it keeps, applied with an operator's key.

    For tests that look and change nothing. At the end it is destroyed, which archives environment and tunnel.
    """
    with stand_in() as control_plane:
        made = region_stack("tokyo", tmp_path_factory.mktemp("whole"))
        trusted = authority("domicile-tokyo")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ANTHROPIC_API_KEY", control_plane.api_key)
            in_effect(made, patch)
            made.replace("controlPlane", {"kind": "url", "url": control_plane.url})
            made.replace("environment", {"name": "tokyo"})
            made.excepted("aws.tunnel")
            made.configure(images=STAND_IN_IMAGES, scaling={"webhook": True}, tunnel={"servers": SERVERS, "authorities": [trusted[0]]})
            result = made.up()
            assert result.exit_code == 0, result.errors
            found = Whole(made, control_plane, result, made.preview(), trusted)
        yield found
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ANTHROPIC_API_KEY", control_plane.api_key)
            for key, value in made.rehearsal.plugins("aws").items():
                patch.setenv(key, value)
            destroyed = made.destroy()
        assert destroyed.exit_code == 0, destroyed.errors
        assert control_plane.ask(lambda plane: plane.tunnels.page(archived=False, limit=9, before=0)[0]) == []
        assert control_plane.ask(lambda plane: plane.environments.page(archived=False, limit=9, after=0)[0]) == []


@pytest.fixture(scope="session")
def listening(whole):
    """The same, for tests of what hears of work."""
    return whole.region
