"""What a dispatcher does first: compares the ledger with what runs, takes over live sessions, removes what is left over.

Ours is what the ledger names, what carries this stack's and host's labels, or a link that ends in this very namespace.
Anything else that only looks like ours is left alone and reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from domicile_host.dispatcher import container
from domicile_host.dispatcher.engine import Container, Engine
from domicile_host.dispatcher.item_secrets import Seal
from domicile_host.dispatcher.ledger import Entry
from domicile_host.dispatcher.links import Links
from domicile_host.dispatcher.session import Cause, Parts, Session
from domicile_host.dispatcher.sessions import Sessions

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What an earlier dispatcher left behind."""

    adopted: int = 0
    ended: int = 0
    removed: int = 0
    unowned: tuple[str, ...] = field(default=())
    """Names of containers and namespaces that may be another's."""


async def adopt(parts: Parts, seal: Seal, engine: Engine, links: Links, sessions: Sessions) -> Found:
    """Begins every session in hand, as alive or as ended, and removes leftovers. Raises `EngineAway`, `LinkFailed`, `OSError`."""
    labels = container.Labels(parts.settings.stack, parts.settings.host)
    containers = {each.names[0]: each for each in await engine.containers(**labels.of_host())}
    entries = parts.ledger.entries()
    begun = [
        _begin(parts, seal, sessions, entry, containers.get(parts.sandboxes.name(entry.sandbox_id))) for entry in entries if entry.held
    ]
    for entry in (each for each in entries if not each.held):
        await parts.sandboxes.destroy(parts.sandboxes.of(entry))
    known = {entry.sandbox_id for entry in entries}
    strays = _labelled(containers) | await links.linked()
    for sandbox_id in strays - known:
        await engine.remove(parts.sandboxes.name(sandbox_id))
        await links.remove(sandbox_id)
    unowned = await _unowned(parts, engine, links, known | strays)
    spare = len(entries) - len(begun) + len(strays - known)
    found = Found(adopted=sum(begun), ended=len(begun) - sum(begun), removed=spare, unowned=unowned)
    log.info("adoption.done", adopted=found.adopted, ended=found.ended, removed=found.removed, unowned=list(found.unowned))
    return found


def _begin(parts: Parts, seal: Seal, sessions: Sessions, entry: Entry, running: Container | None) -> bool:
    """True when the session goes on. What can't be proven to be its sandbox isn't given to it: the session then ends."""
    if entry.held is None:
        raise ValueError(f"ledger entry {entry.sandbox_id} has no session")
    secrets = seal.open(entry.held.sealed, entry.sandbox_id)
    alive = running is not None and running.running and running.id == entry.container_id
    session = Session(parts, parts.sandboxes.of(entry), entry.held, secrets, adopted=True)
    sessions.begin(session)
    if alive and secrets is not None and not entry.held.lost:
        parts.metrics.adopted.inc()
        return True
    log.warning("adoption.session-lost", session=entry.held.session_id, alive=alive, token=secrets is not None, lost=entry.held.lost)
    session.end(Cause.LEASE_LOST if entry.held.lost else Cause.SANDBOX_GONE)
    return False


def _labelled(containers: dict[str, Container]) -> set[str]:
    return {(each.labels or {}).get("domicile.sandbox", "") for each in containers.values()} - {""}


async def _unowned(parts: Parts, engine: Engine, links: Links, ours: set[str]) -> tuple[str, ...]:
    """Sandboxes of this stack with another host's label, and namespaces named like a sandbox's that nothing here leads to."""
    mine = {parts.sandboxes.name(sandbox_id) for sandbox_id in ours}
    others = await engine.containers(**{"domicile.stack": parts.settings.stack})
    containers = {name for each in others for name in each.names if "domicile.sandbox" in (each.labels or {})} - mine
    namespaces = {links.path(sandbox_id).name for sandbox_id in links.namespaces() - ours}
    parts.metrics.unowned.set(len(containers) + len(namespaces))
    return tuple(sorted(containers | namespaces))
