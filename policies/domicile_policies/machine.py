"""Domicile's own resources: a `local` machine's containers, files and images, what the services there are told, and keys in any input."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from domicile_policies.resource import Resource, Stack
from domicile_policies.rule import Asked, Violation, rule, stack_rule

CONTAINER, FILE, FOLDER, IMAGE = (f"pulumi-python:dynamic/machine:{name}" for name in ("Container", "File", "Folder", "Image"))
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_KEYS = re.compile(
    r"sk-ant-[a-z0-9]+-[\w-]{16,}"  # Anthropic's keys
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS access keys
    r"|\bgh[pousr]_[A-Za-z0-9]{36}"  # GitHub tokens
    r"|\b(?:hvs|hvb)\.[A-Za-z0-9_-]{24,}"  # OpenBao's and Vault's tokens
    r"|\beyJhIjoi[A-Za-z0-9+/=_-]{40,}"  # tokens of Cloudflare tunnels
)
_HIDDEN = ("SOC2:CC6.1", "ISO27001:A.5.17", "NIST:IA-5(7)", "NIST:SC-28")
_LEAST = ("SOC2:CC6.3", "ISO27001:A.8.2", "NIST:AC-6", "NIST:CM-7")


@rule(
    "DOM-KEY-090", "No input holds a key.", "*", severity="critical", controls=_HIDDEN,
    why="An input is in the stack's state, its previews and its logs; the environment key is in the secrets manager and nowhere else.",
    fix="Put the value into the secrets manager (`domicile key`), name only where it lies, and withdraw the key that stood here.",
)  # fmt: skip
def no_keys(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for path, text in _texts(resource.inputs, ""):
        if _KEYS.search(text):
            yield Violation(path, "has the form of a key or token")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every known text in a value; what isn't known yet is judged when it is."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _texts(each, f"{path}[{number}]")


@rule(
    "DOM-IMG-090", "A machine runs images by digest.", CONTAINER, IMAGE, severity="high",
    controls=("SOC2:CC6.8", "ISO27001:A.8.19", "NIST:SI-7", "NIST:CM-14", "NIST:SR-4"),
    why="A tag can come to mean another image; a digest is what was built and signed.",
    fix="Pass the reference of an Image resource: its name with @sha256:….",
)  # fmt: skip
def by_digest(resource: Resource, asked: Asked) -> Iterator[Violation]:
    path = "pinned" if resource.is_a(IMAGE) else "image"
    if not _DIGEST.search(resource.get(path, "")):
        yield Violation(path, "has no @sha256: digest")


@rule(
    "DOM-WRK-090", "A machine's services are unprivileged.", CONTAINER, severity="high", controls=_LEAST,
    parameters={
        "root": {"type": "array", "items": {"type": "string"}, "default": ["dispatcher"]},
        "capabilities": {"type": "array", "items": {"type": "string"}, "default": ["NET_BIND_SERVICE"]},
    },
    why="Gateway and proxy parse what sandboxes write; whoever takes one of them over must find no power in it.",
    fix="Run it as a numeric user of its own without capabilities; only the services in `root` make sandboxes, and may.",
)  # fmt: skip
def unprivileged(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if resource.get("labels", {}).get("domicile.service") in asked.parameters["root"]:
        return
    if resource.get("user", "").partition(":")[0] in ("", "0", "root"):
        yield Violation("user", "is root")
    for at, name in resource.items("capabilities"):
        if name not in asked.parameters["capabilities"]:
            yield Violation(at, f"{name} is not one of {', '.join(asked.parameters['capabilities'])}")


@rule(
    "DOM-WRK-091", "Only what makes sandboxes reaches the container engine.", CONTAINER, severity="critical", controls=_LEAST,
    parameters={"allowed": {"type": "array", "items": {"type": "string"}, "default": ["dispatcher"]}},
    why="Whoever has the engine's socket is root on the machine.",
    fix="Mount the socket's folder into the dispatcher's container alone.",
)  # fmt: skip
def engine_apart(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if resource.get("labels", {}).get("domicile.service") in asked.parameters["allowed"]:
        return
    for at, _ in resource.items("mounts"):
        if re.search(r"podman|container-engine|docker|containerd", resource.get(f"{at}.path", "")):
            yield Violation(f"{at}.path", "leads to the container engine")


@rule(
    "DOM-WRK-092", "A machine's services have limits.", CONTAINER, severity="medium",
    controls=("ISO27001:A.8.6", "NIST:SC-5", "NIST:SC-6"),
    parameters={"memory_bytes": {"type": "integer", "minimum": 1, "default": 4 << 30}, "pids": {"type": "integer", "default": 4096}},
    why="A service that grows without end takes the machine, and every session on it, with it.",
    fix="Set memory_bytes and pids to what the service needs.",
)  # fmt: skip
def limited(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for name in ("memory_bytes", "pids"):
        if not 0 < resource.get(name, 512 if name == "pids" else 0) <= asked.parameters[name]:
            yield Violation(name, f"is absent, or above {asked.parameters[name]}")


def _settings(resource: Resource) -> Mapping[str, Any] | None:
    """What a worker host is told, if this file says it. Raises NotKnown."""
    path, content = resource.get("path", ""), resource.get("content", "")
    if not path.endswith("settings.json"):
        return None
    found = json.loads(content)
    return found if isinstance(found, dict) else None


@rule(
    "DOM-EGR-090", "A worker host's allowlist names hosts.", FILE, severity="critical",
    controls=("SOC2:CC6.7", "ISO27001:A.8.23", "NIST:SC-7(5)", "NIST:AC-4"),
    why="A star in the egress policy is everybody's host; a host in plain text is read and answered by whoever is on the way.",
    fix="Name each host in domicile:egress; open one (mode: inspect) with the methods and paths that are needed.",
)  # fmt: skip
def named_hosts(resource: Resource, asked: Asked) -> Iterator[Violation]:
    told = _settings(resource) or {}
    for number, allowed in enumerate((told.get("egress") or {}).get("rules") or ()):
        at = f"content.egress.rules[{number}]"
        if "*" in str(allowed.get("host", "*")):
            yield Violation(f"{at}.host", "has a *")
        if allowed.get("mode") == "inspect" and not allowed.get("http"):
            yield Violation(f"{at}.http", "is empty: the host is opened, and everything there allowed")


@rule(
    "DOM-NET-090", "A worker host asks its control plane over TLS.", FILE, severity="high",
    controls=("SOC2:CC6.7", "ISO27001:A.8.24", "NIST:SC-8", "NIST:IA-9"),
    why="The environment key and every session's events go there.",
    fix="Set domicile:controlPlane to an https:// URL, with caFile where its certificate is of a CA of your own.",
)  # fmt: skip
def over_tls(resource: Resource, asked: Asked) -> Iterator[Violation]:
    told = _settings(resource)
    if told is not None and not str((told.get("control_plane") or {}).get("url", "")).startswith("https://"):
        yield Violation("content.control_plane.url", "isn't https://")


@rule(
    "DOM-AUD-090", "A worker host records what tools are given and answer.", FILE, severity="high",
    controls=("SOC2:CC7.2", "SOC2:CC7.3", "ISO27001:A.8.15", "NIST:AU-2", "NIST:AU-12"),
    parameters={"sinks": {"type": "integer", "minimum": 0, "default": 0, "description": "how many sinks there must be beside the archive"}},
    why="With content `none` nobody can say later what a session did; without a sink the only copy is on the machine itself.",
    fix="Set domicile:audit's content to digest or full, and name the sinks.",
)  # fmt: skip
def recorded(resource: Resource, asked: Asked) -> Iterator[Violation]:
    told = _settings(resource)
    if told is None:
        return
    audit = told.get("audit") or {}
    if audit.get("content") not in ("digest", "full"):
        yield Violation("content.audit.content", "is neither digest nor full")
    if not audit.get("archive"):
        yield Violation("content.audit.archive", "is absent: nothing is kept")
    if len(audit.get("sinks") or ()) < asked.parameters["sinks"]:
        yield Violation("content.audit.sinks", f"are fewer than {asked.parameters['sinks']}")


@rule(
    "DOM-IMG-091", "Sandboxes run a signed image.", FILE, severity="high",
    controls=("SOC2:CC6.8", "ISO27001:A.5.21", "NIST:CM-14", "NIST:SI-7", "NIST:SR-11"),
    why="The dispatcher refuses an image whose signature doesn't verify by the key that it is told.",
    fix="Let the stack build and sign its images, and pass digest, signature and public_key on.",
)  # fmt: skip
def signed(resource: Resource, asked: Asked) -> Iterator[Violation]:
    told = _settings(resource)
    if told is None:
        return
    image = (told.get("sandboxes") or {}).get("image") or {}
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", str(image.get("digest", ""))):
        yield Violation("content.sandboxes.image.digest", "is no digest")
    for name in ("signature", "public_key"):
        if not image.get(name):
            yield Violation(f"content.sandboxes.image.{name}", "is absent")


@stack_rule(
    "DOM-AUD-091", "A machine's audit archive is retained.", severity="high",
    controls=("SOC2:CC7.3", "ISO27001:A.5.33", "NIST:AU-9", "NIST:AU-11"),
    why="`destroy`, by mistake or by somebody who has reason to, would else take the records with the machine.",
    fix="Set domicile:retain's archive to true.",
)  # fmt: skip
def retained(stack: Stack, asked: Asked) -> Iterator[Violation]:
    if not stack.of(CONTAINER):
        return
    archives = [each for each in stack.of(FOLDER) if each.name == "archive"]
    if not archives:
        yield Violation("", "the machine's services have no folder `archive`")
    for archive in archives:
        if archive.get("retain") is not True:
            yield Violation("retain", "isn't true", archive)
