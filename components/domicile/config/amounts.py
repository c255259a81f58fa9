"""Sizes and durations as people write them, one parser each: `1GiB`, `512MiB`, `8h`, `1h30m`, `500ms`, or a plain number."""

from __future__ import annotations

import re
from fractions import Fraction

_SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_DURATIONS = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600), "d": Fraction(86400)}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z]+)", re.ASCII)
_DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)(ms|[smhd])", re.ASCII)

SIZE_FORM = "a size with its unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), or a number of bytes"
DURATION_FORM = "a duration with its units (ms, s, m, h, d), as in 90s or 1h30m, or a number of seconds"


class AmountError(ValueError):
    """A text that is no amount; `suggestion` is the nearest one that is, or empty."""

    def __init__(self, allowed: str, suggestion: str = "") -> None:
        self.allowed = allowed
        self.suggestion = suggestion
        super().__init__(allowed)


def parse_size(text: str) -> int:
    """Bytes. Raises `AmountError` for no size and for a fraction of a byte."""
    match = _SIZE.fullmatch(text)
    unit = _SIZES.get(match[2]) if match else None
    if match is None or unit is None:
        raise AmountError(SIZE_FORM, _size_meant(match))
    count = Fraction(match[1]) * unit
    if count.denominator != 1:
        raise AmountError("a whole number of bytes")
    return int(count)


def _size_meant(match: re.Match[str] | None) -> str:
    """`1G`, `1Gi` and `1gb` are meant as `1GiB`: memory is counted in powers of two."""
    letter = match[2][:1].upper() if match else ""
    return f"{match[1]}{letter}iB" if match and letter in "KMGT" and letter else ""


def parse_duration(text: str) -> float:
    """Seconds; an `int` where they are whole. Raises `AmountError` for no duration and for units not in falling order."""
    parts = _DURATION.findall(text)
    units = [_DURATIONS[unit] for _, unit in parts]
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise AmountError(DURATION_FORM)
    if units != sorted(set(units), reverse=True):
        raise AmountError("each unit once, the largest first, as in 1h30m")
    total = sum((Fraction(number) * _DURATIONS[unit] for number, unit in parts), Fraction(0))
    return int(total) if total.denominator == 1 else float(total)


def size_text(count: float) -> str:
    """`1073741824` as `1GiB`: the largest binary unit that divides it."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if count and count % _SIZES[unit] == 0:
            return f"{int(count) // _SIZES[unit]}{unit}"
    return f"{count}B"


def duration_text(seconds: float) -> str:
    """`28800` as `8h`: the largest unit that divides it."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % int(_DURATIONS[unit]) == 0:
            return f"{int(seconds // int(_DURATIONS[unit]))}{unit}"
    return f"{seconds:.12g}s"
