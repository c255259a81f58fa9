"""DOM-IMG-005: Machines run signed images only."""

from __future__ import annotations

import json

from parts import DIGEST, REGISTRY, ignition, settings

UNKNOWN = "undecided"


def machine_with(at, kind):
    said = {"default": [{"type": "reject"}], "transports": {"docker": {"docker.io/library/one": [{"type": kind}]}}}
    unit = f"[Container]\nImage={REGISTRY}/one@{DIGEST}\n"
    settings(at, ignition({"/etc/containers/policy.json": json.dumps(said), "/etc/containers/systemd/one.container": unit}))


def passing(at):
    machine_with(at, "sigstoreSigned")


def failing(at):
    machine_with(at, "insecureAcceptAnything")


def unknown(at):
    settings(at, at.unknown)
