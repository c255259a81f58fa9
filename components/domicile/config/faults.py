"""What is wrong with a configuration, each fault in one form: path, value, what is allowed, the fix.

`load` raises `ConfigError`; the sections' validators raise `ConfigRefusedError`. Everything pydantic finds is put into the same form here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from domicile.config.amounts import duration_text, size_text

Step = str | int
NOT_SET = "(not set)"
_MASK = "••••"
_SECRET_NAME = re.compile(r"secret|token|passw|passphrase|api.?key|private|^key$|^value$|^secure$", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"sk-[\w-]{6,}|gh[a-z]_\w{8,}|github_pat_\w+|xox[a-z]-[\w-]+|AKIA\w{12,}|eyJ[\w.-]{10,}|whsec_\w+|-----BEGIN[\s\S]*|v\d:[\w+/=:-]{16,}"
    r"|(?<=\bBearer )\S+|(?<=\bBasic )\S+|(?<=://)[^/@\s]+(?=@)"
)
_MEANING = {
    "string_type": "a text",
    "int_type": "a whole number, without quotes",
    "int_from_float": "a whole number",
    "float_type": "a number, without quotes",
    "bool_type": "true or false, without quotes",
    "tuple_type": "a list",
    "ip_v4_address": "an IPv4 address",
    "ip_v4_network": "an IPv4 network",
    "path_type": "a path",
}
_PATTERNS = {
    r"^[a-z][a-z0-9-]{0,30}$": "a lower-case letter, then up to 30 lower-case letters, digits or hyphens",
    r"^[a-z0-9-]+$": "lower-case letters, digits and hyphens",
    r"^sha256:[0-9a-f]{64}$": "`sha256:` and 64 hexadecimal digits",
    r"^env_[A-Za-z0-9_-]+$": "`env_` and the rest of the id, as the Console shows it",
}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    path: str
    """Where, as in `egress.rules[2].credential`."""
    value: str
    """What stands there, secrets masked."""
    allowed: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path or 'the configuration'}\n    value    {self.value}\n    allowed  {self.allowed}\n    fix      {self.fix}"


class ConfigError(Exception):
    """A configuration that can't be used, with every fault found. Raised before anything is touched."""

    def __init__(self, source: str, faults: Iterable[Fault]) -> None:
        self.source = source
        self.faults = tuple(faults)
        super().__init__(str(self))

    def __str__(self) -> str:
        count = "one fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        return "\n  ".join([f"{self.source}: {count}", *map(str, self.faults)])

    def as_json(self) -> dict[str, object]:
        return {"source": self.source, "faults": [asdict(fault) for fault in self.faults]}


@dataclass(frozen=True)
class Objection:
    """A fault as a section's validator knows it: `at` counts from that section or field."""

    at: tuple[Step, ...]
    allowed: str
    fix: str


class ConfigRefusedError(ValueError):
    """What a validator raises; becomes one fault an objection."""

    def __init__(self, *objections: Objection) -> None:
        self.objections = objections
        super().__init__("; ".join(objection.allowed for objection in objections))


def refuse(objections: Iterable[Objection]) -> None:
    """Raises `ConfigRefusedError` if there is any objection."""
    if found := tuple(objections):
        raise ConfigRefusedError(*found)


def path_text(steps: Iterable[Step]) -> str:
    """`("egress", "rules", 2, "host")` as `egress.rules[2].host`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def shown(value: object, steps: tuple[Step, ...] = ()) -> str:
    """`value` on one line, cut at 80 characters, with whatever is or may be a secret masked."""
    masked = _masked(value, str(steps[-1]) if steps else "")
    text = json.dumps(masked, ensure_ascii=True, default=repr) if not isinstance(masked, str) or not masked.isprintable() else masked
    text = text or '""'
    return text if len(text) <= 80 else text[:77] + "..."


def closest(given: object, known: Iterable[str]) -> str | None:
    """The known word that `given` was probably meant to be."""
    plain = {re.sub(r"[^a-z0-9*]", "", word.lower()): word for word in known}
    found = get_close_matches(re.sub(r"[^a-z0-9*]", "", str(given).lower()), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def unknown_key(steps: tuple[Step, ...], value: object, known: Iterable[str]) -> Fault:
    """The fault of a key that no section knows."""
    names = sorted(known)
    meant = closest(steps[-1], names)
    fix = f"did you mean `{meant}`? Otherwise remove `{steps[-1]}`" if meant else f"remove `{steps[-1]}`"
    return Fault(path_text(steps), shown(value, steps), "one of the keys " + ", ".join(names), fix)


def faults_of(error: ValidationError, model: type[BaseModel], data: object) -> list[Fault]:
    """Puts each of pydantic's findings on `data` into our form."""
    return [fault for details in error.errors(include_url=False) for fault in _faults(details, model, data)]


