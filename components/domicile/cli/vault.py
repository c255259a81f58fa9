"""The operator's way to the secrets manager: may write secrets and see that they are there, may not read them."""

from __future__ import annotations

from domicile.cli.exit import CliError, ending_on
from domicile.places import StackPlaces


def put(places: StackPlaces, value: str, credential: str | None = None) -> None:
    """Writes the environment key, or the credential of that name. Raises `CliError`, which never holds the value."""
    from domicile.environment_key.local import CREDENTIALS, ENVIRONMENT_KEY, MOUNT
    from domicile.environment_key.openbao import OpenBao, OpenBaoError

    name = f"{CREDENTIALS}/{credential}" if credential else ENVIRONMENT_KEY
    with ending_on(OpenBaoError), OpenBao(places.secrets_socket, _token(places)) as bao:
        bao.write_secret(MOUNT, name, {"value": value})


def _token(places: StackPlaces) -> str:
    try:
        return places.operator_token.read_text("ascii").strip()
    except FileNotFoundError as error:
        raise CliError(f"stack {places.stack} has no secrets manager yet: run `domicile up {places.stack}` first") from error
    except OSError as error:
        raise CliError(f"{places.operator_token}: {error.strerror}; run as the user that ran `domicile up`") from error
