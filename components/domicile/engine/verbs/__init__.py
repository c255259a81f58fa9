"""The CLI's own verbs, flags and exit codes over the engine: `python -m domicile.engine VERB`. One file a family of verbs."""

from __future__ import annotations

import argparse

from .. import display
from ..errors import EngineError
from . import cancel, config, operations, stack, state
from .refused import refuse_unsupported

FAMILIES = (operations, stack, config, state, cancel)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m domicile.engine",
        description="The embedded engine, called as Pulumi's CLI is: its verbs, flags, files and exit codes.",
        epilog="Environment: PULUMI_BACKEND_URL (file:///a/folder), PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE.",
        allow_abbrev=False,
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for family in FAMILIES:
        family.declare(verbs)
    return top


def main(arguments: list[str]) -> int:
    """Run one verb and give the exit code: 0 done, 1 failed or refused, 2 wrong usage, 7 changes where none were expected."""
    try:
        refuse_unsupported(arguments)
        a = parser().parse_args(arguments)
        code: int = a.run(a)
    except EngineError as e:
        display.error(str(e))
        return 1
    except KeyboardInterrupt:
        display.error("aborted")
        return 1
    return code