@dataclass(frozen=True)
class _Spot:
    """Where in the input a finding is, and what the models say about it."""

    steps: tuple[Step, ...]
    value: object
    owner: type[BaseModel] | None
    name: str
    field: FieldInfo | None

    @property
    def path(self) -> str:
        return path_text(self.steps)


def _faults(details: ErrorDetails, model: type[BaseModel], data: object) -> list[Fault]:
    kind, context = details["type"], details.get("ctx", {})
    spot = _spot(model, data, details["loc"], missing=kind == "missing")
    cause = context.get("error")
    if isinstance(cause, ConfigRefusedError):
        return [_objected(spot, objection) for objection in cause.objections]
    if kind == "extra_forbidden":
        return [unknown_key(spot.steps, spot.value, _aliases(spot.owner))]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return [_wrong_kind(spot, _tags(context, spot))]
    if kind == "literal_error":
        return [_wrong_word(spot, context["expected"])]
    allowed = _allowed(kind, context, spot, details["msg"])
    return [Fault(spot.path, shown(spot.value, spot.steps), allowed, _fix(spot))]


def _objected(spot: _Spot, objection: Objection) -> Fault:
    value: object = spot.value
    for step in objection.at:
        value = _below(value, step)
    steps = spot.steps + objection.at
    return Fault(path_text(steps), shown(value, steps), objection.allowed, objection.fix)


def _wrong_kind(spot: _Spot, tags: list[str]) -> Fault:
    steps = (*spot.steps, "kind")
    given = _below(spot.value, "kind")
    meant = closest(given, tags)
    return Fault(path_text(steps), shown(given, steps), "one of " + ", ".join(tags), f"set `kind: {meant or tags[0]}`")


def _tags(context: Mapping[str, Any], spot: _Spot) -> list[str]:
    found = [str(tag) for model in _models(spot.field.annotation if spot.field else None) for tag in _literals(model)]
    return found or re.findall(r"'([^']+)'", str(context.get("expected_tags", "")))


def _wrong_word(spot: _Spot, expected: str) -> Fault:
    words = re.findall(r"'([^']*)'", expected)
    meant = closest(spot.value, words) or words[0]
    allowed = "one of " + ", ".join(words) if len(words) > 1 else words[0]
    return Fault(spot.path, shown(spot.value, spot.steps), allowed, f"set `{spot.path}: {meant}`")


def _allowed(kind: str, context: Mapping[str, Any], spot: _Spot, message: str) -> str:
    if kind == "missing":
        return "required" + (f": {spot.field.description}" if spot.field and spot.field.description else "")
    if kind.startswith(("greater_than", "less_than")):
        return _bounds(spot)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"a text of the form {context['pattern']}")
    if kind == "too_short":
        return f"a list with at least {context['min_length']} entry"
    if kind in ("string_too_long", "string_too_short"):
        return f"a text of {context.get('min_length', 0)} to {context.get('max_length', 'any number of')} characters"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "a mapping with the keys " + ", ".join(_keys(spot))
    if kind == "value_error" and spot.field and "IPv4Address" in str(spot.field.annotation):
        return _MEANING["ip_v4_address"]
    return _MEANING.get(kind) or re.sub(r"^(Value error, |Input should be )", "", message)


