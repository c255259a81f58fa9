"""A role's credentials in the file that somebody else keeps fresh: the machine, or the dispatcher for the gateway.

Used by `calls` and `control_plane`. They change every few hours, so that each use looks whether the file has.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from domicile_host.aws.signature import RoleCredentials


class AwsAway(Exception):
    """There is no answer, or no credential to ask with. The message says which, and holds no secret."""


class RoleFile:
    """Reads the file again when it is another than before. It lies in memory, so that reading it never waits for a disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[tuple[int, int], RoleCredentials] | None = None

    def credentials(self) -> RoleCredentials:
        """Those that are good now. Raises `AwsAway`."""
        try:
            found = self.path.stat()
            version = (found.st_ino, found.st_mtime_ns)
            if self._read is None or self._read[0] != version:
                self._read = version, RoleCredentials.model_validate_json(self.path.read_bytes())
        except OSError as error:
            raise AwsAway(f"the role's credentials {self.path} aren't there: {error.strerror}") from error
        except ValidationError as error:
            raise AwsAway(f"the role's credentials {self.path} can't be read: {error.error_count()} faults") from None
        credentials = self._read[1]
        if credentials.expiration is not None and credentials.expiration <= datetime.now(UTC):
            raise AwsAway(f"the role's credentials {self.path} ran out at {credentials.expiration:%Y-%m-%dT%H:%M:%SZ}")
        return credentials
