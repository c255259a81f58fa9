"""Audit: events become sealed records in an append-only journal; the shipper carries them to the archive and the sinks."""

from domicile_host.audit.event import Event, Outcome, Recorder

__all__ = ["Event", "Outcome", "Recorder"]
