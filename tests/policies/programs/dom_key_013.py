"""DOM-KEY-013: Nothing that looks like a secret is in any input."""

from __future__ import annotations

import base64

from parts import function, machine

UNKNOWN = "undecided"


def passing(at):
    function(at, environment={"variables": {"KEY_SECRET": "domicile/environment-key"}})


def failing(at):
    function(at, environment={"variables": {"TOKEN": "sk-ant-" + "x" * 20}})
    machine(at, user_data=base64.b64encode(b"export KEY=AKIA" + b"A" * 16).decode())


def unknown(at):
    function(at, environment={"variables": {"TOKEN": at.unknown}})
