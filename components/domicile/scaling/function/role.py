"""The function's own role in place of the environment key, at Claude Platform on AWS. Called by `watch`.

Signed by the library that Lambda brings along, with the credentials that Lambda gives the function. Source: SDK 2.11, `lib/aws/_auth.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SERVICE = "aws-external-anthropic"


@dataclass(frozen=True)
class Role:
    """Who asks in which workspace; `credentials` are botocore's, default: the function's own."""

    workspace_id: str
    region: str
    credentials: Any = None

    def headers(self, url: str, given: Mapping[str, str]) -> dict[str, str]:
        """Of a GET in its name."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.session import get_session

        request = AWSRequest("GET", url, {**given, "anthropic-workspace-id": self.workspace_id})
        SigV4Auth(self.credentials or get_session().get_credentials(), SERVICE, self.region).add_auth(request)
        return dict(request.headers.items())
