"""Reads a stack's configuration, from Pulumi inside a stack program or from the YAML file before one runs, by one way of checking."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from domicile.config.control_plane import STAND_IN_RESOLVER
from domicile.config.egress import Egress
from domicile.config.environment import Environment
from domicile.config.faults import ConfigError, Fault, Step, closest, faults_of, path_text, shown
from domicile.config.perimeter import Declared, PerimeterConfig
from domicile.places import PlacesError, check_stack_name

NAMESPACE = "domicile"
_DEEPEST = 20
_RESOLVER_FILES = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""The second holds the real servers where the first names systemd-resolved's loopback stub."""


def load(mapping: Mapping[str, object], stack: str, source: str = "configuration") -> PerimeterConfig:
    """Validates a whole configuration given by its keys without `domicile:`. Raises `ConfigError` with every fault found."""
    faults = [*_stack_faults(stack), *_plain_faults(mapping, ())]
    if faults:
        raise ConfigError(source, faults)
    try:
        declared = Declared.model_validate_json(json.dumps(mapping), strict=True, by_name=False, by_alias=True)
    except ValidationError as error:
        raise ConfigError(source, faults_of(error, Declared, mapping)) from None
    return _in_force(declared, stack, source)


def from_file(path: Path, stack: str | None = None) -> PerimeterConfig:
    """Reads `Pulumi.<stack>.yaml`. Raises `ConfigError`, for a missing or malformed file too."""
    content = _parsed(path)
    name = path.name.removeprefix("Pulumi.").removesuffix(".yaml") if stack is None else stack
    return load(_own(content, frozenset(), str(path)), name, str(path))


def from_pulumi() -> PerimeterConfig:
    """Reads the running stack's configuration inside a stack program. Raises `ConfigError`."""
    import pulumi
    from pulumi.runtime import config

    values = {**config.get_config_env(), **config.CONFIG.get()}
    secret = frozenset(key for key in values if config.is_config_secret(key))
    stack = pulumi.get_stack()
    return load(_own(values, secret, f"stack {stack}"), stack, f"stack {stack}")


def _own(values: Mapping[Any, Any], secret: frozenset[str], source: str) -> dict[str, object]:
    """The keys of our namespace, without it."""
    own: dict[str, object] = {}
    faults = []
    for key, value in values.items():
        namespace, _, name = str(key).partition(":")
        if namespace == NAMESPACE and (key in secret or (isinstance(value, Mapping) and set(value) == {"secure"})):
            fix = f"`pulumi config rm {key}`; put the value into the secrets manager with `domicile key`"
            faults.append(Fault(name, "••••", "no secret: the state would hold it", fix))
        elif namespace == NAMESPACE and name:
            own[name] = _decoded(value)
        elif not name or closest(namespace, (NAMESPACE,)):
            faults.append(
                Fault(str(key), shown(_decoded(value), (name,)), "keys of the form domicile:<key>", f"write `domicile:{name or namespace}`")
            )
    if faults:
        raise ConfigError(source, faults)
    return own


def _decoded(value: object) -> object:
    """Pulumi hands mappings and lists to programs as JSON texts."""
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


class _OnceLoader(yaml.SafeLoader):
    """YAML as Pulumi reads it: a key that stands twice in one mapping is a fault, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key in seen and key != "<<":
                raise yaml.constructor.ConstructorError(
                    "in a mapping", node.start_mark, f"the key `{key}` stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _parsed(path: Path) -> Mapping[Any, Any]:
    """The file's `config` mapping."""
    try:
        content = yaml.load(path.read_text("utf-8"), _OnceLoader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        known = ", ".join(sorted(file.name for file in path.parent.glob("Pulumi.*.yaml"))) or "none yet"
        raise ConfigError(
            str(path), [Fault("", "(no such file)", f"a stack with a configuration; there are: {known}", f"write {path}")]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [Fault("", "(unreadable)", "a readable file in UTF-8", str(error))]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(str(path), [Fault("", "(no YAML)", "a YAML file", " ".join(str(error).split()))]) from None
    config = content.get("config") if isinstance(content, Mapping) else content
    if config is None:
        return {}
    if not isinstance(config, Mapping):
        raise ConfigError(
            str(path), [Fault("config", shown(config), "a mapping of domicile:<key> to values", "write `config:` and the keys below it")]
        )
    return config


def _stack_faults(stack: str) -> Iterator[Fault]:
    try:
        check_stack_name(stack)
    except PlacesError as error:
        yield Fault("stack", shown(stack), error.allowed, "rename the stack")


def _plain_faults(value: object, steps: tuple[Step, ...]) -> Iterator[Fault]:
    """What JSON, the form that Pulumi passes configuration in, couldn't carry."""
    if len(steps) > _DEEPEST:
        yield Fault(
            path_text(steps[:2]), "(nested)", f"at most {_DEEPEST} levels", "a YAML anchor may contain itself: write the values out"
        )
    elif isinstance(value, Mapping):
        for key, below in value.items():
            if isinstance(key, str) and _is_text(key):
                yield from _plain_faults(below, (*steps, key))
            else:
                yield Fault(path_text((*steps, repr(key))), shown(below), "keys that are texts", "quote the key")
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from _plain_faults(below, (*steps, place))
    elif not (value is None or isinstance(value, bool) or _is_text(value) or _is_number(value)):
        yield Fault(path_text(steps), shown(value, steps), "a text, a finite number, true or false, a list or a mapping", "quote it")


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and abs(value) < 1 << 63


def _in_force(declared: Declared, stack: str, source: str) -> PerimeterConfig:
    """Fills in what is left open by name of stack and kind of control plane."""
    fields = {name: getattr(declared, name) for name in Declared.model_fields}
    if declared.environment is None and not declared.environments:
        fields["environment"] = Environment(id=f"env_{stack.replace('-', '_')}")
    fields["egress"] = _resolving(declared.egress, declared, source)
    fields["environments"] = {
        name: each.model_copy(update={"egress": _resolving(each.egress, declared, source)}) if each.egress else each
        for name, each in declared.environments.items()
    }
    return PerimeterConfig(stack=stack, **fields)


def _resolving(egress: Egress, declared: Declared, source: str) -> Egress:
    return egress if egress.resolvers else egress.model_copy(update={"resolvers": _default_resolvers(declared, source)})


def _default_resolvers(declared: Declared, source: str) -> tuple[IPv4Address, ...]:
    if declared.aws is not None:
        return (declared.aws.resolver,)
    if declared.control_plane.kind == "stand-in":
        return (IPv4Address(STAND_IN_RESOLVER),)
    for path in _RESOLVER_FILES:
        found = tuple(
            address for address in _name_servers(path) if not address.is_loopback and address not in declared.network.sandbox_range
        )
        if found:
            return found
    allowed = "the addresses of your DNS servers: this machine names none that the proxy could reach"
    raise ConfigError(source, [Fault("egress.resolvers", "(not set)", allowed, "set `resolvers: [<address>]` in `domicile:egress`")])


def _name_servers(path: Path) -> Iterator[IPv4Address]:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return  # no such resolver on this machine; the caller says what to do when none is left
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                yield IPv4Address(words[1])
            except ValueError:
                continue  # an IPv6 server, which the proxy doesn't ask
