"""Asks a stack's services on their Unix sockets; JSON both ways. The verbs key, session and status call it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domicile.cli.exit import CliError, ExitCode


class ServiceAwayError(CliError):
    """A service's socket isn't there or doesn't answer."""


def ask(socket: Path, method: str, path: str, body: Mapping[str, Any] | None = None, seconds: float = 10) -> Any:
    """One call. Raises `ServiceAwayError` where nobody answers, `CliError` with the service's words for a refusal."""
    import httpx

    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://localhost", timeout=seconds) as client:
            answer = client.request(method, path, json=body)
    except httpx.TransportError as error:
        raise ServiceAwayError(f"nothing answers on {socket} ({error}): is the stack up? `domicile status` shows its services") from error
    if answer.is_error:
        code = ExitCode.WRONG_INPUT if answer.status_code in (400, 422) else ExitCode.FAILED
        raise CliError(f"{method} {path}: {answer.status_code} {_words(answer)}", code)
    return answer.json() if answer.headers.get("content-type", "").startswith("application/json") else answer.text


def _words(answer: Any) -> str:
    """A refusal's message, in the control plane's error form or as text."""
    try:
        content = answer.json()
    except ValueError:
        return str(answer.text)[:500]
    error = content.get("error", content) if isinstance(content, dict) else content
    return str(error.get("message", error) if isinstance(error, dict) else error)[:500]