def _fix(spot: _Spot) -> str:
    """An example that fits, else the default's way out."""
    if spot.field is None or not spot.steps:
        return f"correct or remove `{spot.path}`" if spot.path else "write a mapping"
    if spot.field.examples and spot.steps[-1] == (spot.field.alias or spot.name):
        return f"set `{spot.path}`, for example to {spot.field.examples[0]}"
    if not spot.field.is_required() and spot.steps[-1] == (spot.field.alias or spot.name):
        default = spot.field.get_default(call_default_factory=False)
        simple = isinstance(default, str | int | float) and default != ""
        return f"set `{spot.path}`, or remove it" + (f" for the default, {_unit(spot.name, default)}" if simple else "")
    return f"correct or remove `{spot.path}`"


def _bounds(spot: _Spot) -> str:
    """The range that the field's own metadata states."""
    parts = []
    for rule in spot.field.metadata if spot.field else []:
        if isinstance(rule, annotated_types.Ge):
            parts.append(f"at least {_unit(spot.name, rule.ge)}")
        if isinstance(rule, annotated_types.Gt):
            parts.append(f"more than {_unit(spot.name, rule.gt)}")
        if isinstance(rule, annotated_types.Le):
            parts.append(f"at most {_unit(spot.name, rule.le)}")
    return ", ".join(parts)


def _unit(name: str, value: Any) -> str:
    if name.endswith("_bytes"):
        return size_text(value)
    return duration_text(value) if name.endswith("_seconds") else str(value)


def _spot(model: type[BaseModel], data: object, loc: tuple[Step, ...], *, missing: bool) -> _Spot:
    """Follows pydantic's location through the input, leaving out the tags of unions, which the user never wrote."""
    steps: tuple[Step, ...] = ()
    value = data
    owner: type[BaseModel] | None = None
    here: type[BaseModel] | None = model
    name, field, by_name = "", None, False
    for index, step in enumerate(loc):
        if not (_has(value, step) or (missing and index == len(loc) - 1)):
            continue
        value = _below(value, step)
        steps = (*steps, step)
        if isinstance(step, str) and by_name:
            by_name = False  # a key of the user's own: the model is that of all values
            continue
        if isinstance(step, str):
            owner = here
            name, field = _named(owner, step)
            by_name = field is not None and get_origin(field.annotation) is dict
        here = _chosen(field.annotation, value) if field else None
    return _Spot(steps, value, owner, name, field)


def _has(value: object, step: Step) -> bool:
    if isinstance(value, Mapping):
        return step in value
    return isinstance(value, list | tuple) and isinstance(step, int) and 0 <= step < len(value)


def _below(value: object, step: Step) -> object:
    if isinstance(value, Mapping) and step in value:
        return value[step]
    if isinstance(value, list | tuple) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return Missing


class Missing:
    """Stands for a value that isn't there."""


def _named(model: type[BaseModel] | None, alias: str) -> tuple[str, FieldInfo | None]:
    for name, field in model.model_fields.items() if model else ():
        if (field.alias or name) == alias:
            return name, field
    return "", None


def _aliases(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _keys(spot: _Spot) -> list[str]:
    chosen = _chosen(spot.field.annotation, spot.value) if spot.field else spot.owner
    return _aliases(chosen)


def _models(annotation: object) -> list[type[BaseModel]]:
    """The models that an annotation such as `tuple[A | B, ...] | None` speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, tuple, dict) or hasattr(annotation, "__metadata__"):
        return [model for part in get_args(annotation) for model in _models(part)]
    return []


def _chosen(annotation: object, value: object) -> type[BaseModel] | None:
    """Of an annotation's models the one whose `kind` is the value's."""
    models = _models(annotation)
    fitting = [model for model in models if _below(value, "kind") in _literals(model)] if len(models) > 1 else models
    return fitting[0] if fitting else None


def _literals(model: type[BaseModel]) -> tuple[object, ...]:
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()


def _masked(value: object, name: str) -> object:
    if value is Missing:
        return NOT_SET
    if isinstance(value, Mapping):
        return {str(key): _masked(below, str(key)) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(below, name) for below in value]
    if isinstance(value, str):
        return _MASK if value and _SECRET_NAME.search(name) else _SECRET_TEXT.sub(_MASK, value)
    return _MASK if _SECRET_NAME.search(name) and isinstance(value, int | float) and not isinstance(value, bool) else value
