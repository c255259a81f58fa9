"""A service that appends events to a journal and prints the number of each once it is confirmed; run by tests, which kill it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from domicile_host.audit import Event, Journal


async def main(folder: Path, source: str, start: int, count: int, at_once: int) -> None:
    journal = await Journal.open(folder / source, source, "host-a", stack="test", segment_bytes=16 << 10)

    async def append(n: int) -> None:
        await journal.append(Event(activity="gateway.call", session_id="sesn_a", detail={"n": n, "pad": "x" * (n % 700)}))
        sys.stdout.write(f"{n}\n")

    for first in range(start, start + count, at_once):
        await asyncio.gather(*(append(n) for n in range(first, min(first + at_once, start + count))))
        sys.stdout.flush()
    await journal.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
