"""The functions' code as one archive: the same files give the same bytes, and so the same hash, on any machine and any day."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from io import BytesIO
from pathlib import Path

FUNCTION = Path(__file__).parent / "function"
CA_FILE = "ca.pem"
"""Beside the code: the CA of a control plane that the system doesn't know."""

_DAY = (1980, 1, 1, 0, 0, 0)


def package(ca_file: Path | None = None) -> bytes:
    """A zip archive: names in order, no dates, one mode, nothing compressed (compressors differ between versions)."""
    content = {f"function/{path.name}": path.read_bytes() for path in sorted(FUNCTION.glob("*.py"))}
    if ca_file is not None:
        content[CA_FILE] = ca_file.read_bytes()
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(content.items()):
            entry = zipfile.ZipInfo(name, _DAY)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def object_key(content: bytes) -> str:
    """By its hash: two releases each find their own."""
    return f"functions/{hashlib.sha256(content).hexdigest()}.zip"


def code_hash(content: bytes) -> str:
    """As Lambda gives a function's code."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
