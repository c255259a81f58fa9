"""Images and programs in AWS: named by what they are, from a registry where names don't move, and run only when signed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from domicile_policies.iam import documents
from domicile_policies.ignition import STORED, pointer, stored
from domicile_policies.relations import each_of, pointing_at
from domicile_policies.resource import Resource, Stack
from domicile_policies.rule import Asked, Violation, rule, stack_rule

PINNED = ("SOC2:CC6.8", "ISO27001:A.8.19", "NIST:SI-7")
SUPPLY = ("SOC2:CC6.8", "ISO27001:A.5.21", "NIST:SR-11")
REPOSITORY = "aws:ecr/repository:Repository"
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
OWN_REGISTRY = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/.+")


@rule(
    "DOM-IMG-001", "Image tags never move", REPOSITORY,
    why="A tag that can be moved brings another image under a name that was looked at.", fix="set imageTagMutability to IMMUTABLE",
    severity="high", controls=PINNED,
)  # fmt: skip
def immutable(repository: Resource, _: Asked) -> Iterator[Violation]:
    if repository.get("imageTagMutability") != "IMMUTABLE":
        yield Violation("imageTagMutability", "only IMMUTABLE is allowed")


@rule(
    "DOM-IMG-002", "Images are scanned when they are pushed", REPOSITORY,
    why="Known holes are found before a machine runs them.", fix="set imageScanningConfiguration.scanOnPush to true", severity="medium",
    controls=("SOC2:CC7.1", "ISO27001:A.8.8", "NIST:SI-3"),
)  # fmt: skip
def scanned(repository: Resource, _: Asked) -> Iterator[Violation]:
    if not repository.get("imageScanningConfiguration.scanOnPush"):
        yield Violation("imageScanningConfiguration.scanOnPush", "only true is allowed")


PULL, PUSH = "ecr:BatchGetImage", "ecr:PutImage"


@stack_rule(
    "DOM-IMG-003", "A repository says who pulls and who pushes",
    why="Without a policy of its own every role with registry rights in the account replaces what sandboxes run.",
    fix="add aws.ecr.RepositoryPolicy that denies pulling and pushing to all but named roles", severity="high",
    controls=("SOC2:CC6.3", "ISO27001:A.8.3", "NIST:CM-5"),
)  # fmt: skip
def repository_policies(stack: Stack, _: Asked) -> Iterator[Violation]:
    for repository in stack.of(REPOSITORY):
        yield from each_of(repository, _guarded(stack, repository))


def _guarded(stack: Stack, repository: Resource) -> Iterator[Violation]:
    bearers = pointing_at(stack, repository, "repository", "aws:ecr/repositoryPolicy:RepositoryPolicy")
    denied = [s for bearer in bearers for d in documents(bearer, "resource") for s in d.statements if not s.allows and s.for_anyone]
    for action, doing in ((PULL, "pulling"), (PUSH, "pushing")):
        if not any(s.covers(action) and s.condition("aws:PrincipalArn") for s in denied):
            yield Violation("policy", f"nothing denies {doing} to all but named roles", repository)


CONTAINERS = ("aws:ecs/taskDefinition:TaskDefinition", "aws:lambda/function:Function", "aws:batch/jobDefinition:JobDefinition",
              "aws:apprunner/service:Service", "aws:sagemaker/model:Model", STORED)  # fmt: skip


@rule(
    "DOM-IMG-004", "Images are named by digest", *CONTAINERS,
    why="What a tag names is decided when it is pulled; a digest names the bytes that were looked at and signed.",
    fix="name the image `registry/name@sha256:…`", severity="critical", controls=PINNED,
)  # fmt: skip
def by_digest(program: Resource, _: Asked) -> Iterator[Violation]:
    for path, image in _images(program):
        if not DIGEST.search(image):
            yield Violation(path, f"{image} has no digest")


_IMAGE = {
    "aws:lambda/function:Function": "imageUri",
    "aws:apprunner/service:Service": "sourceConfiguration.imageRepository.imageIdentifier",
    "aws:sagemaker/model:Model": "primaryContainer.image",
}


def _images(program: Resource) -> Iterator[tuple[str, str]]:
    if program.type == STORED:
        found = stored(program)
        for path, text in (found.quadlets if found else {}).items():
            yield from ((f"content:{path}", image.strip()) for image in re.findall(r"(?m)^Image=(.*)$", text))
    elif program.type in _IMAGE:
        named = _IMAGE[program.type]
        yield from ((named, image) for image in [program.get(named)] if image)
    else:
        path = "containerDefinitions" if program.is_a("aws:ecs/*") else "containerProperties"
        document: Any = program.document(path)
        listed = document if isinstance(document, list) else [document or {}]
        yield from ((f"{path}[{n}].image", str(each["image"])) for n, each in enumerate(listed) if each.get("image"))


OTHERS = ["*/cloudflared", "*/mcp-proxy"]
UNSIGNED = {
    "unsigned": {"type": "array", "items": {"type": "string"}, "default": OTHERS,
                 "description": "own repositories, as patterns, of images that nobody signs for you"}
}  # fmt: skip


@rule(
    "DOM-IMG-005", "Machines run signed images only", STORED,
    why="Podman's own policy takes any image from anywhere; whoever gets an image onto a machine runs it as a service.",
    fix="write /etc/containers/policy.json: default reject, and sigstoreSigned for each own repository (containers-policy.json(5)); an "
    "unsigned one only from an own repository of the parameter `unsigned`, for images of others that units name by digest",
    severity="critical", controls=("SOC2:CC6.8", "ISO27001:A.5.21", "NIST:CM-14"), parameters=UNSIGNED,
)  # fmt: skip
def signed_only(program: Resource, asked: Asked) -> Iterator[Violation]:
    found = stored(program)
    if found is None or not found.quadlets:
        return
    path = "/etc/containers/policy.json"
    said: Any = json.loads(found.files.get(path, "{}"))
    if [each.get("type") for each in said.get("default", [])] != ["reject"]:
        yield Violation(f"content:{path}", "doesn't reject by default")
    for transport, scopes in said.get("transports", {}).items():
        for scope, demands in scopes.items():
            kinds = {each.get("type") for each in demands}
            if kinds - {"sigstoreSigned", "signedBy", "reject"} and not _others(transport, scope, asked):
                yield Violation(f"content:{path}", f"takes unsigned images of {scope or transport}")


def _others(transport: str, scope: str, asked: Asked) -> bool:
    """Whether a scope is a whole repository of one's own, of images that others make."""
    patterns = asked.parameters.get("unsigned", OTHERS)
    return transport == "docker" and bool(OWN_REGISTRY.fullmatch(scope)) and any(fnmatchcase(scope, pattern) for pattern in patterns)


