"""What a service refuses of one thing's own inputs: lengths, patterns, ranges, conflicts, documents. Each rule carries its source.

Tables hold them; `Rule.faults` is asked in the provider's Check, so that a preview already fails.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import policy
from .paths import first, given, values
from .types import Fault, suggestion


class Source(NamedTuple):
    """Where a rule is from: a document and the day it was read; no day means that it is from memory and unverified."""

    document: str
    read: str = ""


MEMORY = Source("from memory, unverified")


def model(service: str, shape: str) -> Source:
    """A shape of AWS's own service model, as botocore carries it: tests hold the rule to it."""
    return Source(f"AWS service model: {service} {shape}", "2026-11-21")


@dataclass(frozen=True, kw_only=True)
class Rule:
    source: Source

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        """What is wrong with these inputs; unknown values are left alone."""
        raise NotImplementedError


@dataclass(frozen=True)
class Length(Rule):
    """A text has so many characters."""

    path: str
    least: int
    most: int

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        for at, v in values(of, self.path):
            if not self.least <= len(str(v)) <= self.most:
                yield Fault(at, f"{len(str(v))} characters; it takes {self.least} to {self.most}")


@dataclass(frozen=True)
class Pattern(Rule):
    """A text matches all of a regular expression; `says` is what that means."""

    path: str
    regex: str
    says: str

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        for at, v in values(of, self.path):
            if not re.fullmatch(self.regex, str(v), re.DOTALL):
                yield Fault(at, f"{str(v)[:120]!r} is not allowed: {self.says}")


@dataclass(frozen=True)
class Never(Rule):
    """A text matches this nowhere."""

    path: str
    regex: str
    says: str

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        for at, v in values(of, self.path):
            if re.search(self.regex, str(v)):
                yield Fault(at, f"{str(v)[:120]!r} is not allowed: {self.says}")


@dataclass(frozen=True)
class Range(Rule):
    """A number lies between two others, or is one of some."""

    path: str
    least: float
    most: float

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        for at, v in values(of, self.path):
            if not self.least <= float(v) <= self.most:
                yield Fault(at, f"{v} is out of range; it takes {self.least:g} to {self.most:g}")


@dataclass(frozen=True)
class OneOf(Rule):
    """A value is one of these."""

    path: str
    allowed: tuple[Any, ...]

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        for at, v in values(of, self.path):
            if v not in self.allowed:
                yield Fault(
                    at, f"{v!r} is not one of {', '.join(map(str, self.allowed))}" + suggestion(v, self.allowed).partition("; there are")[0]
                )


@dataclass(frozen=True)
class Items(Rule):
    """A list or map has so many entries."""

    path: str
    least: int
    most: int

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        for at, v in values(of, self.path):
            if not self.least <= len(v) <= self.most:
                yield Fault(at, f"{len(v)} entries; it takes {self.least} to {self.most}")


@dataclass(frozen=True)
class AtMostOne(Rule):
    """These exclude each other."""

    paths: tuple[str, ...]

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        both = [p for p in self.paths if given(of, p)]
        if len(both) > 1:
            yield Fault(both[1], f"conflicts with {both[0]!r}; give one of them")


@dataclass(frozen=True)
class AtLeastOne(Rule):
    """One of these must be given."""

    paths: tuple[str, ...]

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        if not any(given(of, p) for p in self.paths):
            yield Fault(self.paths[0], f"one of {', '.join(self.paths)} must be given")


@dataclass(frozen=True)
class Needs(Rule):
    """Where `path` is given (and, if `when` isn't empty, is one of those values), `needed` must be given too."""

    path: str
    needed: str
    when: tuple[Any, ...] = ()

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        if _applies(of, self.path, self.when) and not given(of, self.needed):
            yield Fault(self.needed, f"must be given, as {_condition(of, self.path, self.when)}")


@dataclass(frozen=True)
class Excludes(Rule):
    """Where `path` is given (and, if `when` isn't empty, is one of those values), `excluded` may not be."""

    path: str
    excluded: str
    when: tuple[Any, ...] = ()

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        if _applies(of, self.path, self.when) and given(of, self.excluded):
            yield Fault(self.excluded, f"may not be given, as {_condition(of, self.path, self.when)}")


@dataclass(frozen=True)
class NotAbove(Rule):
    """One number is not above another."""

    low: str
    high: str

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        low, high = first(of, self.low), first(of, self.high)
        if low is not None and high is not None and float(low) > float(high):
            yield Fault(self.low, f"{low} is above {self.high} ({high})")


@dataclass(frozen=True)
class Network(Rule):
    """A CIDR block without host bits, of a size between two prefix lengths; `version` 4 or 6, or 0 for either."""

    path: str
    shortest: int = 0
    longest: int = 128
    version: int = 4

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        for at, v in values(of, self.path):
            try:
                net = ipaddress.ip_network(str(v))
            except ValueError as e:
                yield Fault(at, f"{v!r} is not a CIDR block: {e}")
                continue
            if "/" not in str(v):
                yield Fault(at, f"{v!r} has no prefix length, as in '{v}/{net.max_prefixlen}'")
            elif self.version not in (0, net.version):
                yield Fault(at, f"{v!r} is IPv{net.version}; it takes IPv{self.version}")
            elif not self.shortest <= net.prefixlen <= self.longest:
                yield Fault(at, f"/{net.prefixlen} is out of range; it takes /{self.shortest} to /{self.longest}")


@dataclass(frozen=True)
class Size(Rule):
    """A text has at most so many bytes, after base64 is undone where it is `encoded`."""

    path: str
    most: int
    encoded: bool = False

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        for at, v in values(of, self.path):
            content = str(v).encode()
            if self.encoded:
                try:
                    content = base64.b64decode(content, validate=True)
                except binascii.Error as e:
                    yield Fault(at, f"is not base64: {e}; encode it")
                    continue
            if len(content) > self.most:
                yield Fault(at, f"{len(content)} bytes; it takes at most {self.most}")


@dataclass(frozen=True)
class Json(Rule):
    """A text is JSON: an object, or any value where `object_only` is false."""

    path: str
    object_only: bool = True

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        for at, v in values(of, self.path):
            try:
                value = json.loads(v)
            except (TypeError, ValueError) as e:
                yield Fault(at, f"is not JSON: {e}")
                continue
            if self.object_only and not isinstance(value, dict):
                yield Fault(at, "is JSON, but not an object")


@dataclass(frozen=True)
class Policy(Rule):
    """An IAM policy document of a form, of at most so many characters: white space apart, if `compact`."""

    path: str
    form: policy.Form
    most: int
    compact: bool = True

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        for at, v in values(of, self.path):
            for where, reason in policy.faults(v, self.form):
                yield Fault(f"{at}{where}", reason)
            size = len(re.sub(r"\s", "", str(v))) if self.compact else len(str(v))
            if size > self.most:
                yield Fault(at, f"{size} characters; a policy takes at most {self.most}")


def _applies(of: dict[str, Any], path: str, when: tuple[Any, ...]) -> bool:
    return first(of, path) in when if when else given(of, path)


def _condition(of: dict[str, Any], path: str, when: tuple[Any, ...]) -> str:
    return f"{path} is {first(of, path)!r}" if when else f"{path} is given"
