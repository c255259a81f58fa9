"""DOM-RES-009: What machines send to lies in the jurisdiction, or somebody answers for it."""

from __future__ import annotations

import json

from parts import ignition, settings

UNKNOWN = "undecided"


def told(at, site):
    said = {"audit": {"sinks": [{"kind": "otlp", "name": "siem", "url": f"https://{site}"}]}}
    settings(at, ignition({"/etc/domicile/settings.json": json.dumps(said)}))


def passing(at):
    told(at, "http-intake.logs.ap1.datadoghq.com")


def failing(at):
    told(at, "http-intake.logs.datadoghq.com")


def unknown(at):
    settings(at, at.unknown)
