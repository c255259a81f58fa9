"""Errors that the API answers in Anthropic's form; raised by every room of the stand-in, turned into responses by `api`."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer with an error body: `{"type":"error","error":{"type","message","details"}}`."""

    status = 500
    kind = "api_error"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = {**({"error_code": code} if code else {}), **details}


class InvalidRequestError(ApiError):
    """The request makes no sense; repeating it won't help."""

    status, kind = 400, "invalid_request_error"


class AuthenticationError(ApiError):
    """No credential, or one that nobody knows (any more)."""

    status, kind = 401, "authentication_error"


class PermissionDeniedError(ApiError):
    """A known credential that this endpoint or this object doesn't accept."""

    status, kind = 403, "permission_error"


class NotFoundError(ApiError):
    """No such object."""

    status, kind = 404, "not_found_error"


class ConflictError(ApiError):
    """The object's state doesn't allow it (any more)."""

    status, kind = 409, "invalid_request_error"


class PreconditionFailedError(ApiError):
    """The lease isn't what the caller believes it to be."""

    status, kind = 412, "invalid_request_error"


class RequestTooLargeError(ApiError):
    """The body exceeds what the API takes."""

    status, kind = 413, "request_too_large"


class RateLimitError(ApiError):
    """Too many requests."""

    status, kind = 429, "rate_limit_error"


class OverloadedError(ApiError):
    """An injected 5xx."""

    status, kind = 529, "overloaded_error"
