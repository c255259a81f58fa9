"""A sealed record: one line of a journal, bound to its predecessor by a hash. Journal, shipper and verifier meet here.

Canonical form (the only one): RFC 8785 JSON in UTF-8: keys sorted, no white space, escapes only where JSON demands them.
`canonical` makes it with Python's own encoder, which agrees with RFC 8785 for all that a record can hold, because `seal` first turns
what the two would write differently into strings: integers beyond 2^53, fractions beyond 1e16 or below 1e-4, what isn't a number.
(Keys are sorted by code point.)

Hash: SHA-256, in lower-case hexadecimal, over the canonical form of the record without its member `hash`. On disk a line is those very
bytes with `,"hash":"…"` put before the last brace. `previous` is the predecessor's hash; a chain's first record has 64 zeros.
A journal proves that nothing was changed, taken out or put in between records whose hash is known elsewhere: in the archive, at a sink,
in a cursor. Someone who can write to all of these can forge all of these; that is why sinks are elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from domicile_host.audit import ocsf
from domicile_host.audit.event import Event, Outcome

MAX_DETAIL_BYTES = 192 << 10  # every sink takes a record of this size whole: Splunk's collector counts 1 MB a request, Datadog 1 MB a log

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_PREFIX, _SUFFIX_LENGTH = b',"hash":"', len(b',"hash":""}') + 64


class Product(BaseModel):
    """OCSF `product`: who made the record."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = "Domicile"
    vendor_name: str = "Domicile"


class Metadata(BaseModel):
    """OCSF `metadata`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    uid: str = Field(description="the record's id again, where OCSF's readers look for it")
    sequence: int
    version: str = ocsf.VERSION
    product: Product = Product()


class Record(BaseModel):
    """One sealed record."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: str = Field(description="unique; what a sink that got a record twice knows it by")
    time: int = Field(description="when it happened, in milliseconds since 1970 (OCSF `timestamp_t`)")
    source: str = Field(description="the service whose journal this is")
    host: str
    stack: str
    chain: str = Field(description="names one life of a journal; a journal that begins anew, at sequence 1, has another")
    sequence: int = Field(ge=1, description="1 for a chain's first record, then without a gap")
    previous: str = Field(pattern=r"^[0-9a-f]{64}$")
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    activity: str
    outcome: Outcome
    reason: str
    session_id: str
    work_id: str
    sandbox_id: str
    detail: dict[str, JsonValue]
    category_uid: int
    class_uid: int
    activity_id: int
    type_uid: int
    severity_id: int
    status_id: int
    action_id: int
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a chain: what the next one continues."""

    sequence: int
    hash: str
    chain: str = ""


GENESIS = Head(0, "0" * 64)
"""What the first record of any chain continues."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who writes a journal."""

    stack: str
    host: str
    source: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A line of a journal whose bytes have the hash they claim, and its place in the chain."""

    line: bytes
    head: Head
    opened: Record | None = None

    @property
    def record(self) -> Record:
        """What the line says."""
        return self.opened or Record.model_validate_json(self.line)

    def follows(self, head: Head) -> bool:
        """Whether this record is the one right after `head`."""
        own = self.head
        return own.sequence == head.sequence + 1 and self.record.previous == head.hash and head.chain in ("", own.chain)


class NotSealedError(Exception):
    """A line isn't a record, or its bytes don't have the hash it claims."""


def canonical(value: Any) -> bytes:
    """The canonical form of JSON `value`. Raises `ValueError` for NaN and infinities, `UnicodeEncodeError` for lone surrogates."""
    return _encode(value).encode()


def seal(event: Event, head: Head, origin: Origin, time_milliseconds: int) -> Sealed:
    """Makes the record of `event` that comes after `head`. Total: whatever an event holds, a record comes of it."""
    identity, sequence = str(uuid.uuid4()), head.sequence + 1
    fields: dict[str, Any] = {
        "id": identity,
        "time": time_milliseconds if event.time is None else event.time,
        "source": origin.source,
        "host": origin.host,
        "stack": origin.stack,
        "chain": head.chain or secrets.token_hex(8),
        "sequence": sequence,
        "previous": head.hash,
        "activity": event.activity,
        "outcome": event.outcome,
        "reason": _text(event.reason),
        "session_id": _text(event.session_id),
        "work_id": _text(event.work_id),
        "sandbox_id": _text(event.sandbox_id),
        "detail": _bounded(_plain(dict(event.detail))),
        "metadata": {
            "uid": identity,
            "sequence": sequence,
            "version": ocsf.VERSION,
            "product": {"name": "Domicile", "vendor_name": "Domicile"},
        },
        **ocsf.classify(event),
    }
    body = canonical(fields)
    digest = hashlib.sha256(body).hexdigest()
    return Sealed(body[:-1] + _PREFIX + digest.encode() + b'"}', Head(sequence, digest, fields["chain"]))


def unseal(line: bytes) -> Sealed:
    """Opens a journal's line (without its newline): holds its bytes against its hash and its content against `Record`.

    Whoever writes a journal may be the one that was taken over, so nothing of a line is believed before. Raises `NotSealedError`.
    """
    body, suffix = line[:-_SUFFIX_LENGTH], line[-_SUFFIX_LENGTH:]
    digest = hashlib.sha256(body + b"}").hexdigest()
    if suffix != _PREFIX + digest.encode() + b'"}':
        raise NotSealedError("the record's bytes don't have the hash it claims")
    try:
        record = Record.model_validate_json(line)
    except ValidationError as error:
        raise NotSealedError(f"not a record: {error.errors()[0]['msg']}") from error
    return Sealed(line, Head(record.sequence, record.hash, record.chain), record)


def _plain(value: Any) -> Any:
    """`value` with what JSON encoders don't agree on turned into strings."""
    match value:
        case bool() | None:
            return value
        case str():
            return _text(value)
        case int():
            return value if -(2**53) <= value <= 2**53 else str(value)
        case float():
            return _number(value)
        case dict():
            return {_text(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return _text(str(value))


def _number(value: float) -> int | float | str:
    if value.is_integer() and abs(value) <= 2**53:
        return int(value)
    return value if 1e-4 <= abs(value) < 1e16 else repr(value)


def _text(value: str) -> str:
    """`value` without lone surrogates, which UTF-8 can't carry."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def _bounded(detail: dict[str, Any]) -> dict[str, Any]:
    """`detail`, or its size and digest where it is larger than every sink takes."""
    raw = canonical(detail)
    if len(raw) <= MAX_DETAIL_BYTES:
        return detail
    return {"oversized": {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}}
