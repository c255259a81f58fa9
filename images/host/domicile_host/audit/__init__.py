"""Audit: events become sealed records in an append-only journal; the shipper carries them to the archive and the sinks."""

from domicile_host.audit.chain import ChainFailedError, ChainLockedError
from domicile_host.audit.event import Event, Outcome, Recorder
from domicile_host.audit.journal import Journal, JournalClosedError
from domicile_host.audit.reader import pick, records
from domicile_host.audit.record import Record
from domicile_host.audit.segments import ChainBrokenError

__all__ = [
    "ChainBrokenError",
    "ChainFailedError",
    "ChainLockedError",
    "Event",
    "Journal",
    "JournalClosedError",
    "Outcome",
    "Record",
    "Recorder",
    "pick",
    "records",
]
