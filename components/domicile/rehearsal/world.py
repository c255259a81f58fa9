"""What the cloud refuses when a thing is made, changed or deleted: references to what isn't there, networks that clash, names taken.

Tables say what holds (`kinds`); this finds the things concerned and judges. Called by `provider` with the cloud's lock held.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import policy
from .cloud import Properties, Thing, Use
from .kinds import Apart, Demand, Distinct, Grants, Inside, Kind, Native, Neighbour, OnePer, Package, Place, PolicyOf, Ref
from .paths import first, values
from .templates import Known, fill, known

GLOBAL = "global"  # where things are that lie in no region


class Refused(Exception):
    """The cloud's answer to a call that can't be: its code, as the service would give it, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass
class Referents:
    """The things that inputs refer to, by the reference's name, and the uses to be noted."""

    by_name: dict[str, list[Thing]] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)

    def properties(self) -> dict[str, Properties]:
        """Of the first of each name, for templates."""
        return {name: things[0].properties for name, things in self.by_name.items() if things}


class World:
    """One place of a package's cloud, judged by the package's tables."""

    def __init__(self, package: Package, place: Place) -> None:
        self.package, self.place = package, place

    # -- references ---------------------------------------------------------------------------------------------------

    def handle(self, token: str, value: str) -> str:
        """What a thing of a type is called, in the index: an ARN says its place itself, all else is of an account and region."""
        if value.startswith("arn:"):
            return f"{token} {value}"
        kind = self.package.kind(token)
        scope = "*" if kind.everywhere or kind.known_everywhere else f"{self.place.account}/{self.place.region}"
        return f"{scope} {token} {value}"

    def referents(self, kind: Kind, inputs: Properties) -> Referents:
        """Find all that the inputs refer to; Refused if something isn't there."""
        found = Referents()
        for ref in kind.refs:
            for path, value in values(inputs, ref.path):
                text = str(value)
                if text == "" or (ref.outside and re.fullmatch(ref.outside, text)):
                    continue
                thing, handle = self._find(ref, text.removeprefix(ref.prefix), path, kind)
                found.by_name.setdefault(ref.name or ref.path, []).append(thing)
                found.uses.append(Use(path, handle, ref.holds, ref.part))
        if kind.one_network:
            self._one_network(found)
        return found

    def _find(self, ref: Ref, value: str, path: str, kind: Kind) -> tuple[Thing, str]:
        for token in ref.tokens:
            handle = self.handle(token, value)
            thing = self.place.cloud.called(handle)
            known = ref.anywhere or (self.package.kind(token).known_everywhere and not ref.here)
            if thing and (known or thing.region in (self.place.region, GLOBAL)):
                return thing, handle
        missing = self.package.kind(ref.tokens[0])
        what = ref.tokens[0].rpartition(":")[2]
        where = next((t.region for t in self.place.cloud.things() if value in (t.id, t.properties.get("arn"))), "")
        hint = f"; it is in {where}" if where else ""
        raise Refused(missing.missing, f"{path}: the {what} {value!r} does not exist in {self.place.account}/{self.place.region}{hint}")

    def _one_network(self, found: Referents) -> None:
        networks: dict[str, Thing] = {}
        for things in found.by_name.values():
            for thing in things:
                if network := self._network(thing):
                    networks.setdefault(network, thing)
        if len(networks) > 1:
            (a, one), (b, other) = list(networks.items())[:2]
            raise Refused("InvalidParameter", f"{one.id!r} (of {a}) and {other.id!r} (of {b}) belong to different networks")

    def _network(self, thing: Thing) -> str:
        """The network that a thing lies in: its own, or that of what it refers to, as a launch template's is its security groups'."""
        kind = self.package.kind(thing.token)
        own = thing.id if kind.network == "id" else thing.properties.get(kind.network or "vpcId")
        if own or not kind.one_network:
            return str(own or "")
        others = (self.place.cloud.called(use.handle) for use in thing.uses)
        return next((n for other in others if other and (n := self._network(other))), "")

    # -- rules between things -----------------------------------------------------------------------------------------

    def judge(self, kind: Kind, token: str, inputs: Properties, found: Referents, own: Thing | None = None) -> tuple[str, ...]:
        """Hold the inputs to the rules between things; returns what the thing then claims for itself. `own` is the thing as it was."""
        claims = []
        for rule in kind.world:
            match rule:
                case Inside():
                    self._inside(rule, inputs, found)
                case Apart():
                    self._apart(rule, token, inputs, found, own)
                case OnePer():
                    self._one_per(rule, found)
                case Demand():
                    self._demand(rule, inputs, found)
                case Neighbour():
                    self._neighbour(rule, inputs, found)
                case Grants():
                    self._grants(rule, found)
                case PolicyOf():
                    self._policy_of(rule, inputs)
                case Native():
                    self._native(rule, inputs)
                case Distinct():
                    claims += self._distinct(rule, token, inputs, own)
        return tuple(claims)

    @staticmethod
    def _inside(rule: Inside, inputs: Properties, found: Referents) -> None:
        outer = [str(n) for t in found.by_name.get(rule.ref, ()) for _, n in values(t.properties, rule.of) if n]
        for path, value in values(inputs, rule.path):
            if outer and not any(_within(str(value), o) for o in outer):
                raise Refused(rule.code, f"{path}: the CIDR {value!r} is invalid: it does not lie within {', '.join(outer)}")

    def _apart(self, rule: Apart, token: str, inputs: Properties, found: Referents, own: Thing | None) -> None:
        mine = first(inputs, rule.path)
        for thing in found.by_name.get(rule.ref, ()) if mine else ():
            for other in self._siblings(thing, token):
                theirs = first(other.properties, rule.path)
                if (own is None or other.key != own.key) and theirs and _overlap(str(mine), str(theirs)):
                    raise Refused(rule.code, f"{rule.path}: the CIDR {mine!r} conflicts with {other.id!r} ({theirs})")

    def _siblings(self, of: Thing, token: str) -> Iterator[Thing]:
        for handle in of.handles:
            yield from (t for t in self.place.cloud.users(handle) if t.token == token)

    @staticmethod
    def _one_per(rule: OnePer, found: Referents) -> None:
        seen: dict[Any, str] = {}
        for thing in found.by_name.get(rule.ref, ()):
            value = thing.properties.get(rule.of)
            if value in seen:
                raise Refused(rule.code, f"{rule.ref}: {thing.id!r} and {seen[value]!r} both have {rule.of} {value!r}; give one of each")
            seen[value] = thing.id

    @staticmethod
    def _demand(rule: Demand, inputs: Properties, found: Referents) -> None:
        if rule.when and first(inputs, rule.when) not in rule.values:
            return
        for thing in found.by_name.get(rule.ref, ()):
            for key, wanted in rule.wanted.items():
                has = first(thing.properties, key)
                allowed = wanted if isinstance(wanted, tuple) else (wanted,)
                if has not in allowed:
                    raise Refused(rule.code, f"{rule.ref}: {thing.id!r} has {key} {has!r}; it must be {' or '.join(map(repr, allowed))}")

    def _neighbour(self, rule: Neighbour, inputs: Properties, found: Referents) -> None:
        if rule.when and first(inputs, rule.when) not in rule.values:
            return
        for thing in found.by_name.get(rule.ref, ()):
            if rule.unless and all(thing.properties.get(k) == v for k, v in rule.unless.items()):
                continue
            network = thing.id if rule.of == "id" else str(thing.properties.get(rule.of))
            if not any(t.token in rule.tokens for t in self.place.cloud.users(self.handle(rule.network, network))):
                raise Refused(rule.code, f"{rule.ref}: {network!r} has no {rule.tokens[0].rpartition(':')[2]}")

    def _grants(self, rule: Grants, found: Referents) -> None:
        service = fill(rule.service, self._words({}))
        for thing in found.by_name.get(rule.ref, ()):
            documents = [thing.properties.get("policy")]
            documents += [t.properties.get("policy") for h in thing.handles for t in self.place.cloud.users(h)]
            if not any(policy.allows(d, service) for d in documents if d):
                raise Refused(rule.code, f"{rule.ref}: the policy of {thing.id!r} allows {service} nothing, so it can't be used here")

    def _policy_of(self, rule: PolicyOf, inputs: Properties) -> None:
        arn = fill(rule.arn, self._words(inputs))
        for path, document in values(inputs, rule.path):
            for resource in policy.resources(document):
                if resource != arn and not resource.startswith((f"{arn}/", f"{arn}*")):
                    raise Refused(rule.code, f"{path}: the policy has an invalid resource {resource!r}: it may speak of {arn!r} only")

    def _native(self, rule: Native, inputs: Properties) -> None:
        region = str((rule.region and first(inputs, rule.region)) or self.place.region)
        for path, value in values(inputs, rule.path):
            if not rule.made(str(value), region) and not any(t.id == value for t in self.place.cloud.things(region=region)):
                raise Refused(rule.code, f"{path}: {value!r} does not exist in {region}")

    def _words(self, inputs: Properties) -> Known:
        return known(Kind(), "", inputs, self.place, {})

    def _distinct(self, rule: Distinct, token: str, inputs: Properties, own: Thing | None) -> list[str]:
        mine = [first(inputs, p) for p in rule.paths]
        if mine[0] is None:
            return []
        scope = {"world": "*", "account": self.place.account}.get(rule.scope, f"{self.place.account}/{self.place.region}")
        claim = f"{scope} {token} {rule.paths} {str(mine).lower() if rule.folded else mine}"
        holder = self.place.cloud.claimant(claim)
        if holder and (own is None or holder.key != own.key):
            said = ", ".join(f"{p} {v!r}" for p, v in zip(rule.paths, mine, strict=True) if v is not None)
            still = "is scheduled for deletion, and keeps its name until then" if holder.gone else "already exists"
            raise Refused(rule.code, f"a {token.rpartition(':')[2]} with {said} {still} ({holder.id!r})")
        return [claim]

    # -- deletion -----------------------------------------------------------------------------------------------------

    def release(self, thing: Thing) -> None:
        """Refused if the thing is guarded, or something else still holds it; what it may be deleted with goes too."""
        kind, what = self.package.kind(thing.token), thing.token.rpartition(":")[2]
        for key, value in kind.guards.items():
            if thing.properties.get(key) == value:
                raise Refused(kind.guarded, f"the {what} {thing.id!r} can't be deleted: its {key} is {value!r}; change that first")
        holders = [user for handle in thing.handles for user in self.place.cloud.users(handle)
                   if user.key != thing.key and any(u.handle == handle and u.holds for u in user.uses)]  # fmt: skip
        forced = kind.force and thing.properties.get(kind.force) is True
        for user in holders:
            if not forced:
                by = f"{user.token.rpartition(':')[2]} {user.id!r} ({user.name})"
                raise Refused(kind.in_use, f"the {what} {thing.id!r} can't be deleted: the {by} uses it")
            self.place.cloud.drop(user)


def _within(inner: str, outer: str) -> bool:
    a, b = ipaddress.ip_network(inner, strict=False), ipaddress.ip_network(outer, strict=False)
    return a.version == b.version and a.subnet_of(b)  # type: ignore[arg-type]


def _overlap(one: str, other: str) -> bool:
    a, b = ipaddress.ip_network(one, strict=False), ipaddress.ip_network(other, strict=False)
    return a.version == b.version and a.overlaps(b)
