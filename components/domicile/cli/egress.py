"""`domicile egress prove`: everything that a stack's sandboxes can reach, hop by hop, held against what is declared."""

from __future__ import annotations

import json as texts
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domicile.cli.check import Live, Policies, Rehearse, refuse_what_cant_be
from domicile.cli.exit import CliError, ExitCode, print_json
from domicile.cli.project import Json, Stack, configuration

if TYPE_CHECKING:
    from domicile_policies.findings import Findings

RULE = "DOM-EGR-100"
app = typer.Typer(help="Prove what may leave.", no_args_is_help=True)
Picture = Annotated[Path | None, typer.Option("--picture", help="Write the ways into this file as a graph in Mermaid's language.")]


@app.callback()
def group() -> None:
    """Prove what may leave."""


@app.command()
def prove(
    stack: Stack = "local", live: Live = False, rehearse: Rehearse = False, policies: Policies = None, picture: Picture = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Compute from a preview everything that a sandbox can reach, and hold it against the stack's allowlist.

    Each way is shown hop by hop: packet filter, proxy, security group, route, endpoint and its policy, balancer, second door. What isn't
    declared is a finding with the way that leads there; so is what can't be decided. What the proof takes for granted is listed with what
    guards it. docs/EGRESS_PROOF.md says what it is and isn't. Nothing is made or changed.

    Exit codes: 0 proven; 1 not proven, or the preview failed; 2 the stack's configuration or the pack's is wrong.
    """
    config = configuration(stack, json)
    refuse_what_cant_be(stack, config, live, rehearse, [picture] if picture else [])
    from domicile.cli.judging import judged

    with _asked_for() as file:
        findings, failure = judged(stack, live, rehearse, policies, json)
        if not file.exists():
            raise CliError(f"nothing is proven: {failure or f'{RULE} is disabled'}")
        proof = texts.loads(file.read_text("utf-8"))
    _show(stack, proof, _standing(findings), picture, json)
    if failure or (not proof["holds"] and _standing(findings)):
        raise CliError(failure or f"stack {stack}: sandboxes can reach what isn't declared", ExitCode.FAILED)


@contextmanager
def _asked_for() -> Iterator[Path]:
    """Where the rule leaves its proof; under either engine it inherits the environment."""
    from domicile_policies.reach import PROOF_VARIABLE

    with tempfile.TemporaryDirectory(prefix="domicile-prove-") as folder:
        file = Path(folder) / "proof.json"
        os.environ[PROOF_VARIABLE] = str(file)
        try:
            yield file
        finally:
            del os.environ[PROOF_VARIABLE]


def _standing(findings: Findings) -> bool:
    """Whether any violation of the rule is left that no exception covers."""
    return any(finding.rule == RULE for finding in findings.findings)


def _show(stack: str, proof: dict[str, Any], standing: bool, picture: Path | None, json: bool) -> None:
    from domicile_policies.reach import show

    if picture:
        try:
            picture.write_text("\n".join(show.mermaid(proof)) + "\n", "utf-8")
        except OSError as error:
            raise CliError(f"{picture}: {error.strerror}; name a file that you may write") from error
    if json:
        print_json({"stack": stack, "excepted": not proof["holds"] and not standing, **proof})
        return
    print("\n".join(show.text(proof, f"stack {stack}")))
    if not proof["holds"] and not standing:
        print("\nEach finding is covered by an exception of the pack's configuration.")
