"""What the tests say the engine does as Pulumi's own does it, and what it refuses: the lists of `docs/ENGINE.md`.

The tables are read from the test files' source: to list them, nothing needs to run.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "ENGINE.md"
BEGIN, END = "<!-- from the tests, by `python tests/engine` -->", "<!-- end of what comes from the tests -->"


def table(file: str, name: str) -> Any:
    """The literal that `name` is set to at the top of a test file."""
    for node in ast.parse((HERE / file).read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
            return ast.literal_eval(node.value)
    raise LookupError(f"{file} has no table {name}")


def lists() -> str:
    """The generated part of the document."""
    agrees = table("test_recordings.py", "AGREES")
    lines = [f"### The same as Pulumi's own engine: {len(agrees)} recordings", ""]
    lines += ["| recording | steps | what it holds |", "| --- | --- | --- |"]
    for name in sorted(agrees):
        about, steps = _recording(name)
        lines.append(f"| {name} | {steps} | {about} |")
    lines += ["", "### Refused, before anything is touched", "", "| asked for | as in |", "| --- | --- |"]
    lines += [f"| {feature} | `{_last_line(program)}` |" for feature, program in sorted(table("test_refusals.py", "REFUSED").items())]
    for kind, of in (("verb", "REFUSED_VERBS"), ("flag", "REFUSED_FLAGS")):
        lines += ["", f"The {kind}s {', '.join(f'`{each}`' for each in table('test_refusals.py', of))}: each says what to use instead."]
    return "\n".join(lines)


def with_lists(text: str, generated: str) -> str:
    """The document with its generated part replaced. Raises `ValueError` where the marks are missing."""
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{DOCUMENT.name}: the marks {BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n\n{generated}\n\n{END}{after}"


def _recording(name: str) -> tuple[str, int]:
    told = json.loads((HERE / "recordings" / name / "steps.json").read_text("utf-8"))
    return told["about"].replace("|", "\\|"), len(told["steps"])


def _last_line(program: str) -> str:
    return program.strip().splitlines()[-1].replace("|", "\\|")
