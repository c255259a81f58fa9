"""What a provider double does with each call, in plain values: checks by types and tables, and deeds in the cloud."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..engine.values import UNKNOWN, Properties, Secret, has_unknown, mark_keys, mark_like, plain
from . import calls, types
from .cloud import Cloud, Thing
from .difference import Difference, default, difference, same
from .kinds import Kind, Package, Place
from .principal import Principal
from .schema import Schema
from .shapes import Prop, Shape
from .templates import Known, fill, known
from .types import Fault, suggestion
from .world import GLOBAL, Referents, Refused, World

_HOLLOW: dict[str, Any] = {"int": 0, "float": 0, "bool": False, "list": [], "map": {}}
_INTERNAL = {"version", "__internal", "pluginDownloadURL"}


def subject(urn: str) -> tuple[str, str]:
    """The type and name of a URN's resource."""
    parts = urn.split("::", 3)
    return parts[2].rpartition("$")[2], parts[3]


class Double:
    """One configured provider of a package, over a cloud.

    What is done from `outside` is no stack's call: it is allowed, and not logged.
    """

    def __init__(self, package: Package, schema: Schema, cloud: Cloud, outside: bool = False) -> None:
        self.package, self.schema, self.cloud, self._outside = package, schema, cloud, outside
        self._account, self._region, self._tags = package.name, GLOBAL, Properties()  # until configured, or of a package without regions

    # -- configuration ------------------------------------------------------------------------------------------------

    def check_configuration(self, config: Properties) -> list[Fault]:
        """What is wrong with the provider's own configuration. Unknown values pass."""
        shape = self._shape(f"pulumi:providers:{self.package.name}")
        opened = self._opened(shape, config)
        faults = list(types.faults(self.schema, shape.inputs, opened))
        if not faults and not has_unknown(opened) and self.package.configuration:
            try:
                self.package.configuration(opened, self.cloud.account)
            except ValueError as e:
                path, _, reason = str(e).partition(": ")
                faults = [Fault(path, reason)]
        return faults

    @staticmethod
    def configuration_difference(old: Properties, new: Properties) -> tuple[list[str], list[str]]:
        """What changed, and what of it makes a new provider, and with it all things anew: a region."""
        changed = sorted(k for k in {*old, *new} - _INTERNAL if old.get(k) != new.get(k))
        return changed, [k for k in changed if k == "region"]

    def configure(self, config: Properties) -> None:
        opened = self._opened(self._shape(f"pulumi:providers:{self.package.name}"), config)
        if self.package.configuration:
            try:
                self._account, self._region, self._tags = self.package.configuration(opened, self.cloud.account)
            except ValueError as e:
                raise Refused("InvalidConfiguration", str(e)) from e

    def settle(self, account: str, region: str) -> None:
        """Configure it without a provider's configuration."""
        self._account, self._region, self._tags = account, region, {}

    @staticmethod
    def _opened(shape: Shape, config: Properties) -> Properties:
        """Secrets opened, and the JSON in which nested values travel undone."""
        opened: Properties = {k: v for k, v in plain(config).items() if k not in _INTERNAL}
        for key, value in opened.items():
            nested = key in shape.inputs and shape.inputs[key].type.kind not in ("str", "any")
            if nested and isinstance(value, str) and value != UNKNOWN:
                try:
                    opened[key] = json.loads(value)
                except ValueError:
                    continue  # the type check says what is wrong with it
        return opened

    # -- inputs -------------------------------------------------------------------------------------------------------

    def check(self, urn: str, olds: Properties, news: Properties, seed: bytes) -> tuple[Properties, list[Fault]]:
        """The inputs with automatic names and default tags, and what is wrong with them."""
        token, name = subject(urn)
        shape = self.schema.resource(token)
        if shape is None:
            return news, [
                Fault("", f"{self.package.name} {self.schema.version} has no resource type {token}{suggestion(token, self.schema.tokens)}")
            ]
        kind = self.package.kind(token)
        news = self._named(shape, kind, urn, name, olds, news, seed)
        if self._tags and "tagsAll" in shape.outputs and "tags" in shape.inputs:
            news = {**news, "tags": _merged_tags(self._tags, news.get("tags"))}
        opened = plain(news)
        faults = list(types.faults(self.schema, shape.inputs, opened))
        if not faults:
            region = opened.get("region")
            if isinstance(region, str) and region != UNKNOWN and self.package.regions and region not in self.package.regions:
                faults.append(Fault("region", f"{region!r} is no region{suggestion(region, self.package.regions)}"))
            faults += [f for rule in (*self.package.common, *kind.rules) for f in rule.faults(opened)]
        return news, faults

    def _named(self, shape: Shape, kind: Kind, urn: str, name: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        """Give a name to what has none, and keep it from then on. It differs after each thing that the resource has made."""
        key = _named_by(self.package, shape, kind)
        if not key or _within(news, key) is not None or news.get("namePrefix") or news.get(f"{key}Prefix"):
            return news
        outer, _, inner = key.rpartition(".")
        if not isinstance(news.get(outer, {}), dict):  # all of it is unknown or secret: its name isn't ours to give
            return news
        if _within(olds, key) is not None and key in (olds.get("__defaults") or ()):
            chosen = _within(olds, key)
        else:
            digits = hashlib.sha256(f"{seed.hex()} {urn} {self.cloud.serial(urn)}".encode()).hexdigest()[:7]
            room = kind.autoname_length - 8 if kind.autoname_length else len(name)
            chosen = (kind.autoname or "{name}-{hex7}").format(name=name[:room], hex7=digits)
            if plain(news).get("fifoQueue") or plain(news).get("fifoTopic"):
                chosen += ".fifo"
        given = {outer: {**news.get(outer, {}), inner: chosen}} if outer else {inner: chosen}
        return {**news, **given, "__defaults": [key]}

    def difference(self, urn: str, state: Properties, old: Properties, new: Properties, ignored: set[str]) -> tuple[Difference, bool]:
        """What changed, and whether the old thing must go before the new one comes, as they can't have one name both."""
        token, _ = subject(urn)
        shape, kind = self._shape(token), self.package.kind(token)
        found = difference(shape, kind, plain(state), plain(old), plain(new), ignored)
        key = _named_by(self.package, shape, kind) or ""
        chosen = _within(new, key) is not None and key not in (new.get("__defaults") or ())
        return found, bool(found.replaces) and chosen and same(_within(old, key), _within(new, key))

    # -- deeds --------------------------------------------------------------------------------------------------------

    def foreseen(self, urn: str, inputs: Properties, state: Properties | None = None) -> Properties:
        """What a create (or update of `state`) will give, as far as it can be known before."""
        token, _ = subject(urn)
        shape, kind = self._shape(token), self.package.kind(token)
        outputs = self._outputs(shape, kind, inputs, None)
        if state is not None:
            changing = _changing(kind, inputs)
            outputs |= {k: v for k, v in state.items() if k not in changing and k not in inputs and outputs.get(k) == UNKNOWN}
            outputs |= {k: UNKNOWN for k in changing if k in shape.outputs}
        return self._marked(shape, outputs, inputs)

    def create(self, urn: str, inputs: Properties, own_id: str = "") -> tuple[str, Properties]:
        """Make the thing; its id and outputs. `own_id` is for one that comes from outside with an id of its own."""
        token, name = subject(urn)
        shape, kind = self._shape(token), self.package.kind(token)
        place, given = self._place(inputs, kind), plain(inputs)
        world = World(self.package, place)
        with self.cloud.locked(), self._noted("create", token, name, place) as concerns:
            found = world.referents(kind, given)
            words = known(kind, f"{urn}#{self.cloud.serial(urn)}", given, place, found.properties())
            id_, arn = _identity(replace(kind, id=own_id) if own_id else kind, words)
            others = (arn for things in found.by_name.values() for thing in things for arn in self.cloud.concerned(thing))
            concerns(arn, *others)
            claims = world.judge(kind, token, given, found)
            if self._find(token, id_, place):
                raise Refused("AlreadyExists", f"the {token.rpartition(':')[2]} {id_!r} exists already in {place.account}/{place.region}")
            outputs = self._outputs(shape, kind, given, Known({**words, "id": id_, "arn": arn}))
            thing = Thing(token, id_, place.account, place.region, name, _without_marks({**given, **outputs}))
            self._put(thing, kind, world, found, claims, words)
            self.cloud.serial(urn, bump=True)
        return id_, self._marked(shape, outputs, inputs)

    def _put(self, thing: Thing, kind: Kind, world: World, found: Referents, claims: tuple[str, ...], words: Known) -> None:
        now = Known({**words, **thing.properties, "id": thing.id, "arn": thing.properties.get("arn") or words.get("arn", "")})
        names = [thing.id, now["arn"], thing.properties.get("name"), *(fill(h, now) for h in kind.handles)]
        handles = [world.handle(thing.token, str(n)) for n in names if n]
        handles += [world.handle(other, fill(h, now)) for other, h in kind.also.items()]
        self.cloud.put(replace(thing, handles=tuple(dict.fromkeys(handles)), uses=tuple(found.uses), claims=claims))

    def update(self, urn: str, id_: str, inputs: Properties) -> Properties:
        token, name = subject(urn)
        shape, kind = self._shape(token), self.package.kind(token)
        place, given = self._place(inputs, kind), plain(inputs)
        world = World(self.package, place)
        with self.cloud.locked(), self._noted("update", token, name, place, id_) as concerns:
            thing = self._find(token, id_, place)
            if thing is None:
                raise Refused(kind.missing, f"the {token.rpartition(':')[2]} {id_!r} does not exist in {place.account}/{place.region}")
            concerns(*self.cloud.concerned(thing))
            found = world.referents(kind, given)
            claims = world.judge(kind, thing.token, given, found, thing)
            words = known(kind, f"{urn}#{id_}#{json.dumps(given, sort_keys=True)}", given, place, found.properties())
            outputs = self._updated(shape, kind, thing, given, Known({**thing.properties, **words}))
            self._put(replace(thing, properties=_without_marks({**given, **outputs})), kind, world, found, claims, words)
        return self._marked(shape, outputs, inputs)

    def _updated(self, shape: Shape, kind: Kind, thing: Thing, given: Properties, words: Known) -> Properties:
        """Outputs after an update: what was computed stays, save what updates change; what is given no more is its default again."""
        outputs = self._outputs(shape, kind, given, Known({**words, "id": thing.id, "arn": thing.properties.get("arn", "")}))
        for key, prop in shape.outputs.items():
            computed = key not in shape.inputs or not (key in given or prop.optional)
            if computed and key != "tagsAll" and thing.properties.get(key) is not None:
                outputs[key] = thing.properties[key]
        for key in _changing(kind, given):
            outputs[key] = thing.properties[key] + 1 if isinstance(thing.properties.get(key), int) else fill(kind.outputs.get(key), words)
        return outputs

    def read(self, urn: str, id_: str, inputs: Properties, state: Properties) -> tuple[str, Properties, Properties] | None:
        """Id, inputs and outputs as they are; None if the thing is gone. With no inputs (an import, a `.get`), all inputs are told."""
        token, name = subject(urn)
        shape, kind = self._shape(token), self.package.kind(token)
        place = self._place(inputs or state, kind)
        with self._noted("read", token, name, place, id_) as concerns:
            thing = self._find(token, id_, place)
            if thing is None:
                return None
            concerns(*self.cloud.concerned(thing))
            outputs = {k: thing.properties[k] for k in shape.outputs if thing.properties.get(k) is not None}
            wanted = inputs if inputs else {k: None for k in shape.inputs if k != "region"}
            told = {k: thing.properties[k] for k in wanted if thing.properties.get(k) is not None}
            if "__defaults" in inputs:
                told["__defaults"] = inputs["__defaults"]
            return thing.id, mark_like(told, inputs), self._marked(shape, mark_like(outputs, state), inputs)

    def delete(self, urn: str, id_: str, state: Properties) -> None:
        """Delete the thing; one that is gone already is no fault."""
        token, name = subject(urn)
        kind = self.package.kind(token)
        place = self._place(state, kind)
        with self.cloud.locked(), self._noted("delete", token, name, place, id_) as concerns:
            thing = self._find(token, id_, place)
            if thing is None:
                return
            concerns(*self.cloud.concerned(thing))
            World(self.package, place).release(thing)
            unless, value = kind.lingers_unless
            if kind.lingers and not (unless and thing.properties.get(unless) == value):
                self.cloud.bury(thing)
            else:
                self.cloud.drop(thing)

    def invoke(self, token: str, args: Properties) -> tuple[list[Fault], Properties]:
        """What is wrong with the arguments, or the function's result."""
        shape = self.schema.function(token)
        if shape is None:
            return [Fault("", f"{self.package.name} {self.schema.version} has no function {token}")], {}
        opened = plain(args)
        faults = list(types.faults(self.schema, shape.inputs, opened))
        if faults:
            return faults, {}
        function = self.package.functions.get(token)
        if function is None:
            raise Refused("NotRehearsed", f"the provider double has no function {token}; add it to the package's tables")
        place = self._place(opened, Kind())
        with self._noted("invoke", token, "", place) as concerns:
            concerns()
            result = function(opened, place)
        return [], {k: v for k, v in {**{k: v for k, v in opened.items() if k in shape.outputs}, **result}.items() if v is not None}

    @contextmanager
    def _noted(self, operation: calls.Operation, token: str, name: str, place: Place, id_: str = "") -> Iterator[Callable[..., None]]:
        """Log the actions of a call when it ends, with how it ended. The block says which ARNs it concerns, and goes on if it may."""
        outcome, found = "done", dict[str, None]()
        actions = self.package.actions(operation, token)

        def concerns(*arns: str) -> None:
            found.update(dict.fromkeys(arn for arn in arns if arn))
            self._authorize(actions, token, place, tuple(found))

        try:
            yield concerns
        except Refused as e:
            outcome = str(e)
            raise
        finally:
            if not self._outside:
                where = (place.account, place.region, outcome, tuple(found))
                calls.write(self.cloud.folder, operation, actions, token, name, id_, *where)

    def _authorize(self, actions: tuple[str, ...], token: str, place: Place, arns: tuple[str, ...]) -> None:
        """Refused unless the principal, if somebody has named one, may take each action on all that it touches."""
        principal = None if self._outside else Principal.of(self.cloud.folder)
        if principal is None or self.package.touched is None or self.package.context is None:
            return
        for action in actions:
            for resource in self.package.touched(action, token, arns, place.account, place.region):
                if not principal.may(action, resource, self.package.context(action, token, place.region)):
                    raise Refused("AccessDenied", f"the principal is not authorized to perform {action} on {resource}")

    # -- parts --------------------------------------------------------------------------------------------------------

    def _shape(self, token: str) -> Shape:
        shape = self.schema.resource(token)
        if shape is None:
            raise Refused("UnknownType", f"{self.package.name} {self.schema.version} has no resource type {token}")
        return shape

    def _place(self, inputs: Properties, kind: Kind) -> Place:
        region = plain(inputs.get("region"))
        chosen = region if isinstance(region, str) and region not in ("", UNKNOWN) else self._region
        return Place(self.cloud, self._account, GLOBAL if kind.everywhere else chosen)

    def _find(self, token: str, id_: str, place: Place) -> Thing | None:
        """The thing, whichever of its type's names it was made under."""
        for name in (token, *self._shape(token).aliases):
            if thing := self.cloud.get(place.account, place.region, name, id_):
                return thing
        return None

    def _outputs(self, shape: Shape, kind: Kind, inputs: Properties, words: Known | None) -> Properties:
        """All outputs; without `words` (a preview) what is computed is unknown."""
        place = self._place(inputs, kind)
        out: Properties = {}
        for key, prop in shape.outputs.items():
            value = inputs.get(key)
            if value is None:
                value = self._computed(key, prop, kind, inputs, place, words)
            if value is not None:
                out[key] = value
        return out

    def _computed(self, key: str, prop: Prop, kind: Kind, inputs: Properties, place: Place, words: Known | None) -> Any:
        if key == "region":
            return place.region
        if key == "tagsAll":
            tags = inputs.get("tags")
            return UNKNOWN if has_unknown(tags) else plain(tags) or dict(self._tags)
        if key in kind.outputs and not (words is None and isinstance(kind.outputs[key], str | dict | list)):
            return fill(kind.outputs[key], words or Known())
        if prop.optional or default(prop) is not None:
            return default(prop)
        if words is None:
            return UNKNOWN
        if key in ("id", "arn"):
            return words[key]
        if key.endswith("Prefix"):
            return ""
        return _HOLLOW.get(prop.type.kind, f"{key}-of-{words['id']}" if prop.type.kind in ("str", "union") else None)

    @staticmethod
    def _marked(shape: Shape, outputs: Properties, inputs: Properties) -> Properties:
        marked: Properties = mark_keys(mark_like(outputs, inputs), sorted(shape.secrets))
        return marked


def _identity(kind: Kind, words: Known) -> tuple[str, str]:
    """Id and ARN; either may be made of the other."""
    if "{arn}" in kind.id:
        arn = fill(kind.arn, words) or words["arn"]  # of its own, or the one that its inputs name
        return fill(kind.id, Known({**words, "arn": arn})), arn
    id_ = fill(kind.id, words)
    return id_, fill(kind.arn, Known({**words, "id": id_}))


def _changing(kind: Kind, inputs: Properties) -> list[str]:
    """Which computed outputs an update with these inputs changes."""
    parts = [key.partition("?") for key in kind.changing]
    return [key for key, _, condition in parts if not condition or plain(inputs.get(condition)) is True]


def _named_by(package: Package, shape: Shape, kind: Kind) -> str | None:
    """The property that is named automatically: one that needn't be given, and that the thing has in the end."""
    if kind.autoname == "-":
        return None
    return next((
        k for k in package.names
        if (top := k.partition(".")[0]) in shape.inputs and not shape.inputs[top].required
        and top in shape.outputs and not shape.outputs[top].optional
    ), None)  # fmt: skip


def _within(properties: Properties, path: str) -> Any:
    """What stands at `path` (`metadata.name`), opened; None where there is nothing, or nothing known to look into."""
    value: Any = plain(properties)
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _merged_tags(base: Properties, tags: Any) -> Any:
    if tags is None:
        return dict(base)
    if isinstance(tags, Secret):
        return Secret(_merged_tags(base, tags.value))
    return {**base, **tags} if isinstance(tags, dict) else tags


def _without_marks(properties: Properties) -> Properties:
    return {k: v for k, v in properties.items() if k != "__defaults"}
