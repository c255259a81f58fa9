"""A policy pack on disk, and what its rules are configured to: PulumiPolicy.yaml, the config file, the rules' defaults and schemas.

Pure but for reading the two files; `analyzer` runs the pack. The config file's form is the CLI's: a rule's name, or `all`, with a
level or an object of `enforcementLevel` and the rule's own properties.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime.proto import analyzer_pb2 as pb

from ..errors import MalformedError, PolicyPackError
from ..project import python_of
from ..values import load

LEVELS: dict[int, str] = {pb.ADVISORY: "advisory", pb.MANDATORY: "mandatory", pb.REMEDIATE: "remediate", pb.DISABLED: "disabled"}


@dataclass(frozen=True)
class PolicyPack:
    """A pack that an operation runs; `config` is the JSON file that sets its rules' levels and properties, if any does."""

    folder: Path
    config: Path | None = None


@dataclass(frozen=True)
class Manifest:
    """What PulumiPolicy.yaml says: the version wins over the one that the pack itself reports."""

    runtime: str
    options: dict[str, Any]  # of the runtime
    python: str
    program: Path
    version: str


@dataclass(frozen=True)
class RuleConfig:
    level: str | None = None  # None where the configuration leaves it as it is
    properties: dict[str, Any] = field(default_factory=dict)


def manifest_of(folder: Path) -> Manifest:
    """Raises PolicyPackError where there is no pack."""
    path = folder / "PulumiPolicy.yaml"
    if not path.is_file():
        raise PolicyPackError(f"policy pack {folder}: there is no {path}; give the folder that holds a pack's PulumiPolicy.yaml")
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as e:
        raise PolicyPackError(f"policy pack {folder}: {path} can't be read: {e}") from e
    runtime = (content or {}).get("runtime") if isinstance(content, dict) or not content else None
    name, options = (runtime.get("name"), runtime.get("options") or {}) if isinstance(runtime, dict) else (runtime, {})
    if not name:
        raise PolicyPackError(f"policy pack {folder}: {path} names no runtime; write `runtime: python`")
    program = (folder / str(content.get("main") or ".")).resolve()
    python = python_of(folder.absolute(), options.get("virtualenv") if name == "python" else None)
    return Manifest(str(name), options, python, program, str(content.get("version") or ""))


def read_config(path: Path) -> dict[str, RuleConfig]:
    try:
        text = path.read_text()
        document = json.loads(text) if text.strip() else {}
    except (OSError, ValueError) as e:
        raise PolicyPackError(f"policy pack configuration {path} can't be read as JSON: {e}") from e
    if not isinstance(document, dict):
        raise PolicyPackError(f"policy pack configuration {path}: must be an object with a key for each rule, or `all`")
    return {rule: _rule_config(f"policy pack configuration {path}: {rule}", value) for rule, value in document.items()}


def _rule_config(where: str, value: Any) -> RuleConfig:
    properties = dict(value) if isinstance(value, dict) else {"enforcementLevel": value}
    level = properties.pop("enforcementLevel", None)
    if level not in (*LEVELS.values(), None) or (level is None and not isinstance(value, dict)):
        raise PolicyPackError(f"{where}: {level!r} is no enforcement level; use one of {', '.join(LEVELS.values())}")
    return RuleConfig(level, properties)


def reconcile(info: pb.AnalyzerInfo, given: dict[str, RuleConfig]) -> dict[str, RuleConfig]:
    """Each rule's level and properties: its own defaults, then the pack's initial configuration, then what the user gives.

    Raises PolicyPackError with all that a rule's schema doesn't allow.
    """
    rules = {r.name: RuleConfig(level_of(r.enforcementLevel), _defaults(r)) for r in info.policies}
    # The protocol can't say "no level": a rule that a pack's initial configuration names without one is advisory, as with the CLI.
    initial = {name: RuleConfig(level_of(c.enforcementLevel), load(c.properties)) for name, c in info.initialConfig.items()}
    for layer in (initial, given):
        for name in rules:
            every, own = layer.get("all", RuleConfig()), layer.get(name, RuleConfig())
            level = own.level or every.level or rules[name].level
            rules[name] = RuleConfig(level, {**rules[name].properties, **own.properties})
    # A rule's own defaults aren't held to its schema: with a hundred rules that takes longer than all that they judge.
    said = {name for layer in (initial, given) for name, config in layer.items() if config.properties}
    asked = [r for r in info.policies if r.name in said or r.configSchema.required]
    faults = [f"{r.name}: {fault}" for r in asked for fault in _faults(r, rules[r.name].properties)]
    if faults:
        raise PolicyPackError(f"the configuration of policy pack {info.name} is not what its rules take: {'; '.join(faults)}")
    return rules


def level_of(number: int) -> str:
    if number not in LEVELS:
        raise MalformedError(f"there is no enforcement level {number}")
    return LEVELS[number]


def _defaults(rule: pb.PolicyInfo) -> dict[str, Any]:
    return {k: s["default"] for k, s in load(rule.configSchema.properties).items() if isinstance(s, dict) and "default" in s}


def _faults(rule: pb.PolicyInfo, properties: dict[str, Any]) -> list[str]:
    if not rule.HasField("configSchema"):
        return []
    from jsonschema import Draft7Validator, SchemaError  # here: few rules have a schema

    schema = {"type": "object", "properties": load(rule.configSchema.properties), "required": list(rule.configSchema.required)}
    try:
        Draft7Validator.check_schema(schema)
    except SchemaError as e:
        raise PolicyPackError(f"policy {rule.name}: the schema of its configuration is none: {e.message}") from e
    found = sorted(Draft7Validator(schema).iter_errors(properties), key=str)
    return [f"{e.json_path.removeprefix('$').lstrip('.') or 'configuration'}: {e.message}" for e in found]
