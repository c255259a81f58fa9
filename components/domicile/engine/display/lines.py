"""An operation as lines for a log: each step as it happens, then policies, outputs and the summary. No cursor control."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Any, Self, TextIO

from ..config import Entry
from ..events import Event, Remediation, Result, Violation
from ..values import UNKNOWN
from .words import DOING, DONE, SIGNS


class Lines:
    """Writes each event as a line; errors begin with `error: `, as the CLI's do."""

    def __init__(self, out: TextIO, quiet: bool = False) -> None:
        self._out, self._quiet = out, quiet

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return

    def __call__(self, event: Event) -> None:
        if event.kind == "log":
            if event.severity != "debug":
                prefix = "" if event.severity in ("info", "output") else f"{event.severity}: "
                subject = f"{event.name}: " if event.name and event.severity != "output" else ""
                self._line(f"{prefix}{subject}{event.message}")
        elif event.policy is not None:
            pass  # they come together, at the end
        elif event.kind == "resource-failed":
            self._line(f"error: {event.op} of {event.message}")
        elif not self._quiet and event.op != "same":
            word = DOING.get(event.op, event.op)
            end = f" done ({event.seconds:.1f}s)" if event.kind == "resource-finished" else " …"
            self._line(f" {SIGNS.get(event.op, ''):2} {event.type} {event.name} {word}{end}")

    def _line(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def summary(result: Result, heading: str, out: TextIO, planned: bool = False) -> None:
    print(f"\n{heading}:", file=out)
    for op, word in DONE.items():
        if n := result.summary.get(op):
            print(f"    {SIGNS[op] + ' ' if SIGNS[op] else ''}{n} {f'to {op}' if planned and op != 'same' else word}", file=out)
    print(f"\nDuration: {result.seconds:.1f}s", file=out, flush=True)


def policies(result: Result, out: TextIO) -> None:
    """What the policy packs found, a line for each finding under its pack, the worst first."""
    found: list[tuple[Violation | Remediation, str, list[str]]] = [(v, v.level, v.message.strip().splitlines()) for v in result.violations]
    found += [(r, "remediate", [r.description]) for r in result.remediations]
    if not found:
        return
    print("\nPolicies:", file=out)
    for pack, version in sorted({(f.pack, f.version) for f, _, _ in found}):
        own = [x for x in found if (x[0].pack, x[0].version) == (pack, version)]
        worst = min((level for _, level, _ in own), key=_LEVELS.index)
        print(f"    {_LEVEL_SIGNS[worst]} {pack}@v{version}", file=out)
        for f, level, lines in sorted(own, key=lambda x: _LEVELS.index(x[1])):
            severity = f", {f.severity}" if isinstance(f, Violation) and f.severity else ""
            print(f"        - [{level}{severity}]  {f.rule}  ({f.type}: {f.name})", file=out)
            print("".join(f"          {line}\n" for line in lines), end="", file=out)


_LEVELS = ("mandatory", "remediate", "advisory")
_LEVEL_SIGNS = {"mandatory": "❌", "remediate": "✅", "advisory": "⚠️"}


def outputs(result: Result, out: TextIO) -> None:
    if result.outputs:
        print("\nOutputs:", file=out)
        for key, value in result.shown_outputs().items():
            print(f"    {key}: {'output<string>' if value == UNKNOWN else json.dumps(value, ensure_ascii=False)}", file=out)


def text_of(value: Any) -> str:
    """An output for a reader: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def config_json(entry: Entry, show_secrets: bool) -> dict[str, Any]:
    """A configuration value as the CLI's `--json` gives it: no value where it is secret and isn't to be shown."""
    if entry.secret and not show_secrets:
        return {"secret": True}
    return {"value": entry.text, **({"objectValue": json.loads(entry.text)} if entry.is_object else {}), "secret": entry.secret}


def error(message: str) -> None:
    print(f"error: {message}", file=sys.stderr, flush=True)
