"""What the gateway answers when it doesn't pass a request: Anthropic's error form, with the rule's name.

Raised by every check of the sandbox side, turned into an answer and an audit record in `sandbox_side`.
"""

from __future__ import annotations

from collections import Counter
from time import monotonic

from aiohttp import web
from pydantic import JsonValue

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""The `error.type` of each status (Anthropic API reference, errors)."""


class Refused(Exception):
    """A request that doesn't pass. `rule` names the check, `status` is the answer's, the message says what to do.

    `details` stands for the error's usual details where the control plane's own form has others.
    """

    def __init__(self, rule: str, status: int, message: str, details: dict[str, JsonValue] | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.status = status
        self.details = details


class Unavailable(Exception):
    """A request that would pass but can't be served now: the control plane or the journal doesn't work. The worker asks again."""

    def __init__(self, rule: str, status: int, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.status = status


def answer(error: Refused | Unavailable) -> web.Response:
    """The error as Anthropic's API writes it; `x-should-retry` tells the official SDKs not to ask again for what stays refused."""
    own = {"error_code": f"domicile_{error.rule.replace('-', '_')}"}
    body = {
        "type": "error",
        "error": {
            "type": ERROR_TYPES.get(error.status, "invalid_request_error"),
            "message": f"session gateway: {error} (rule {error.rule})",
            "details": (error.details if isinstance(error, Refused) else None) or own,
        },
    }
    response = web.json_response(body, status=error.status)
    if isinstance(error, Refused) and error.status not in (429, 503):
        response.headers["x-should-retry"] = "false"
    return response


class RefusalBook:
    """Refusals of one source. So many a minute are recorded one by one; the rest are counted and recorded as one sum a minute.

    A sandbox that floods the gateway thereby writes at most `each + 1` records a minute, and no refusal goes uncounted.
    """

    def __init__(self, each: int = 30, window_seconds: float = 60.0) -> None:
        self._each = each
        self._window_seconds = window_seconds
        self._window_began = float("-inf")
        self._in_window = 0
        self._summed: Counter[str] = Counter()
        self.total = 0

    def note(self, rule: str) -> bool:
        """Counts a refusal; says whether it is to be recorded by itself."""
        now = monotonic()
        if now - self._window_began >= self._window_seconds:
            self._window_began, self._in_window = now, 0
        self.total += 1
        self._in_window += 1
        if self._in_window <= self._each:
            return True
        self._summed[rule] += 1
        return False

    @property
    def flooded(self) -> bool:
        """Whether this minute's refusals are beyond those recorded one by one."""
        return self._in_window > self._each and monotonic() - self._window_began < self._window_seconds

    @property
    def idle(self) -> bool:
        """Whether nothing is left to record and the last window is over."""
        return not self._summed and monotonic() - self._window_began >= self._window_seconds

    def take_sum(self) -> dict[str, int]:
        """The refusals by rule that have no record of their own yet; they count as recorded from now on."""
        taken = dict(self._summed)
        self._summed.clear()
        return taken

    def give_back(self, taken: dict[str, int]) -> None:
        """Keeps a sum whose record couldn't be written for the next one."""
        self._summed.update(taken)


class Allowance:
    """A token bucket: `burst` at once, `per_second` in the long run."""

    def __init__(self, burst: int, per_second: float) -> None:
        self._burst = float(burst)
        self._per_second = per_second
        self._left = float(burst)
        self._at = monotonic()

    def take(self, amount: float = 1) -> bool:
        """Takes `amount` if it is left; says whether it was."""
        now = monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True