@rule(
    "DOM-IMG-006", "A machine takes its settings by their hash", "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/instance:Instance",
    why="Whoever can write where the settings lie would otherwise decide what a new machine runs.",
    fix="give `verification.hash` (sha512) with each source that user data names", severity="high", controls=PINNED,
)  # fmt: skip
def settings_by_hash(machine: Resource, _: Asked) -> Iterator[Violation]:
    user_data = machine.get("userData") or machine.get("userDataBase64")
    config = (pointer(user_data) or {}).get("config", {}) if user_data else {}
    for source in [config.get("replace", {}), *config.get("merge", [])]:
        told = source.get("verification", {}).get("hash", "")
        if source.get("source") and not source["source"].startswith("data:") and not told.startswith(("sha512-", "sha256-")):
            yield Violation("userData", "names a source without its hash")


@rule(
    "DOM-IMG-007", "Machines' images are named by id", "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/instance:Instance",
    why="An image that is looked up at each start changes without a preview.", fix="name the image by its id, `ami-…`", severity="medium",
    controls=PINNED,
)  # fmt: skip
def machine_image(machine: Resource, _: Asked) -> Iterator[Violation]:
    path = "imageId" if machine.is_a("aws:ec2/launchTemplate:*") else "ami"
    if not str(machine.get(path, "")).startswith("ami-"):
        yield Violation(path, "isn't an image's id")


@rule(
    "DOM-IMG-008", "The registry takes nothing from other registries by itself", "aws:ecr/pullThroughCacheRule:PullThroughCacheRule",
    why="A pull-through cache serves whatever stands under a name elsewhere, signed by nobody of yours.",
    fix="name the images you looked at under `aws.images`; `domicile up` pushes them", severity="high", controls=SUPPLY,
)  # fmt: skip
def no_pull_through(cache: Resource, _: Asked) -> Iterator[Violation]:
    yield Violation("upstreamRegistryUrl", "brings images of another registry in")


@rule(
    "DOM-IMG-009", "A function's code is named by its hash", "aws:lambda/function:Function",
    why="Code that is only named by its place in a bucket changes with the object.",
    fix="set sourceCodeHash, or s3ObjectVersion", severity="medium", controls=PINNED,
)  # fmt: skip
def code_by_hash(function: Resource, _: Asked) -> Iterator[Violation]:
    apart = "s3Bucket" in function.inputs or "s3Key" in function.inputs
    if apart and not function.get("sourceCodeHash") and not function.get("s3ObjectVersion"):
        yield Violation("sourceCodeHash", "isn't said")


@rule(
    "DOM-IMG-010", "Images that a stack may still run aren't removed by age", "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    why="An old image that a stack still runs, or would be taken back to, vanishes while nobody looks.",
    fix="count images (imageCountMoreThan); remove by age only what has no tag", severity="medium",
    controls=("SOC2:CC7.5", "ISO27001:A.8.14", "NIST:CP-10"),
)  # fmt: skip
def kept_images(lifecycle: Resource, _: Asked) -> Iterator[Violation]:
    document: Any = lifecycle.document("policy") or {}
    for n, each in enumerate(document.get("rules", [])):
        selection = each.get("selection", {})
        if selection.get("tagStatus") != "untagged" and selection.get("countType") == "sinceImagePushed":
            yield Violation(f"policy.rules[{n}].selection.countType", "removes by age")
