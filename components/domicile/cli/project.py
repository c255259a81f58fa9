"""Finds the project, a stack's configuration file and its places, for all verbs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domicile.cli.exit import CliError, ExitCode, wrong_input
from domicile.places import PlacesError, StackPlaces

if TYPE_CHECKING:
    from domicile.config import PerimeterConfig

Stack = Annotated[str, typer.Argument(help="The stack: its configuration is stacks/Pulumi.STACK.yaml.", envvar="DOMICILE_STACK")]
Environment = Annotated[
    str | None, typer.Option("--environment", metavar="NAME", help="Of which environment, in a stack with several: its name there.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead, for machines.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask. Needed where there is no terminal.")]
Diff = Annotated[bool, typer.Option("--diff", help="Show what changes property by property.")]

CHECKOUT = Path(__file__).resolve().parents[3]


def root() -> Path:
    """The project's folder: the nearest one, from the working folder upwards, whose Pulumi.yaml names it; else this package's own."""
    here = Path.cwd()
    for folder in (here, *here.parents, CHECKOUT):
        file = folder / "Pulumi.yaml"
        if file.is_file() and "name: domicile\n" in file.read_text("utf-8", "replace"):
            return folder
    raise wrong_input(f"no project in {here} or above: run this in the folder that has its Pulumi.yaml")


def places(stack: str) -> StackPlaces:
    """The stack's places; wrong input for a name or root that can't be used."""
    try:
        return StackPlaces.of(stack)
    except PlacesError as error:
        raise wrong_input(str(error)) from error


def configuration(stack: str, as_json: bool = False) -> PerimeterConfig:
    """The stack's whole configuration, validated before anything else is done; wrong input with all faults otherwise."""
    from domicile.config import ConfigError, from_file

    places(stack)
    file = root() / "stacks" / f"Pulumi.{stack}.yaml"
    try:
        return from_file(file, stack)
    except ConfigError as error:
        raise CliError(str(error), ExitCode.WRONG_INPUT, error.as_json(), as_json) from error


def platform(stack: str) -> str:
    """The platform that the stack's file names, `local` where there is none: for verbs that also look at what a broken file left."""
    import yaml

    places(stack)
    file = root() / "stacks" / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        return "local"
    try:
        found = yaml.safe_load(file.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return "local"
    config = found.get("config") if isinstance(found, dict) else None
    return str(config.get("domicile:platform", "local")) if isinstance(config, dict) else "local"


def one_of(config: PerimeterConfig, environment: str | None) -> PerimeterConfig:
    """What is in force for the environment that is meant; wrong input for one that the stack hasn't, and for none where it has several."""
    known = config.served
    if environment is None and "" in known:
        return config
    if environment is None:
        raise wrong_input(f"stack {config.stack} serves several environments: say which with --environment, of {', '.join(known)}")
    if not environment or environment not in known:
        has = ", ".join(name for name in known if name) or "one environment, which has no name here: leave --environment out"
        raise wrong_input(f"--environment {environment}: stack {config.stack} has {has}")
    return known[environment]


def fitting_machine(config: PerimeterConfig, as_json: bool = False) -> None:
    """Wrong input when this machine lacks what the configuration asks of it; a region's worker hosts are other machines."""
    if config.platform != "local":
        return
    from domicile.config import ConfigError
    from domicile.worker_hosts.runtime import check_runtime

    try:
        check_runtime(config)
    except ConfigError as error:
        raise CliError(str(error), ExitCode.WRONG_INPUT, error.as_json(), as_json) from error
