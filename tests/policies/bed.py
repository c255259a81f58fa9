"""Where a policy pack is tried: a project, a stack on the embedded engine, provider doubles for every cloud, and the pack's own report."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from domicile.engine import PolicyPack, Project, Result, Stack, preview, up
from domicile.rehearsal import Rehearsal
from domicile_policies.findings import VARIABLE, Findings

HERE = Path(__file__).parent
PACK = HERE.parents[1] / "policies"
PROGRAMS = HERE / "programs"
STATES = ("passing", "failing", "unknown")
CLOUDS = tuple(name for name in ("aws", "kubernetes", "cloudflare") if find_spec(f"pulumi_{name}"))
"""Those whose SDK is installed: a fixture that imports another fails by that."""
_ADVISORY = {"all": "advisory"}
"""So that nothing stops the preview before the whole stack is judged: which rules speak is what is looked at."""


@dataclass(frozen=True)
class Judged:
    """What a preview or an update with a pack came to."""

    result: Result
    findings: Findings

    def told(self, rule: str, prefix: str = "") -> list[str]:
        """What this rule says of resources whose name begins so."""
        return [f"{f.name}: {f.path}: {f.message}" for f in self.findings.findings if f.rule == rule and f.name.startswith(prefix)]


class Bed:
    """One project in a folder of its own. `patch` is a MonkeyPatch that lasts as long as it."""

    def __init__(self, root: Path, patch) -> None:
        self.root = root / "project"
        self.root.mkdir(parents=True)
        (root / "backend").mkdir()
        (self.root / "Pulumi.yaml").write_text("name: tried\nruntime: python\nconfig:\n  aws:region: ap-northeast-1\n")
        self.rehearsal = Rehearsal(root / "rehearsal")
        self.report = root / "findings.json"
        for key, value in {**self.rehearsal.plugins(*CLOUDS), VARIABLE: str(self.report)}.items():
            patch.setenv(key, value)
        self.stack = Stack.of(Project.load(self.root), "dev", f"file://{root / 'backend'}", "passphrase")
        self.stack.init()

    def config(self, document: object) -> Path:
        path = self.root / "rules.json"
        path.write_text(json.dumps(document))
        return path

    def preview(self, program: str, config: object = None, pack: Path = PACK) -> Judged:
        return self._run(preview, program, config, pack)

    def up(self, program: str, config: object = None, pack: Path = PACK) -> Judged:
        return self._run(lambda *args, **more: up(*args, preview_first=False, **more), program, config, pack)

    def _run(self, operation, program: str, config: object, pack: Path) -> Judged:
        (self.root / "__main__.py").write_text(program)
        self.report.unlink(missing_ok=True)
        asked = PolicyPack(pack, None if config is None else self.config(config))
        result = operation(self.stack, policy_packs=[asked])
        return Judged(result, Findings.read(self.report))

    def batch(self, modules: list[str], state: str) -> Judged:
        """One preview with these fixtures in this state. Fails with the engine's errors if the program or a provider refuses one."""
        calls = "\n".join(f"import {module}\n{module}.{state}(At({module!r}))" for module in modules)
        judged = self.preview(f"import sys\nsys.path[:0] = {[str(PROGRAMS), str(HERE)]!r}\nfrom at import At\n{calls}\n", _ADVISORY)
        assert not judged.result.errors, "\n".join(judged.result.errors)
        assert judged.findings.complete
        return judged


@dataclass(frozen=True)
class Fixture:
    """A rule's program, `programs/dom_net_001.py`, and what it says of itself."""

    module: str
    functions: frozenset[str]
    undecided: bool
    """Whether the rule can't decide its unknown state, and so must speak."""
    alone: bool

    @property
    def rule(self) -> str:
        return self.module.upper().replace("_", "-")

    @property
    def concern(self) -> str:
        return self.module.split("_")[1]


def fixtures() -> list[Fixture]:
    """All of them, read without running them."""
    return [_fixture(file) for file in sorted(PROGRAMS.glob("dom_*.py"))]


def _fixture(file: Path) -> Fixture:
    body = ast.parse(file.read_text()).body
    assigned = {
        n.targets[0].id: ast.literal_eval(n.value)
        for n in body
        if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name) and n.targets[0].id in ("UNKNOWN", "ALONE")
    }
    functions = frozenset(n.name for n in body if isinstance(n, ast.FunctionDef))
    unknown = assigned.get("UNKNOWN")
    assert unknown in ("decided", "undecided"), f'{file.name}: say `UNKNOWN = "decided"` or `"undecided"`'
    return Fixture(file.stem, functions, unknown == "undecided", bool(assigned.get("ALONE")))
