"""The proof of a `local` perimeter: one machine whose services have a namespace of their own, and in it the last door itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from domicile_policies.reach.declared import Declared
from domicile_policies.reach.inside.host import Host, Judge, Text, way_in
from domicile_policies.reach.proof import Hop, Proof, Way, hop
from domicile_policies.reach.relations import raw
from domicile_policies.resource import Resource, Stack

_MACHINE = "pulumi-python:dynamic/machine:"


def prove(stack: Stack, declared: Declared, proof: Proof) -> bool:
    """Whether the stack has a host on this machine; what was found is in `proof`."""
    settings, bootstrap, services = _file(stack, "settings"), _file(stack, "egress-bootstrap"), _namespace(stack)
    if settings is None and services is None:
        return False
    if settings is None or bootstrap is None or services is None:
        at = settings or services or stack.resources[0]
        proof.find("undecided", "the host has no settings, no proxy or no namespace", (Hop("sandbox"),), "whatever its host reaches", at)
        return True
    host = Host(
        Text(_json(settings), settings, "content"),
        Text(_json(bootstrap), bootstrap, "content"),
        Text(_known(services, "firewall"), services, "firewall"),
    )
    judge = Judge(host, declared, proof)
    judge.judge()
    proof.assume(
        "a sandbox has its one link, and no other interface, address or resolver: the host's programs make it so",
        "the host image's digest and signature; docs/SPECIFICATION.md S1",
    )
    for target, port in judge.rules():
        if declared.allows(target, port):
            proof.allow(Way(f"internet: {target}:{port}", (*way_in(host), *_out(stack, settings, f"rule for {target}:{port}"))))
    return True


def _out(stack: Stack, settings: Resource, rule: str) -> Iterator[Hop]:
    yield hop(settings, rule)
    for link in stack.of(f"{_MACHINE}Link"):
        if link.name == "uplink":
            yield hop(link, "the namespace's one way out")


def _file(stack: Stack, name: str) -> Resource | None:
    return next((each for each in stack.of(f"{_MACHINE}File") if each.name == name), None)


def _namespace(stack: Stack) -> Resource | None:
    return next((each for each in stack.of(f"{_MACHINE}NetworkNamespace") if each.name == "services"), None)


def _json(file: Resource) -> Any:
    try:
        return json.loads(_known(file, "content"))
    except ValueError:
        return None


def _known(resource: Resource, path: str) -> str:
    """The text, empty where it isn't known: then nothing in it guards anything."""
    value = raw(resource.inputs, path)
    return value if isinstance(value, str) else ""
