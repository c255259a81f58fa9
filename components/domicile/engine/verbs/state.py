"""`state delete | unprotect | rename`: changes to a stack's state by hand."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import EngineError
from ..state import edit
from .flags import add_action, must_confirm, stack_of


def declare(verbs: Any) -> None:
    parser = verbs.add_parser("state", help="change the state by hand", description=__doc__, allow_abbrev=False)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    delete = add_action(actions, _delete)
    delete.add_argument("urn")
    delete.add_argument("--force", action="store_true", help="even if it is protected")
    delete.add_argument("--target-dependents", action="store_true", help="with all that leans on it")
    unprotect = add_action(actions, _unprotect)
    unprotect.add_argument("urn", nargs="?")
    unprotect.add_argument("--all", action="store_true", help="of all resources")
    rename = add_action(actions, _rename)
    rename.add_argument("urn")
    rename.add_argument("name", help="the new name: of the resource, not the URN")
    for action in (delete, unprotect, rename):
        action.add_argument("--yes", "-y", action="store_true", help="don't ask")


def _delete(a: argparse.Namespace) -> int:
    """Take a resource out of the state. The thing itself stays."""
    must_confirm(a, f"This takes {a.urn} out of the state, and leaves the thing.")
    with stack_of(a, secrets=False).edited() as latest:
        gone = edit.delete(latest, a.urn, a.force, a.target_dependents)
    print("\n".join(f"{urn} is no longer in the state" for urn in gone))
    return 0


def _unprotect(a: argparse.Namespace) -> int:
    """Lift the protection of a resource, or of all."""
    if bool(a.urn) == a.all:
        raise EngineError("state unprotect: name one URN, or give --all")
    must_confirm(a, "This lifts the protection of " + (a.urn or "all resources") + ".")
    with stack_of(a, secrets=False).edited() as latest:
        lifted = edit.unprotect(latest, a.urn)
    print(f"{lifted} resource(s) unprotected")
    return 0


def _rename(a: argparse.Namespace) -> int:
    """Give a resource another name in the state, wherever it is mentioned."""
    must_confirm(a, f"This renames {a.urn} to {a.name} in the state.")
    with stack_of(a, secrets=False).edited() as latest:
        new = edit.rename(latest, a.urn, a.name)
    print(f"renamed to {new}")
    return 0
