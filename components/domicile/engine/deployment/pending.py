"""What a killed operation left in doubt: how the next one names it, and how `refresh` settles the creates among it."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import EngineError
from ..events import Journal
from ..state.checkpoint import Checkpoint
from ..state.snapshot import Operation, Snapshot


def warning(snapshot: Snapshot) -> str:
    return (
        f"Attempting to deploy or update resources with {len(snapshot.pending)} pending operations from previous deployment."
        f"{lines(snapshot.pending)}\n"
        "They were interrupted, so their end is unknown. Once you have looked, `refresh --clear-pending-creates` forgets the creates."
    )


def lines(operations: Sequence[Operation]) -> str:
    return "".join(f"\n  * {o.resource.urn}, interrupted while {o.type}" for o in operations)


def pairs(words: Sequence[str]) -> dict[str, str]:
    """URN -> id, of `--import-pending-creates URN --import-pending-creates ID …`; EngineError if one is missing."""
    if len(words) % 2:
        raise EngineError("--import-pending-creates: each URN must be followed by an ID, each after the flag; there is an odd number")
    return dict(zip(words[::2], words[1::2], strict=True))


def settle(checkpoint: Checkpoint, journal: Journal, clear: bool, imports: dict[str, str]) -> None:
    """Forget the pending creates, all or those of `imports`, and say how what was made is taken in.

    Pulumi's CLI 3.260 drops a pending create that is to be imported, and doesn't take the thing in (a recording shows it); so it is
    here, but said.
    """
    left = {o.resource.urn for o in checkpoint.in_doubt() if o.type == "creating"}
    for urn, id_ in imports.items():
        if urn in left:
            name = urn.rpartition("::")[2]
            journal.log(
                f"the pending create is dropped, but the thing is not in the state: give its resource the option import_={id_!r} before the"
                f" next `up`, which makes {name!r} anew otherwise", "warning", urn,
            )  # fmt: skip
        else:
            journal.log(f"{urn!r} is not a pending create", "warning")
    checkpoint.clear_pending(None if clear else set(imports))
