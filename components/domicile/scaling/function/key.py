"""The environment key, its age, since when it is the current one, and whether an old version is still being used. Called by `watch`.

Source: Secrets Manager API, GetSecretValue (`CreatedDate`), ListSecretVersionIds (`LastAccessedDate`, whole days; the version before the
current one has the stage `AWSPREVIOUS`) and DescribeSecret (`LastChangedDate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


@dataclass(frozen=True)
class Key:
    """`value` is a secret and stands in no text of this object."""

    value: str = field(repr=False)
    age_seconds: float
    old_version_used: bool
    changed: datetime | None = None
    """When the current version took another's place; None while it is the first one, or changes just now."""

    def headers(self, _url: str, given: Mapping[str, str]) -> dict[str, str]:
        """Of a request in its name."""
        return {**given, "authorization": f"Bearer {self.value}"}


def read(secrets: Any, name: str, now: datetime) -> Key:
    """By the client for Secrets Manager. What that raises is the caller's: without a key nothing can be known."""
    current = secrets.get_secret_value(SecretId=name)
    versions = secrets.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    age, changed = (now - current["CreatedDate"]).total_seconds(), _changed(secrets, name, current, versions)
    return Key(current["SecretString"], max(0.0, age), old_version_used(versions, changed or current["CreatedDate"]), changed)


def _changed(secrets: Any, name: str, current: Mapping[str, Any], versions: Iterable[Mapping[str, Any]]) -> datetime | None:
    previous = next((each for each in versions if PREVIOUS in each.get("VersionStages", ())), None)
    if previous is None or previous["VersionId"] == current["VersionId"]:
        return None
    created: datetime = current["CreatedDate"]
    if previous["CreatedDate"] <= created:
        return created
    # An older version was made the current one again. No version has the date of that; the secret's own is not before it.
    described: datetime = secrets.describe_secret(SecretId=name)["LastChangedDate"]
    return max(created, described)


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
