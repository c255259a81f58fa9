"""Pushed images on the cloud on disk, which has no bytes of any: a thing each, in its repository. Called by the resource that pushes.

A stack is rehearsed where its images needn't be built. What is rehearsed is when they are pushed, what waits for them, and that one which
has gone is pushed again; the push itself is tested against a registry.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from domicile.machine.command import CommandError

from . import calls
from .aws import PACKAGE
from .aws.ecr import HOLDS_IMAGE, PUSHES_IMAGE
from .aws.tokens import REPOSITORY
from .cloud import Cloud, Thing, Use
from .faults import Failed, Faults
from .kinds import Place
from .principal import Principal
from .world import World

if TYPE_CHECKING:
    from domicile.sandbox_image.pushed import PushedImageSpec

TOKEN = "pulumi-python:dynamic/sandbox_image:PushedImage"  # noqa: S105 a type's name


def put(folder: Path, spec: PushedImageSpec) -> None:
    """Notes the image in its repository. Raises `CommandError` as a registry would: no repository, no right."""
    faults = Faults(cloud := Cloud(folder))
    try:
        fault = faults.struck("create", TOKEN, spec.image)
        faults.before(fault, threading.Event())
        with cloud.locked():
            handle = _repository(cloud, spec)
            _ask(cloud, spec, "create", PUSHES_IMAGE)
            cloud.put(Thing(TOKEN, spec.pinned, _account(spec), spec.region, spec.image, spec.model_dump(mode="json"), uses=(handle,)))
        faults.after(fault, threading.Event())
    except Failed as error:
        raise CommandError(f"push of {spec.pinned}: {error}") from error


def holds(folder: Path, spec: PushedImageSpec) -> bool:
    """Whether it is there."""
    cloud = Cloud(folder)
    _ask(cloud, spec, "read", HOLDS_IMAGE)
    return cloud.get(_account(spec), spec.region, TOKEN, spec.pinned) is not None


def _repository(cloud: Cloud, spec: PushedImageSpec) -> Use:
    handle = World(PACKAGE, Place(cloud, _account(spec), spec.region)).handle(REPOSITORY, spec.repository)
    if cloud.called(handle) is None:
        raise CommandError(f"RepositoryNotFoundException: there is no repository {spec.repository} in {_account(spec)}/{spec.region}")
    return Use("repository", handle, part=True)


def _ask(cloud: Cloud, spec: PushedImageSpec, operation: calls.Operation, actions: tuple[str, ...]) -> None:
    """Logs the actions, each refused unless the principal that the rehearsal has named may take it."""
    account, principal, outcome = _account(spec), Principal.of(cloud.folder), "done"
    arns = (f"arn:aws:ecr:{spec.region}:{account}:repository/{spec.repository}",)
    assert PACKAGE.touched is not None and PACKAGE.context is not None  # noqa: S101 AWS's tables have both
    for action in actions if principal else ():
        for resource in PACKAGE.touched(action, TOKEN, arns, account, spec.region):
            if principal and not principal.may(action, resource, PACKAGE.context(action, TOKEN, spec.region)):
                outcome = f"AccessDenied: the principal is not authorized to perform {action} on {resource}"
    calls.write(cloud.folder, operation, actions, TOKEN, spec.image, spec.pinned, account, spec.region, outcome, arns)
    if outcome != "done":
        raise CommandError(outcome)


def _account(spec: PushedImageSpec) -> str:
    return spec.registry.partition(".")[0]
