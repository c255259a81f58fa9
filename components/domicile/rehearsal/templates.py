"""Ids, ARNs and other computed texts, from the templates of the tables. Deterministic: the same resource's same creation gives the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from .cloud import Properties
from .kinds import Kind, Place


class _Digits:
    """`{hex}` is a number of so many hexadecimal digits; `{hex.main}` another of the same thing."""

    def __init__(self, seed: str, length: int) -> None:
        self._seed, self._length = seed, length

    def __getattr__(self, salt: str) -> str:
        return str(_Digits(f"{self._seed}/{salt}", self._length))

    def __str__(self) -> str:
        return hashlib.sha256(self._seed.encode()).hexdigest()[: self._length]

    def __format__(self, spec: str) -> str:
        return str(self)


class Known(dict[str, Any]):
    """What a template may mention. An input that isn't given is empty."""

    def __missing__(self, key: str) -> str:
        return ""


def known(kind: Kind, seed: str, inputs: Properties, place: Place, referents: Mapping[str, Properties]) -> Known:
    """`seed` tells one creation from all others; `referents` are the properties of the things referred to, by the reference's name."""
    hexes = {f"hex{n}": _Digits(seed, n) for n in (6, 7, 8, 10, 16, 32, 36)}
    digits = hashlib.sha256(seed.encode()).hexdigest()
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
    given = {k: v for k, v in inputs.items() if v is not None}
    terms = {word: values.get(inputs.get(key), "") for word, (key, values) in kind.terms.items()}
    return Known(
        {
            **given, **hexes, **terms, "hex": _Digits(seed, 17), "uuid": uuid, "region": place.region, "account": place.account,
            "partition": place.partition, "number": str(int(digits[:12], 16)), "path": inputs.get("path") or "/", "ref": referents,
        }
    )  # fmt: skip


def fill(template: Any, known: Known) -> Any:
    """The template with its names replaced; containers are filled throughout, and what is no text stays."""
    if isinstance(template, str):
        return template.format_map(known)
    if isinstance(template, Mapping):
        return {k: fill(v, known) for k, v in template.items()}
    return [fill(v, known) for v in template] if isinstance(template, list | tuple) else template
