"""The operator's way to the secrets manager: may write secrets and see that they are there, may not read them."""

from __future__ import annotations

from domicile.cli.exit import CliError, ending_on
from domicile.places import StackPlaces

MOUNT = "domicile"
ENVIRONMENT_KEY = "environment-key"


def put(places: StackPlaces, name: str, value: str) -> None:
    """Writes a secret's field `value`. Raises `CliError`, which never holds the value."""
    from domicile.environment_key.openbao import OpenBao, OpenBaoError

    with ending_on(OpenBaoError), OpenBao(places.secrets_socket, _token(places)) as bao:
        bao.write_secret(MOUNT, name, {"value": value})


def has(places: StackPlaces, name: str) -> bool:
    """Whether a secret has a value. Raises `CliError`."""
    from domicile.environment_key.openbao import OpenBao, OpenBaoError

    with ending_on(OpenBaoError), OpenBao(places.secrets_socket, _token(places)) as bao:
        return bao.has_secret(MOUNT, name)


def _token(places: StackPlaces) -> str:
    try:
        return places.operator_token.read_text("ascii").strip()
    except FileNotFoundError as error:
        raise CliError(f"stack {places.stack} has no secrets manager yet: run `domicile up {places.stack}` first") from error
    except OSError as error:
        raise CliError(f"{places.operator_token}: {error.strerror}; run as the user that ran `domicile up`") from error
