"""JSON log lines on standard output for the container engine to collect; no secret gets into one.

The dispatcher never logs what came from a sandbox, because it never reads it. Secrets are `SecretStr` in our own code;
`mask` is the second line of defence, for what a library may put into a message.
"""

from __future__ import annotations

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

MASK = "[masked]"
SECRET_FIELDS = frozenset(
    {"token", "key", "secret", "secret_id", "role_id", "capability", "authorization", "password", "value", "credential"}
)
SECRET_FORMS = re.compile(r"sk-ant-[A-Za-z0-9_-]+|whsec_[A-Za-z0-9+/=]+|hv[sbr]\.[A-Za-z0-9_-]+|(?i:bearer)\s+[A-Za-z0-9._~+/=-]+")


def configure() -> None:
    """Called once, by `serve`."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stdout, format='{"event": "library", "logger": "%(name)s", "level": "%(levelname)s"}'
    )


def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Puts `[masked]` for the value of every field named like a secret and for every text that has a secret's form."""
    return {name: MASK if name.lower() in SECRET_FIELDS else _masked(value) for name, value in event.items()}


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return {name: MASK if str(name).lower() in SECRET_FIELDS else _masked(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner) for inner in value]
    if isinstance(value, bool | int | float | None):
        return value
    return SECRET_FORMS.sub(MASK, str(value))
