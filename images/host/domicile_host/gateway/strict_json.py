"""JSON as the gateway reads and writes it: one meaning for each text, the same for every reader downstream."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import NoReturn

from pydantic import JsonValue

DEPTH_LIMIT = 64
"""Nesting that a body may have; the documented bodies have at most 7 levels."""

PARTS_LIMIT = 1 << 20
"""Brackets and commas that a body may have: more would only serve to fill the memory. The longest text has 256 KiB."""

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class MalformedJson(ValueError):
    """The text isn't JSON, or could be read in more than one way. The message names the fault and repeats no content."""


def parse(data: bytes) -> JsonValue:
    """Reads UTF-8 JSON. Raises `MalformedJson` for a byte order mark, another encoding, duplicate keys, `NaN`, `Infinity`,
    numbers beyond any reader's range, and nesting too deep to read."""
    try:
        value: JsonValue = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole
        )
    except UnicodeDecodeError as error:
        raise MalformedJson("not UTF-8") from error
    except RecursionError as error:
        raise MalformedJson("nested too deep") from error
    except json.JSONDecodeError as error:
        raise MalformedJson("not JSON") from error
    return value


def parse_from_sandbox(data: bytes) -> JsonValue:
    """`parse` for what a sandbox wrote: also refuses what would take much memory, deep nesting, and strings that aren't
    Unicode text (lone surrogates)."""
    if data.count(b"[") + data.count(b"{") + data.count(b",") > PARTS_LIMIT:
        raise MalformedJson("of too many parts")
    value = parse(data)
    _check_depth(value)
    if _SURROGATE_ESCAPE.search(data.decode("utf-8")):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise MalformedJson("a lone surrogate") from error
    return value


def serialise(value: JsonValue) -> bytes:
    """What is sent to the control plane: UTF-8, no blanks."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def serialise_ascii(value: JsonValue) -> bytes:
    """What is sent to a sandbox: one line of ASCII, so that no reader finds a line break in it."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def digest(value: JsonValue) -> str:
    """SHA-256 of a value, whatever the order of its keys."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedJson("duplicate keys")
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise MalformedJson("NaN or Infinity")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise MalformedJson("a number out of range")
    return number


def _whole(text: str) -> int:
    if len(text) > 20:  # 2^64 has 20 digits; a longer number is read as a float, or not at all, by other readers
        raise MalformedJson("a number out of range")
    return int(text)


def _check_depth(value: JsonValue) -> None:
    level: list[JsonValue] = [value]
    for _ in range(DEPTH_LIMIT):
        level = [child for node in level if isinstance(node, dict | list) for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return
    raise MalformedJson("nested too deep")
