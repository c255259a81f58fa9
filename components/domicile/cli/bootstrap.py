"""Gives a new stack with the stand-in what the Console and a team's services would: an environment key, and values of its credentials."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from domicile.cli.exit import CliError
from domicile.cli.services import ask
from domicile.cli.vault import ENVIRONMENT_KEY, has, put

if TYPE_CHECKING:
    from domicile.config import PerimeterConfig
    from domicile.places import StackPlaces


def bootstrap_stand_in(config: PerimeterConfig, where: StackPlaces) -> list[str]:
    """Puts in what isn't there yet; says what. A value that an operator has put stays."""
    made = []
    ask(where.control_plane_admin, "POST", "/admin/environments", {"id": config.environment.id, "name": config.stack})
    if not has(where, ENVIRONMENT_KEY):
        put(where, ENVIRONMENT_KEY, generated_key(config, where))
        made.append(f"the stand-in made a key for {config.environment.id}; it is in the secrets manager")
    for name in config.credential_names:
        if not has(where, f"credentials/{name}"):
            put(where, f"credentials/{name}", secrets.token_urlsafe(24))
            made.append(f"the credential {name} got a value for the demonstration")
    return made


def generated_key(config: PerimeterConfig, where: StackPlaces) -> str:
    """A new environment key of the stand-in. Raises `CliError`."""
    answer = ask(where.control_plane_admin, "POST", "/admin/environment-keys", {"environment_id": config.environment.id})
    if not isinstance(answer, dict) or not isinstance(answer.get("key"), str):
        raise CliError("the stand-in gave no key: is its image of another version? Run `domicile up` again")
    return str(answer["key"])
