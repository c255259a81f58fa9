"""Reads secrets from AWS Secrets Manager with the machine's role, through the VPC endpoint. Used through `secrets_manager`.

A new version is taken up where the old one stands: nothing that runs was started with the environment key, so no session ends for it.
The inspecting CA is this host's own, made at its first start and kept in memory only: it opens no other host's tunnels, and goes with
the machine.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import structlog

from domicile_host.aws.calls import Answer, Calls
from domicile_host.aws.role import AwsAway
from domicile_host.aws.signature import Scope
from domicile_host.dispatcher.cloudwatch import CloudWatch
from domicile_host.dispatcher.errors import SecretMissing, SecretsAway
from domicile_host.dispatcher.ledger import write_whole
from domicile_host.egress.authority import AuthorityPem, make_authority
from domicile_host.settings import AwsSecrets

log = structlog.get_logger(__name__)

GET_VALUE = "secretsmanager.GetSecretValue"
KEY_AGE = "EnvironmentKeyAgeSeconds"
AGE_SECONDS = 300.0
"""Between two reports of the key's age: the alarm on it looks at whole hours."""

_MISSING = frozenset({"ResourceNotFoundException", "AccessDeniedException"})
"""No such secret, no value in it yet, or not for this role."""


class AwsSecretsManager:
    """A `SecretsManager`."""

    def __init__(self, place: AwsSecrets, stack: str) -> None:
        self._place, self._stack = place, stack
        self._secrets = Calls(Scope(place.region, "secretsmanager"), place.role_file, place.ca_file)
        self._metrics = CloudWatch(place, stack)
        self._version = ""
        self._next_report = 0.0

    async def __aenter__(self) -> AwsSecretsManager:
        await self._secrets.__aenter__()
        await self._metrics.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._metrics.__aexit__()
        await self._secrets.__aexit__()

    async def environment_key(self) -> str:
        """See `SecretsManager`. Notes each version that it comes upon, and reports now and then how old the one in use is."""
        if self._place.environment_key is None:
            raise SecretMissing("this host has no environment key: its role signs")
        found = await self._read(self._place.environment_key)
        version = str(found.get("VersionId", ""))
        if version != self._version:
            log.info("key.version", version=version)
            self._version, self._next_report = version, 0.0
        if time.monotonic() >= self._next_report:
            await self._report(max(0.0, time.time() - float(found.get("CreatedDate", 0))))
        return str(found["SecretString"]).strip()

    async def _report(self, age_seconds: float) -> None:
        """A report that fails is tried again with the next read; when none arrives, the alarm sounds by itself."""
        if await self._metrics.put(KEY_AGE, age_seconds, "Seconds"):
            self._next_report = time.monotonic() + AGE_SECONDS

    async def credential(self, name: str) -> str:
        """See `SecretsManager`."""
        return str((await self._read(f"{self._place.credentials}/{name}"))["SecretString"]).strip()

    async def authority(self) -> AuthorityPem:
        """See `SecretsManager`."""
        return await asyncio.to_thread(self._authority)

    def _authority(self) -> AuthorityPem:
        path = self._place.authority
        try:
            return AuthorityPem(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            made = make_authority(self._stack)
            write_whole(path, json.dumps(made._asdict()).encode(), mode=0o600, sync=False)
            return made
        except (OSError, ValueError, TypeError) as error:
            raise SecretsAway(f"this host's CA {path} can't be read ({type(error).__name__}): remove it, and restart") from None

    async def _read(self, name: str) -> dict[str, Any]:
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": GET_VALUE}
        try:
            answer = await self._secrets.send("POST", self._place.url + "/", headers, json.dumps({"SecretId": name}).encode())
        except AwsAway as error:
            raise SecretsAway(f"the secrets manager can't be asked: {error}") from error
        if answer.status != 200 or "SecretString" not in answer.json:
            raise _refusal(name, answer)
        return answer.json


def _refusal(name: str, answer: Answer) -> SecretMissing | SecretsAway:
    if answer.status == 200 or answer.error in _MISSING:
        return SecretMissing(f"the secrets manager has no secret {name!r} for this host ({answer.error or 'no string in it'})")
    return SecretsAway(f"the secrets manager answered {answer.status} {answer.error}".rstrip())
