"""DOM-IMG-004: Images are named by digest."""

from __future__ import annotations

import json

import pulumi_aws as aws
from parts import DIGEST, REGISTRY, ignition, settings

UNKNOWN = "undecided"


def task(at, image):
    containers = [{"name": "one", "image": image}]
    aws.ecs.TaskDefinition(at("task"), family="f", container_definitions=json.dumps(containers))


def passing(at):
    task(at, f"{REGISTRY}/one@{DIGEST}")
    settings(at, ignition({"/etc/containers/systemd/one.container": f"[Container]\nImage={REGISTRY}/one@{DIGEST}\n"}))


def failing(at):
    task(at, f"{REGISTRY}/one:latest")
    settings(at, ignition({"/etc/containers/systemd/one.container": "[Container]\nImage=docker.io/library/one:1\n"}))


def unknown(at):
    settings(at, at.unknown)
