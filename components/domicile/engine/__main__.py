"""`python -m domicile.engine VERB`: the engine called as Pulumi's CLI is, with its verbs, flags and exit codes.

For holding the engine to recordings of the CLI, and for a look at a stack without Domicile. Users call `domicile`.
"""

from __future__ import annotations

import gc
import sys

from .verbs import main

if __name__ == "__main__":
    code = main(sys.argv[1:])
    gc.freeze()  # all that is left goes with the process: no last collection needs to look at it
    sys.exit(code)
