"""`config` and its actions: list, set, get and remove a stack's configuration."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from typing import Any

from .. import display
from ..errors import EngineError
from .flags import add_action, add_stack, stack_of, table


def declare(verbs: Any) -> None:
    parser = verbs.add_parser("config", help="list, set, get and remove configuration", description=listing.__doc__, allow_abbrev=False)
    add_stack(parser)
    parser.add_argument("--json", "-j", action="store_true")
    parser.add_argument("--show-secrets", action="store_true", help="show secrets in clear")
    parser.set_defaults(run=listing)
    actions = parser.add_subparsers(metavar="ACTION")
    put = add_action(actions, _set)
    put.add_argument("key")
    put.add_argument("value", nargs="?", help="else standard input")
    _add_path(put)
    kind = put.add_mutually_exclusive_group()
    kind.add_argument("--secret", action="store_true", help="encrypt the value")
    kind.add_argument("--plaintext", action="store_true", help="don't encrypt it")
    several = add_action(actions, _set_all, "set-all")
    for flag in ("--plaintext", "--secret"):
        several.add_argument(flag, action="append", default=[], metavar="KEY=VALUE")
    _add_path(several)
    get = add_action(actions, _get)
    get.add_argument("key")
    get.add_argument("--json", "-j", action="store_true")
    _add_path(get)
    rm = add_action(actions, _rm)
    rm.add_argument("key")
    _add_path(rm)
    rm_all = add_action(actions, _rm_all, "rm-all")
    rm_all.add_argument("keys", nargs="+", metavar="key")
    _add_path(rm_all)


def _add_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--path", action="store_true", help="the key is a path into a map or list, as in outer.list[0]")


def listing(a: argparse.Namespace) -> int:
    """List the configuration, the project's defaults among it. Its actions set, get and remove values."""
    stack = stack_of(a, secrets=a.show_secrets)
    entries = stack.config_entries(a.show_secrets)
    if a.json:
        print(json.dumps({k: display.config_json(e, a.show_secrets) for k, e in entries.items()}, indent=2, ensure_ascii=False))
    else:
        rows = [("KEY", "VALUE")]
        rows += [(k.removeprefix(f"{stack.project.name}:"), e.text) for k, e in entries.items()]
        print(table(rows))
    return 0


def _set(a: argparse.Namespace) -> int:
    """Set a value."""
    stack_of(a, secrets=a.secret).set_config(a.key, _value(a) if a.value is None else a.value, a.secret, a.path)
    return 0


def _value(a: argparse.Namespace) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if getattr(a, "non_interactive", False):
        raise EngineError(f"config set {a.key}: give the value, or pipe it in")
    return getpass.getpass("value: ") if a.secret else input("value: ")


def _set_all(a: argparse.Namespace) -> int:
    """Set several values at once."""
    pairs = [(text, secret) for secret in (False, True) for text in (a.secret if secret else a.plaintext)]
    for text, _ in pairs:
        if "=" not in text:
            raise EngineError(f"config set-all {text}: write it as key=value")
    stack = stack_of(a, secrets=bool(a.secret))
    for text, secret in pairs:
        key, _, value = text.partition("=")
        stack.set_config(key, value, secret, a.path)
    return 0


def _get(a: argparse.Namespace) -> int:
    """Print one value, decrypted if it is secret."""
    stack = stack_of(a, secrets=False)
    if stack.config_is_secret(a.key, a.path):
        stack = stack_of(a)
    entry = stack.config_entry(a.key, a.path)
    if entry is None:
        raise EngineError(f"configuration key '{a.key}' not found for stack '{stack.name}'; `config` lists what there is")
    print(json.dumps(display.config_json(entry, show_secrets=True), indent=2, ensure_ascii=False) if a.json else entry.text)
    return 0


def _rm(a: argparse.Namespace) -> int:
    """Remove a value."""
    a.keys = [a.key]
    return _rm_all(a)


def _rm_all(a: argparse.Namespace) -> int:
    """Remove several values at once."""
    stack = stack_of(a, secrets=False)
    for key in a.keys:
        if not stack.remove_config(key, a.path):
            raise EngineError(f"configuration key '{key}' not found for stack '{stack.name}'; `config` lists what there is")
    return 0
