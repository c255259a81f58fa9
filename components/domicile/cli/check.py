"""`domicile check`: may this stack be applied? Its configuration, then its preview or its state, under the policy pack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domicile.cli.exit import CliError, ExitCode, print_json, wrong_input
from domicile.cli.project import Json, Stack, configuration

if TYPE_CHECKING:
    from domicile.config import PerimeterConfig
    from domicile_policies.findings import Findings

Only = Annotated[bool, typer.Option("--configuration", help="Validate the configuration and go no further: nothing is touched.")]
Live = Annotated[
    bool, typer.Option("--live", help="Judge the stack's state instead of a preview: what has been applied. Run `domicile refresh` first.")
]
Rehearse = Annotated[
    bool,
    typer.Option("--rehearse", help="Preview on the double of the cloud's provider: needs no account, and nothing of the stack's state."),
]
Policies = Annotated[
    Path | None,
    typer.Option(
        "--policies", help="The pack's configuration: levels, parameters, exceptions. Default: stacks/policies.STACK.json, if there."
    ),
]
Sarif = Annotated[Path | None, typer.Option("--sarif", help="Write the findings into this file as SARIF 2.1.0, for code hosts.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write them into this file as a page: residency map, control coverage.")]


def check(
    stack: Stack = "local", only: Only = False, live: Live = False, rehearse: Rehearse = False, policies: Policies = None,
    sarif: Sarif = None, html: Html = None, json: Json = False,
) -> None:  # fmt: skip
    """Say whether a stack may be applied: validate its configuration, preview it, and hold every resource to the policy pack.

    The preview is the real one: a region's stack with the provider and the credentials that `up` would use. Where there is no account,
    --rehearse puts the provider's double in its place. Nothing is made or changed. Every fault of the configuration is listed with its
    path, its value, what is allowed and the fix; every violation with its rule, its resource and the fix. What can't be decided in a
    preview is a violation too. An exception to a rule has a reason, an owner and a last day, in the pack's configuration.

    Exit codes: 0 no violation (advisory findings may be listed); 1 a violation, or the preview failed; 2 the stack's configuration or the
    pack's is wrong, and nothing was touched.
    """
    config = configuration(stack, json)
    if only:
        _show_configuration(stack, config, json)
        return
    refuse_what_cant_be(stack, config, live, rehearse, [file for file in (sarif, html) if file])
    from domicile.cli.judging import judged

    findings, failure = judged(stack, live, rehearse, policies, json)
    _write(findings, sarif, html, config)
    if json:
        print_json(_document(findings, failure, config))
    else:
        _show_configuration(stack, config, False)
        _print(findings)
    if failure or findings.failing:
        violations = f"stack {stack}: {len(findings.failing)} violations of the policy pack"
        raise CliError(failure or violations, ExitCode.FAILED)


def refuse_what_cant_be(stack: str, config: PerimeterConfig, live: bool, rehearse: bool, files: list[Path]) -> None:
    """Options that exclude each other, and files whose folder isn't there. Raises `CliError`."""
    if live and rehearse:
        raise wrong_input("--live and --rehearse: a rehearsal has no live state; give one of them")
    if rehearse and config.platform != "aws":
        raise wrong_input(f"--rehearse: stack {stack} is of platform {config.platform}, whose preview needs no account; leave it out")
    for file in files:
        if not file.absolute().parent.is_dir():
            raise wrong_input(f"{file}: there is no folder {file.absolute().parent}; make it, or name another place")


def _write(findings: Findings, sarif: Path | None, html: Path | None, config: PerimeterConfig) -> None:
    from domicile.config import residency_manifest
    from domicile_policies.report import html as page
    from domicile_policies.report import sarif as log

    def write(file: Path | None, content: Callable[[], str]) -> None:
        try:
            if file:
                file.write_text(content(), "utf-8")
        except OSError as error:
            raise CliError(f"{file}: {error.strerror}; name a file that you may write") from error

    write(sarif, lambda: log.text(findings))
    write(html, lambda: page.text(findings, residency_manifest(config, findings.stack).properties))


def _document(findings: Findings, failure: str, config: PerimeterConfig) -> dict[str, object]:
    passed = not failure and not findings.failing
    return {"passed": passed, "failure": failure, **findings.as_json(), "configuration": config.model_dump(mode="json", by_alias=True)}


def _print(findings: Findings) -> None:
    from rich.console import Console

    from domicile_policies.report import terminal

    terminal.text(findings, Console(highlight=False))


def _show_configuration(stack: str, config: PerimeterConfig, json: bool) -> None:
    if json:
        print_json(config.model_dump(mode="json", by_alias=True))
        return
    rules = sum(len(served.egress.rules) for served in config.served.values())
    print(f"stack {stack}: the configuration is right")
    print(
        f"  {config.platform}, jurisdiction {config.jurisdiction}, control plane {config.control_plane.kind} ({config.control_plane.url})"
    )
    for name, served in config.served.items():
        host, known = served.worker_host, served.only_environment.shown
        whose = f"environment {name} ({known})" if name else f"environment {known}"
        print(f"  {whose}, {host.capacity} sessions at once, {host.warm} sandboxes warm")
    if config.aws:
        zones, account = ", ".join(config.aws.zones), config.aws.account
        print(f"  AWS {config.aws.region} ({zones}), account {account}; where data lies: `domicile residency {stack}`")
    print(f"  egress: {rules} {'rule' if rules == 1 else 'rules'}; audit sinks beside the archive: {len(config.audit.sinks)}")
