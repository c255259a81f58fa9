"""What a service refuses of one thing's own inputs: lengths, patterns, ranges, conflicts, documents. Each rule carries its source.

Tables hold them; `Rule.faults` is asked in the provider's Check, so that a preview already fails.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import policy
from .paths import first, given, values
from .types import Fault, suggestion


class Source(NamedTuple):
    """Where a rule is from: a document and the day it was read. `aws.vocabulary` has the forms that there are, and how each is held."""

    document: str
    read: str


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
class OfValue(Rule):
    """A rule that looks at each value at a path by itself."""

    path: str

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        return (Fault(at, reason) for at, v in values(of, self.path) if (reason := self.wrong(v)))

    def wrong(self, v: Any) -> str:
        """What is wrong with a value; empty if nothing is."""
        raise NotImplementedError


@dataclass(frozen=True)
class Bounds(OfValue):
    """A number that lies between two others; infinity is no bound."""

    least: float
    most: float
    of_what = ""

    def wrong(self, v: Any) -> str:
        measure = self.measure(v)
        taken = f"{self.least:g} to {self.most:g}" if math.isfinite(self.most) else f"at least {self.least:g}"
        return "" if self.least <= measure <= self.most else f"{measure:g}{self.of_what}; it takes {taken}"

    def measure(self, v: Any) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class Range(Bounds):
    """A number lies between two others."""

    def measure(self, v: Any) -> float:
        return float(v)


@dataclass(frozen=True)
class Length(Bounds):
    """A text has so many characters."""

    of_what = " characters"

    def measure(self, v: Any) -> float:
        return len(str(v))


@dataclass(frozen=True)
class Items(Bounds):
    """A list or map has so many entries."""

    of_what = " entries"

    def measure(self, v: Any) -> float:
        return len(v)


@dataclass(frozen=True)
class Pattern(OfValue):
    """A text matches all of a regular expression; `says` is what that means."""

    regex: str
    says: str

    def wrong(self, v: Any) -> str:
        return "" if re.fullmatch(self.regex, str(v), re.DOTALL) else f"{str(v)[:120]!r} is not allowed: {self.says}"


@dataclass(frozen=True)
class Never(OfValue):
    """A text matches this nowhere."""

    regex: str
    says: str

    def wrong(self, v: Any) -> str:
        return f"{str(v)[:120]!r} is not allowed: {self.says}" if re.search(self.regex, str(v)) else ""


@dataclass(frozen=True)
class OneOf(OfValue):
    """A value is one of these."""

    allowed: tuple[Any, ...]

    def wrong(self, v: Any) -> str:
        if v in self.allowed:
            return ""
        meant = suggestion(v, self.allowed).partition("; there are")[0]
        return f"{v!r} is not one of {', '.join(map(str, self.allowed))}{meant}"


@dataclass(frozen=True)
class Tags(OfValue):
    """Tags as all of AWS takes them: at most 50, with keys of 1 to 128 characters that don't begin with `aws:`, values of at most 256."""

    def wrong(self, v: Any) -> str:
        if len(v) > 50:
            return f"{len(v)} tags; it takes at most 50"
        pairs = v.items() if isinstance(v, dict) else ((t.get("key", ""), t.get("value")) for t in v)  # an Auto Scaling group has a list
        for key, value in pairs:
            if not 1 <= len(key) <= 128 or key.lower().startswith("aws:"):
                return f"the tag {key[:140]!r} is not allowed: a key has 1 to 128 characters and doesn't begin with 'aws:'"
            if value is not None and len(str(value)) > 256:
                return f"the tag {key!r} has {len(str(value))} characters; it takes at most 256"
        return ""


@dataclass(frozen=True)
class Network(OfValue):
    """A CIDR block of a size between two prefix lengths; `version` 4 or 6, or 0 for either. It has no host bits, unless the service clears
    them."""

    shortest: int = 0
    longest: int = 128
    version: int = 4
    cleared: bool = False

    def wrong(self, v: Any) -> str:
        try:
            net = ipaddress.ip_network(str(v), strict=not self.cleared)
        except ValueError as e:
            return f"{v!r} is not a CIDR block: {e}"
        if "/" not in str(v):
            return f"{v!r} has no prefix length, as in '{v}/{net.max_prefixlen}'"
        if self.version not in (0, net.version):
            return f"{v!r} is IPv{net.version}; it takes IPv{self.version}"
        within = self.shortest <= net.prefixlen <= self.longest
        return "" if within else f"/{net.prefixlen} is out of range; it takes /{self.shortest} to /{self.longest}"


@dataclass(frozen=True)
class Size(OfValue):
    """A text has at most so many bytes, after base64 is undone where it is `encoded`."""

    most: int
    encoded: bool = False

    def wrong(self, v: Any) -> str:
        content = str(v).encode()
        if self.encoded:
            try:
                content = base64.b64decode(content, validate=True)
            except binascii.Error as e:
                return f"is not base64: {e}; encode it"
        return f"{len(content)} bytes; it takes at most {self.most}" if len(content) > self.most else ""


@dataclass(frozen=True)
class Json(OfValue):
    """A text is a JSON object."""

    def wrong(self, v: Any) -> str:
        try:
            value = json.loads(v)
        except (TypeError, ValueError) as e:
            return f"is not JSON: {e}"
        return "" if isinstance(value, dict) else "is JSON, but not an object"


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
class Where(Rule):
    """A rule that holds only where `condition` (a path) is one of `when`; None stands for nothing given."""

    condition: str
    when: tuple[Any, ...]
    rule: Rule

    def faults(self, of: dict[str, Any]) -> Iterator[Fault]:
        if first(of, self.condition) in self.when:
            for fault in self.rule.faults(of):
                yield Fault(fault.path, f"{fault.reason}, as {_condition(of, self.condition, self.when)}")


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
