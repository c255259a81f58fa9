"""Runs the shipper as the host's container does, unprivileged: the program that tests start and kill."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from domicile_host.audit.shipper import serve
from domicile_host.settings import load

UNPRIVILEGED, DOMICILE = 65529, 65500

if __name__ == "__main__":
    settings = load(Path(sys.argv[1]))
    if os.geteuid() == 0:
        os.setgroups([DOMICILE])
        os.setgid(UNPRIVILEGED)
        os.setuid(UNPRIVILEGED)
    asyncio.run(serve(settings))
