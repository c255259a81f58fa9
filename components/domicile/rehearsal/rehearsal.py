"""A rehearsal: a folder with a cloud on disk and the plugins that answer from it, in place of a provider's own."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from domicile.rehearsed import MARK

from . import calls, principal
from .calls import Call
from .cloud import Cloud, Thing
from .double import Double
from .faults import Fault, Faults
from .kinds import Place
from .packages import package
from .schema import Schema
from .world import GLOBAL


class Rehearsal:
    """`folder` gets `home/` (a PULUMI_HOME with plugins) and `cloud/`; it may exist, and then goes on from where it was.

        rehearsal = Rehearsal(folder)
        os.environ |= rehearsal.plugins("aws")
        up(stack)
        rehearsal.cloud.edit(rehearsal.cloud.thing("SecurityGroup", "workers"), description="by hand")
        refresh(stack)

    With `PULUMI_HOME` set so, neither Pulumi's CLI nor the embedded engine can reach the real provider: they start what is there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.home = self.folder / "home"
        self.cloud = Cloud(self.folder / "cloud")
        self.cloud.folder.mkdir(parents=True, exist_ok=True)
        self._faults = Faults(self.cloud)

    def plugins(self, *packages: str) -> dict[str, str]:
        """Make the executables of these providers (default: aws), of the versions installed; returns the environment that finds them."""
        for name in packages or ("aws",):
            schema = Schema(package(name).module)
            place = self.home / "plugins" / f"resource-{name}-v{schema.version}"
            place.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-P", "-m", "domicile.rehearsal", name, str(self.cloud.folder)]
            fresh = place / f".pulumi-resource-{name}"
            fresh.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
            fresh.chmod(0o755)
            fresh.replace(place / f"pulumi-resource-{name}")
        (self.home / MARK).write_text(str(self.cloud.folder), "utf-8")
        return {"PULUMI_HOME": str(self.home), "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}

    def add(self, token: str, name: str, region: str, inputs: dict[str, Any], id_: str = "", account: str = "") -> Thing:
        """Put a thing into the cloud that no stack made: what a team brings along. It is held to the same rules as a stack's own.

        `id_` gives it the id that it has in the team's account; else it gets one. `account`: another than that of the calls. Raises
        ValueError for what would be refused.
        """
        tables = package(token.partition(":")[0])
        double = Double(tables, Schema(tables.module), self.cloud, outside=True)
        account = account or self.cloud.account
        double.settle(account, region)
        urn = f"urn:pulumi:outside::outside::{token}::{name}"
        checked, faults = double.check(urn, {}, inputs, b"")
        if faults:
            raise ValueError("; ".join(f"{f.path}: {f.reason}" for f in faults))
        made, _ = double.create(urn, checked, id_)
        place = Place(self.cloud, account, GLOBAL if tables.kind(token).everywhere else region)
        thing = self.cloud.get(account, place.region, token, made)
        assert thing is not None  # noqa: S101 it was just made
        return thing

    def fault(self, *faults: Fault) -> None:
        """Replace the fault plan; with nothing, clear it."""
        self._faults.plan(*faults)

    def faults_left(self) -> list[Fault]:
        """What of the plan hasn't struck yet."""
        return [f for f in self._faults.planned() if f.times > 0]

    def hanging(self) -> str:
        """The call that hangs by the plan: `create of aws:ec2/vpc:Vpc vpc`; empty if none does yet."""
        return self._faults.hanging()

    def principal(self, *documents: dict[str, Any]) -> None:
        """From now on the double refuses what these identity policies don't allow; with none, all is allowed."""
        principal.settle(self.cloud.folder, documents)

    def calls(self) -> list[Call]:
        """Every action that the stacks would have asked the services for, in order."""
        return calls.read(self.cloud.folder)
