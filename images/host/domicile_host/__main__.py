"""`python -m domicile_host SERVICE SETTINGS`: runs one of the worker host's services until it is told to end."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from pathlib import Path

from pydantic import ValidationError

from domicile_host.settings import HostSettings, load

SERVICES = {"dispatcher": "domicile_host.dispatcher", "gateway": "domicile_host.gateway", "shipper": "domicile_host.audit.shipper"}
"""Each service's module; it offers `serve(settings)`. Only the one that runs is imported."""


def main() -> int:
    """The service's exit code: 0 after an orderly end, 2 for settings that can't be used."""
    parser = argparse.ArgumentParser(prog="domicile_host", description="A service of a Domicile worker host.")
    parser.add_argument("service", choices=sorted(SERVICES))
    parser.add_argument("settings", type=Path, help="the host's settings, as JSON")
    arguments = parser.parse_args()
    try:
        settings = load(arguments.settings)
    except (OSError, ValidationError) as error:
        print(f"{arguments.settings}: {error}", file=sys.stderr)
        return 2
    serve: Callable[[HostSettings], Coroutine[None, None, None]] = import_module(SERVICES[arguments.service]).serve
    asyncio.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
