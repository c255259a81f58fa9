"""The environment key, its age, and whether an old version of it is still being used. Called by `watch`.

Source: Secrets Manager API, GetSecretValue (`CreatedDate`) and ListSecretVersionIds (`LastAccessedDate`, whole days).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

CURRENT = "AWSCURRENT"


@dataclass(frozen=True)
class Key:
    """`value` is a secret and stands in no text of this object."""

    value: str = field(repr=False)
    age_seconds: float
    old_version_used: bool

    def headers(self, _url: str, given: Mapping[str, str]) -> dict[str, str]:
        """Of a request in its name."""
        return {**given, "authorization": f"Bearer {self.value}"}


def read(secrets: Any, name: str, now: datetime) -> Key:
    """By the client for Secrets Manager. What that raises is the caller's: without a key nothing can be known."""
    current = secrets.get_secret_value(SecretId=name)
    versions = secrets.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    age = (now - current["CreatedDate"]).total_seconds()
    return Key(current["SecretString"], max(0.0, age), old_version_used(versions, current["CreatedDate"]))


def old_version_used(versions: Iterable[Mapping[str, Any]], replaced: datetime) -> bool:
    """Whether a version that isn't the current one was read on a day after the current one came. The day itself belongs to both."""
    for version in versions:
        accessed = version.get("LastAccessedDate")
        if (
            CURRENT not in version.get("VersionStages", ())
            and accessed
            and accessed.astimezone(UTC).date() > replaced.astimezone(UTC).date()
        ):
            return True
    return False
