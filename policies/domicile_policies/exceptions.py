"""What may break a rule for a time: which resource, why, who answers for it, until when. Read from the pack's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Any

from domicile_policies.resource import Resource

KEY = "exceptions"
"""The key of a rule's configuration that lists them."""
LONGEST = timedelta(days=366)
_KEYS: dict[str, tuple[int, int, str]] = {
    "resource": (1, 500, "the resource's URN or name; * stands for any text"),
    "reason": (10, 300, "why, in a sentence"),
    "owner": (1, 100, "who answers for it"),
    "expires": (10, 10, "the last day, as 2027-01-31; a year ahead at most"),
}
SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "description": "Resources that may break this rule for a time. Each is listed in the report; one that has expired, or that matches no "
    "resource, is a violation.",
    "items": {
        "type": "object",
        "properties": {
            key: {"type": "string", "minLength": least, "maxLength": most, "description": what}
            for key, (least, most, what) in _KEYS.items()
        },
        "required": list(_KEYS),
        "additionalProperties": False,
    },
    "default": [],
}  # fmt: skip
"""Of a rule's list of them, for `--policy-pack-config`."""


@dataclass(frozen=True)
class Exemption:
    """One exception to one rule; `expires` is its last day."""

    resource: str
    reason: str
    owner: str
    expires: date

    def expired(self, today: date) -> bool:
        return self.expires < today

    def covers(self, resource: Resource) -> bool:
        """By URN or name, or by a pattern of either."""
        return fnmatchcase(resource.urn, self.resource) or fnmatchcase(resource.name, self.resource)


def exemptions(given: Any, at: str, today: date, faults: list[str]) -> tuple[Exemption, ...]:
    """The exceptions in `given`; each fault with its path below `at`, its value, what is allowed and the fix."""
    if not isinstance(given, list):
        faults.append(f"{at}: {given!r} is no list; write a list of exceptions with {_all_keys()}")
        return ()
    found = (_exemption(each, f"{at}[{n}]", today, faults) for n, each in enumerate(given))
    return tuple(each for each in found if each)


def _all_keys() -> str:
    return ", ".join(f"`{key}` ({what})" for key, (_, _, what) in _KEYS.items())


def _exemption(given: Any, at: str, today: date, faults: list[str]) -> Exemption | None:
    before = len(faults)
    if not isinstance(given, dict) or given.keys() - _KEYS.keys():
        strange = f"{', '.join(sorted(given.keys() - _KEYS.keys()))}: no such key" if isinstance(given, dict) else f"{given!r} is no object"
        faults.append(f"{at}: {strange}; an exception has {_all_keys()}")
        return None
    for key, (least, most, what) in _KEYS.items():
        value = given.get(key)
        if not isinstance(value, str) or not least <= len(value.strip()) <= most:
            said = "is missing" if value is None else f"{value!r} can't be it"
            faults.append(f"{at}.{key}: {said}; write {what}, {least} to {most} characters")
    if len(faults) > before:
        return None
    expires = _day(given["expires"], f"{at}.expires", today, faults)
    return None if expires is None else Exemption(given["resource"], given["reason"], given["owner"], expires)


def _day(text: str, at: str, today: date, faults: list[str]) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        faults.append(f"{at}: {text!r} is no day; write it as {today + timedelta(days=90)}")
        return None
    if day > today + LONGEST:
        faults.append(f"{at}: {text!r} is more than a year ahead; the last day that is allowed is {today + LONGEST}")
        return None
    return day
