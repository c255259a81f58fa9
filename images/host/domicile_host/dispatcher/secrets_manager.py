"""What the dispatcher asks of a secrets manager, and which class serves which kind of setting.

Used by `dispatcher`; `key` and `supplies` read through it.
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from domicile_host.egress.authority import AuthorityPem
from domicile_host.settings import AwsSecrets, HostSettings, OpenBaoSecrets


class SecretsManager(Protocol):
    """Each read raises `SecretMissing` (absent, empty or not permitted) or `SecretsAway`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    async def environment_key(self) -> str:
        """The environment key."""

    async def credential(self, name: str) -> str:
        """The value of an injected credential, or of a sink's."""

    async def authority(self) -> AuthorityPem:
        """The CA with which the proxy opens inspected hosts."""


def secrets_manager(settings: HostSettings) -> SecretsManager:
    """Opens nothing yet."""
    match settings.secrets:
        case OpenBaoSecrets():
            from domicile_host.dispatcher.openbao import OpenBao

            return OpenBao(settings.secrets)
        case AwsSecrets():
            from domicile_host.dispatcher.aws_secrets import AwsSecretsManager

            return AwsSecretsManager(settings.secrets, settings.stack)
