"""How long the dispatcher waits for what; `serve` takes one `Bounds`, and tests hand it shorter ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Each bound in seconds, with the reason for its size."""

    poll_block_seconds: float = 0.999
    """The control plane's own maximum for `block_ms` (SDK 2.11, `POLL_BLOCK_MS`)."""
    claim_seconds: float = 4.0
    """From a poll's answer to its ack. An item not acked after 5 s is offered again, so a slower sandbox gives the claim up."""
    bind_seconds: float = 60.0
    """How long a leased session's identity is retried in Envoy and gateway before its item is stopped."""
    heartbeat_seconds: float = 30.0
    """The longest pause between two heartbeats, and the longest that one may take (SDK 2.11, `_HEARTBEAT_DEFAULT`)."""
    lease_seconds: float = 90.0
    """The lease's time to live until the control plane has said its own (SDK 2.11, `_HEARTBEAT_TTL_DEFAULT`)."""
    stopping_seconds: float = 30.0
    """From `stopping` to force: the official workers cancel a call and post its error within this (anthropic.com docs, operations)."""
    worker_silence_seconds: float = 90.0
    """Without a heartbeat of the sandbox worker, which beats every 30 s or more often."""
    stop_seconds: float = 300.0
    """How long a `stop` is retried: the server's default lease, after which the item goes back to the queue by itself."""
    retry_seconds: float = 0.5
    """First pause after a failure; doubles up to `retry_most_seconds`."""
    retry_most_seconds: float = 30.0
    key_wait_seconds: float = 3.0
    """Between two looks for a secret that is absent or refused."""
    key_reread_seconds: float = 60.0
    """Between two looks at a secret that works: a rotation that revokes nothing yet is picked up within this."""
    reconcile_seconds: float = 30.0
    """Between two comparisons of what runs with what should run, should the engine's events have missed one."""
    refill_pause_seconds: float = 0.25
    """From the taking of a pooled sandbox to the making of the next: a session that begins doesn't share the machine with it.

    Measured on 2 cores: a first result takes 0.1 s, a new sandbox most of a core for 0.2 s.
    """
    head_start_seconds: float = 0.05
    """For how long the next poll lets a claim go first; with a pooled sandbox one takes a hundredth of a second."""
