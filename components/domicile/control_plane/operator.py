"""The operator's hand at the control plane: Anthropic's own SDK, with the credential of whoever runs `domicile up`.

The credential comes from that process's environment at the moment of each call. It is no input of any resource, so that it stands in no
state, plan or log; and it isn't the worker hosts' environment key, which may not administer anything. Called by the resources of this room.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from domicile.machine.command import CommandError

if TYPE_CHECKING:
    from anthropic import Anthropic

CREDENTIALS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_FEDERATION_RULE_ID", "ANTHROPIC_PROFILE")
"""One of these makes the SDK find a credential (SDK 2.11: `Anthropic.__init__`)."""

TIMEOUT_SECONDS = 30.0
_WHO = "the operator's credential: a workspace API key in ANTHROPIC_API_KEY, or a federated one, in the environment of this command"


class ControlPlaneError(CommandError):
    """The control plane can't be asked, or refuses; the message says what to do."""


def require_credential() -> None:
    """Raises `ControlPlaneError` before anything is touched when this process has no credential for the control plane."""
    if not any(os.environ.get(name) for name in CREDENTIALS):
        raise ControlPlaneError(f"this stack makes things at the control plane, which needs {_WHO}; an environment key doesn't do")


@contextmanager
def operator(url: str, ca_file: str | Path | None = None) -> Iterator[Anthropic]:
    """The SDK's client for the control plane at `url`. What it raises becomes a `ControlPlaneError` without any header of the request."""
    import anthropic
    import httpx2

    require_credential()
    verify = ssl.create_default_context(cafile=ca_file) if ca_file else True
    try:
        with httpx2.Client(verify=verify, timeout=TIMEOUT_SECONDS) as http, anthropic.Anthropic(base_url=url, http_client=http) as client:
            yield client
    except anthropic.APIStatusError as error:
        hint = f"; it takes {_WHO}" if error.status_code in (401, 403) else ""
        raise ControlPlaneError(f"the control plane at {url} answered {error.status_code}: {_message(error)}{hint}") from None
    except anthropic.APIConnectionError as error:
        raise ControlPlaneError(f"the control plane at {url} can't be reached: {error.__cause__ or error}") from None
    except anthropic.AnthropicError as error:
        raise ControlPlaneError(f"no credential for the control plane could be had ({error}): give {_WHO}") from None


def _message(error: object) -> str:
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, dict) else None
    return str(inner.get("message")) if isinstance(inner, dict) else "no message"
