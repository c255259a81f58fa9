"""The machine's role in place of the environment key, on Claude Platform on AWS; and the role of sessions, taken for the gateway.

`RoleIdentity` stands where `EnvironmentKey` does. The gateway, which reads what sandboxes write, never has the machine's role: the
dispatcher takes one for it that opens sessions and nothing else, by STS, and renews it long before it runs out.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

import structlog
from pydantic import SecretStr, ValidationError

from domicile_host.aws.calls import Answer, Calls
from domicile_host.aws.role import AwsAway, RoleFile
from domicile_host.aws.signature import RoleCredentials, Scope
from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.key import EnvironmentKey
from domicile_host.dispatcher.ledger import write_whole
from domicile_host.dispatcher.queue import SIGNED
from domicile_host.dispatcher.secrets_manager import SecretsManager
from domicile_host.settings import Signing

log = structlog.get_logger(__name__)

LIFETIME = timedelta(hours=1)
"""The longest for a role that a role takes (IAM User Guide: role chaining, 2026)."""

RENEW = timedelta(minutes=40)
"""Left when a new one is taken: the gateway is never nearer its end than this while STS answers."""

_STS = "{https://sts.amazonaws.com/doc/2011-06-15/}"


class RoleIdentity(EnvironmentKey):
    """`present` while both roles are there. A refusal may end without anything here changing, so it is tried again every few seconds."""

    def __init__(self, signing: Signing, host: str, secrets: SecretsManager, bounds: Bounds) -> None:
        super().__init__(secrets, bounds)
        self.problem = "the machine's role hasn't been read yet"
        self._machine, self._sessions = RoleFile(signing.role_file), SessionsRole(signing, host)

    def accept(self) -> None:
        """The control plane lets the role in."""
        if self.state == "refused":
            self._become("present", "")

    def refuse(self, value: SecretStr, why: str) -> None:
        """The control plane, or AWS before it, doesn't let the role in."""
        self._become("refused", why)

    async def _look(self) -> None:
        try:
            self._machine.credentials()
            await self._sessions.keep()
        except AwsAway as away:
            self._value = None
            return self._become("absent", str(away))
        self._value = SIGNED
        if self.state == "refused":
            self.usable.set()
        elif self.state == "absent":
            self._become("present", "")
        return None


class SessionsRole:
    """The gateway's role, renewed in the file that the gateway reads."""

    def __init__(self, signing: Signing, host: str) -> None:
        self._signing, self._host = signing, host
        self._file = RoleFile(signing.sessions_role_file)

    async def keep(self) -> None:
        """Takes the role anew when it is time. One that is still good outlives an STS that isn't there. Raises `AwsAway`."""
        left = self._left()
        if left > RENEW:
            return
        try:
            found = await self._taken()
        except AwsAway as away:
            if left <= timedelta():
                raise
            log.warning("sessions-role.not-renewed", problem=str(away), minutes_left=round(left.total_seconds() / 60))
            return
        _write(self._signing.sessions_role_file, found)
        log.info("sessions-role.taken", until=str(found.expiration))

    def _left(self) -> timedelta:
        try:
            expiration = self._file.credentials().expiration
        except AwsAway:
            return timedelta()
        return expiration - datetime.now(UTC) if expiration else timedelta()

    async def _taken(self) -> RoleCredentials:
        """`AssumeRole` under this host's name, which CloudTrail shows beside each call."""
        signing = self._signing
        asked = {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": signing.sessions_role,
            "RoleSessionName": self._host,
            "DurationSeconds": str(int(LIFETIME.total_seconds())),
        }
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        async with Calls(Scope(signing.sts_region, "sts"), signing.role_file, signing.ca_file) as sts:
            answer = await sts.send("POST", signing.sts_url + "/", headers, urlencode(asked).encode())
        return _read(answer, signing.sessions_role)


def _read(answer: Answer, role: str) -> RoleCredentials:
    """STS answers in XML (STS API Reference: AssumeRole, 2026). Raises `AwsAway` for anything but credentials with an end."""
    try:
        told = ElementTree.fromstring(answer.body)  # noqa: S314 - from STS itself, over a connection that its certificate opened
    except ElementTree.ParseError:
        raise AwsAway(f"STS answered {answer.status} with something else than XML to taking {role}") from None
    if answer.status != 200:
        why = ": ".join(filter(None, (told.findtext(f".//{_STS}{name}") for name in ("Code", "Message"))))[:400]
        raise AwsAway(f"STS doesn't let this host take {role}: {answer.status} {why}".rstrip())
    names = ("AccessKeyId", "SecretAccessKey", ("SessionToken", "Token"), "Expiration")
    pairs = [name if isinstance(name, tuple) else (name, name) for name in names]
    try:
        found = RoleCredentials.model_validate({ours: told.findtext(f".//{_STS}{theirs}") for theirs, ours in pairs})
    except ValidationError as error:
        raise AwsAway(f"STS gave no credentials for {role}: {error.error_count()} faults") from None
    if found.expiration is None:
        raise AwsAway(f"STS gave credentials for {role} without their end")
    return found


def _write(path: Path, found: RoleCredentials) -> None:
    """In the form that a machine's metadata service has: one reader for both."""
    plain = {
        "AccessKeyId": found.access_key_id,
        "SecretAccessKey": found.secret_access_key.get_secret_value(),
        "Token": found.token.get_secret_value(),
        "Expiration": found.expiration.isoformat() if found.expiration else None,
    }
    write_whole(path, json.dumps(plain).encode(), mode=0o440, sync=False)
