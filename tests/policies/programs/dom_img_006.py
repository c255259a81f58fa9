"""DOM-IMG-006: A machine takes its settings by their hash."""

from __future__ import annotations

import base64
import json

from parts import machine

UNKNOWN = "undecided"


def pointing(at, **verification):
    replace = {"source": "s3://settings/one.ign", **verification}
    text = json.dumps({"ignition": {"version": "3.4.0", "config": {"replace": replace}}})
    machine(at, user_data=base64.b64encode(text.encode()).decode())


def passing(at):
    pointing(at, verification={"hash": "sha512-" + "0" * 128})


def failing(at):
    pointing(at)


def unknown(at):
    machine(at, user_data=at.unknown)
