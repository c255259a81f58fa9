"""What an nftables ruleset lets sandboxes and services do: the accepting rules of its chains.

A base chain decides by its first terminal verdict, and by its policy where none is met; `jump` goes on in another chain and comes back
(nftables wiki: rules and chains). Rules are read as far as the verdict and the plain matches of interface, user, address and port; a
rule that accepts with a match that isn't read is taken to accept without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from domicile.residency import Source

SOURCE = Source("nftables.org: nftables wiki, configuring chains; simple rule management", "2024")
_HEAD = re.compile(r"chain (?P<name>\S+) \{")
_BASE = re.compile(r"type \w+ hook (?P<hook>\w+) priority [^;]+; policy (?P<policy>\w+);")
_VERDICT = re.compile(r"\b(accept|drop|reject|jump (?P<to>\S+)|goto (?P<gone>\S+)|masquerade)\b")


@dataclass
class Chain:
    """A chain by its rules, in order. `hook` is empty for one that is only jumped to."""

    name: str
    kind: str = ""
    hook: str = ""
    policy: str = "accept"
    rules: list[str] = field(default_factory=list)

    def accepting(self) -> Iterator[str]:
        """The rules that let something new in."""
        for rule in self.rules:
            verdict = _VERDICT.search(rule)
            if verdict and verdict.group(1) == "accept" and not rule.startswith("ct state established"):
                yield rule

    def jumps(self) -> Iterator[tuple[str, str]]:
        """The matches of rules that go on in another chain, and its name."""
        for rule in self.rules:
            verdict = _VERDICT.search(rule)
            if verdict and (to := verdict.group("to") or verdict.group("gone")):
                yield rule[: verdict.start()], to


@dataclass(frozen=True)
class Accepted:
    """What one accepting rule is about; None where it doesn't say."""

    rule: str
    user: str | None
    interface: str | None
    to: str | None
    protocol: str | None
    ports: tuple[int, ...] | None


def chains(text: str) -> Mapping[str, Chain]:
    """The chains of a ruleset by name."""
    found: dict[str, Chain] = {}
    now: Chain | None = None
    for line in (each.strip() for each in text.splitlines()):
        if head := _HEAD.match(line):
            now = found[head["name"]] = Chain(head["name"])
        elif line == "}":
            now = None
        elif now is not None and (base := _BASE.match(line)):
            now.hook, now.policy, now.kind = base["hook"], base["policy"], line.split()[1]
        elif now is not None and line:
            now.rules.append(line)
    return found


def accepted(found: Mapping[str, Chain], hook: str) -> Iterator[Accepted]:
    """Everything that the filtering base chains of a hook let through, jumps followed; an accepting policy as a rule without a match."""
    for chain in found.values():
        if chain.hook == hook and chain.kind == "filter":
            yield from _through(found, chain, "", frozenset())
            if chain.policy == "accept":
                yield read(f"policy of chain {chain.name}: accept")


def _through(found: Mapping[str, Chain], chain: Chain, before: str, seen: frozenset[str]) -> Iterator[Accepted]:
    for rule in chain.accepting():
        yield read(f"{before}{rule}")
    for match, to in chain.jumps():
        if to in found and to not in seen:
            yield from _through(found, found[to], f"{before}{match}", seen | {to})


def read(rule: str) -> Accepted:
    """The plain matches of a rule."""
    ports = _one(rule, r"(?:tcp|udp) dport (\{[^}]*\}|\S+)")
    whole = ports is not None and re.fullmatch(r"[{} ,\d]+", ports)
    numbers = tuple(map(int, re.findall(r"\d+", ports))) if ports and whole else None
    interface = _one(rule, r'iifname "([^"]*)"') or _one(rule, r'oifname "([^"]*)"')
    to = _one(rule, r"ip6? daddr ((?:!= )?(?:\{[^}]*\}|\S+))")
    return Accepted(rule, _one(rule, r"meta skuid (\S+)"), interface, to, _one(rule, r"\b(tcp|udp) dport"), numbers)


def _one(rule: str, pattern: str) -> str | None:
    found = re.search(pattern, rule)
    return found.group(1) if found else None
