"""`domicile pending`: what a killed `up` left in doubt, settled in an exported state, of any backend and either engine."""

from __future__ import annotations

import json as json_
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domicile.cli.exit import CliError, print_json, wrong_input
from domicile.cli.project import Json

if TYPE_CHECKING:
    from domicile.engine.state.in_doubt import Doubt

File = Annotated[Path, typer.Argument(help="What `pulumi stack export --file FILE` wrote; changed in place.", show_default=False)]
Made = Annotated[
    list[str] | None,
    typer.Option("--made", metavar="TYPE::NAME=ID", help="It is there, by this id: take it into the state. May be given again."),
]
Others = Annotated[bool, typer.Option("--others-not-made", help="All others aren't there: forget them.")]
_SHOWN = 6  # inputs of each, at most
_LONG = 60


def pending(file: File, made: Made = None, others_not_made: Others = False, json: Json = False) -> None:
    """List the creates that a killed `up` left in doubt, or settle them once you have looked: in an exported state.

    A thing's id is what `pulumi import` asks for. The stack itself changes when the file goes back in: `pulumi stack import --file FILE`,
    then `pulumi up --refresh`, which reads what was taken in.
    """
    from domicile.engine.errors import StateError
    from domicile.engine.state import deployment, in_doubt
    from domicile.engine.state.files import write_atomically

    try:
        latest = deployment.read(file.read_text("utf-8"), str(file))
        found = in_doubt.doubts(latest)
        if not (made or others_not_made):
            _list(file, found, json)
            return
        ids = _ids(found, made or [])
        settled = in_doubt.settled(latest, ids, others_not_made)
        left = in_doubt.doubts(settled)
        write_atomically(file, json_.dumps(deployment.export(settled), indent=4) + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{file}: {error}; name a file that you may read and write") from error
    except StateError as error:
        raise wrong_input(str(error)) from error
    if json:
        print_json({"taken_in": list(ids), "forgotten": _forgotten(found, ids, left), "in_doubt": [doubt.urn for doubt in left]})
        return
    print(f"{file}: {len(ids)} taken in, {len(_forgotten(found, ids, left))} forgotten, {len(left)} still in doubt")
    print(f"Now: pulumi stack import --file {file}, then pulumi up --refresh")


def _ids(found: list[Doubt], made: list[str]) -> dict[str, str]:
    """Id by URN. The first `=` ends the name: ids may hold one."""
    from domicile.engine.state.in_doubt import chosen

    ids: dict[str, str] = {}
    for words in made:
        said, equals, id_ = words.partition("=")
        if not equals:
            raise wrong_input(f"--made {words!r}: no id in it; write --made 'TYPE::NAME=ID'")
        doubt = chosen(found, said.strip())
        if doubt.urn in ids:
            raise wrong_input(f"--made {doubt.short}: given twice, as {ids[doubt.urn]!r} and {id_.strip()!r}; leave one out")
        ids[doubt.urn] = id_.strip()
    return ids


def _forgotten(found: list[Doubt], made: Mapping[str, str], left: list[Doubt]) -> list[str]:
    still = {doubt.urn for doubt in left}
    return [doubt.urn for doubt in found if doubt.urn not in made and doubt.urn not in still]


def _list(file: Path, found: list[Doubt], json: bool) -> None:
    if json:
        print_json([{"urn": d.urn, "type": d.type, "name": d.name, "replaces": d.replaces, "inputs": _plain(d.inputs)} for d in found])
        return
    print(f"{file}: {len(found)} creates in doubt" if found else f"{file}: nothing is in doubt")
    for doubt in found:
        what = "  (the new half of a replacement: delete it by hand if it is there)" if doubt.replaces else ""
        print(f"  {doubt.short}{what}")
        for name, value in list(_plain(doubt.inputs).items())[:_SHOWN]:
            print(f"      {name}: {value!s:.{_LONG}}")


def _plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What helps to find it: names, addresses, ids; no lists, no documents, no secrets."""
    return {name: value for name, value in inputs.items() if isinstance(value, str | int | float | bool) and "\n" not in str(value)}
