"""What a pack's configuration says of each rule: its level, its parameters, its exceptions. In the form of `--policy-pack-config`.

{"all": "mandatory", "DOM-NET-001": "advisory", "DOM-KEY-002": {"enforcementLevel": "mandatory", "rotationDays": 180,
 "exceptions": [{"resource": "urn or name", "reason": "…", "owner": "…", "expires": "2027-01-31"}]}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from domicile_policies.exceptions import KEY, SCHEMA, Exemption, exemptions
from domicile_policies.rule import Rule

LEVELS = ("advisory", "mandatory", "remediate", "disabled")
_LEVEL = "enforcementLevel"


class ConfigurationError(Exception):
    """All that is wrong with a configuration: each fault with its path, its value, what is allowed and the fix."""

    def __init__(self, faults: list[str], where: str = "the policy pack's configuration") -> None:
        super().__init__("\n".join([f"{where} is wrong in {len(faults)} place{'s' if len(faults) > 1 else ''}:", *faults]))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Setting:
    """How one rule is applied. `level` is `advisory`, `mandatory` or `disabled`."""

    level: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    exceptions: tuple[Exemption, ...] = ()


def schema(rule: Rule) -> dict[str, Any]:
    """The JSON schema's properties of a rule's configuration."""
    return {**{name: dict(each) for name, each in rule.parameters.items()}, KEY: dict(SCHEMA)}


def read(file: Path) -> dict[str, Any]:
    """The document in a configuration file. Raises ConfigurationError."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"it can't be read as JSON: {error}"], str(file)) from error
    if not isinstance(document, dict):
        raise ConfigurationError([f"{type(document).__name__} is no object; write one with a key for each rule, or `all`"], str(file))
    return document


def settings(
    rules: Mapping[str, Rule], document: Mapping[str, Any], today: date | None = None, where: str = "the policy pack's configuration"
) -> dict[str, Setting]:
    """Each rule's setting: its own defaults, then `all`, then what is said of it by its id. Raises ConfigurationError with all faults."""
    faults = [f"{name}: there is no such rule{_meant(name, rules)}" for name in document.keys() - rules.keys() - {"all"}]
    every = _level(document["all"], "all", faults) if "all" in document else None
    found = {}
    for name, rule in rules.items():
        given = document.get(name, {})
        properties = dict(given) if isinstance(given, dict) else {_LEVEL: given}
        own = _level(properties.pop(_LEVEL), name, faults) if _LEVEL in properties else None
        excepted = exemptions(properties.pop(KEY, []), f"{name}.{KEY}", today or date.today(), faults)
        found[name] = Setting(own or every or rule.level, _parameters(rule, properties, faults), excepted)
    if faults:
        raise ConfigurationError(sorted(faults), where)
    return found


def _meant(name: str, rules: Mapping[str, Rule]) -> str:
    close = get_close_matches(name.upper(), rules, 1)
    return f"; did you mean {close[0]}?" if close else f"; the rules are {', '.join(rules)}"


def _level(given: Any, at: str, faults: list[str]) -> str | None:
    if isinstance(given, dict) and at == "all" and given.keys() == {_LEVEL}:
        given = given[_LEVEL]
    if not isinstance(given, str) or given not in LEVELS:
        faults.append(f"{at}: {given!r} is no enforcement level; write one of {', '.join(LEVELS)}")
        return None
    return "mandatory" if given == "remediate" else given  # no rule of this pack changes what it judges


def _parameters(rule: Rule, given: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    defaults = {name: each["default"] for name, each in rule.parameters.items()}
    known = ", ".join([*rule.parameters, KEY, _LEVEL])
    for name in sorted(given.keys() - defaults.keys()):
        faults.append(f"{rule.id}.{name}: the rule has no such parameter; it has {known}")
    changed = {name: value for name, value in given.items() if name in defaults and value != defaults[name]}
    if changed:
        faults += _objections(rule, changed)
    return {**defaults, **changed}


def _objections(rule: Rule, given: Mapping[str, Any]) -> list[str]:
    from jsonschema import Draft7Validator  # only here: few configurations change a parameter

    check = Draft7Validator({"type": "object", "properties": {name: dict(each) for name, each in rule.parameters.items()}})
    found = sorted(check.iter_errors(dict(given)), key=str)
    return [f"{rule.id}{each.json_path.removeprefix('$')}: {each.message}; allowed: {_allowed(each.schema)}" for each in found]


def _allowed(part: Any) -> str:
    return json.dumps({key: value for key, value in part.items() if key not in ("default", "description")}, ensure_ascii=False)
