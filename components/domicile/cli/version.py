"""`domicile version`."""

from __future__ import annotations

from domicile.cli.exit import print_json
from domicile.cli.project import Json


def version(json: Json = False) -> None:
    """Show the versions of the product and of Pulumi's SDK, and which engine applies stacks here."""
    from importlib.metadata import version as of

    from domicile.cli.engine import chosen

    versions = {"domicile": of("domicile"), "pulumi-sdk": of("pulumi"), "engine": chosen()}
    if json:
        print_json(versions)
        return
    for name, value in versions.items():
        print(f"{name:<12}{value}")
