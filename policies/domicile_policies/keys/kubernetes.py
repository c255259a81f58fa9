"""Secrets on Kubernetes: none passes through a stack's inputs, and none lies in an environment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from domicile_policies.kubernetes import CARRIERS, pod
from domicile_policies.resource import NotKnown, Resource
from domicile_policies.rule import Asked, Violation, rule

_SECRET = re.compile(
    r"(?:^|[_.-])(?:token|secret|password|passwd|passphrase|private|credentials?|apikey|api[_.-]?key|access[_.-]?key)(?:$|[_.-])", re.I
)
_FILE = re.compile(r"(?:file|path|dir|name|url|arn|id)$", re.IGNORECASE)
_CONTROLS = ("SOC2:CC6.1", "ISO27001:A.5.17", "NIST:IA-5(7)", "NIST:SC-28")


def secret_name(name: str) -> bool:
    """Whether a variable's or key's name says that its value is a secret, and not where one lies."""
    return bool(_SECRET.search(name)) and not _FILE.search(name)


@rule(
    "DOM-KEY-050", "Secrets don't hold their values in the stack.", "kubernetes:core/v1:Secret", severity="critical", controls=_CONTROLS,
    why="What a Secret's data says is in the stack's state, in its previews' logs, and unencrypted in many clusters' etcd.",
    fix="Let an external secrets operator or a CSI driver fetch the value from the secrets manager; declare no data or stringData.",
    parameters={"allowed_types": {"type": "array", "items": {"type": "string"}, "default": []}},
)  # fmt: skip
def external(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if resource.get("type", "Opaque") in asked.parameters["allowed_types"]:
        return
    for name in ("data", "stringData"):
        try:
            given = bool(resource.get(name))
        except NotKnown:
            given = True  # whatever it will be, it comes through the stack
        if given:
            yield Violation(name, "holds values")


@rule(
    "DOM-KEY-051", "No secret stands in a container's environment.", *CARRIERS, severity="high", controls=_CONTROLS,
    why="A literal is in the stack's state and in the pod's description, which many may read who may not read Secrets.",
    fix="Give the container a file from the secrets manager, and the variable the file's path.",
)  # fmt: skip
def no_literals(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        for at, _ in container.items("env"):
            name = resource.get(f"{at}.name", "")
            if not secret_name(name):
                continue
            if not resource.known(f"{at}.value") or resource.get(f"{at}.value"):
                yield Violation(f"{at}.value", f"{name} has its value here")


@rule(
    "DOM-KEY-052", "Secrets reach containers as files.", *CARRIERS, severity="medium",
    controls=("ISO27001:A.5.17", "NIST:IA-5", "NIST:SC-4"),
    why="An environment is inherited by every child process, and shown by /proc, crash reports and debug pages.",
    fix="Mount the secret as a volume with mode 0400 in place of secretKeyRef or envFrom.secretRef.",
)  # fmt: skip
def as_files(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        for at, _ in container.items("env"):
            if not resource.known(f"{at}.valueFrom.secretKeyRef") or resource.get(f"{at}.valueFrom.secretKeyRef"):
                yield Violation(f"{at}.valueFrom.secretKeyRef", "puts a secret into the environment")
        for at, _ in container.items("envFrom"):
            if not resource.known(f"{at}.secretRef") or resource.get(f"{at}.secretRef"):
                yield Violation(f"{at}.secretRef", "puts all of a secret into the environment")


@rule(
    "DOM-KEY-053", "Configuration maps hold no secret.", "kubernetes:core/v1:ConfigMap", severity="high", controls=_CONTROLS,
    why="A ConfigMap is plain text for all who may look at the namespace.",
    fix="Keep the value in the secrets manager, and name here only where it lies.",
)  # fmt: skip
def no_secret_maps(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for part in ("data", "binaryData"):
        for name in resource.get(part, {}):
            if secret_name(name):
                yield Violation(f"{part}.{name}", "is named as a secret")
