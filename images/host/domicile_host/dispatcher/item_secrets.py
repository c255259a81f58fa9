"""Item tokens and capabilities of the sessions in hand, sealed, so that the ledger can hold them and a disk gives none away.

A dispatcher that comes back goes on with each session's heartbeats and may have to bind it again at a gateway that lost its
memory too; for that it needs the item's token and the worker's capability. They are kept encrypted with a key that only the
secrets manager and the dispatcher's memory have: derived from the inspecting CA's private key, which the dispatcher reads at
each start anyway. A token opens one session until that session ends. The environment key is never written, sealed or not.
"""

from __future__ import annotations

import base64
import json
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

PURPOSE = b"domicile dispatcher: item secrets in the ledger, version 1"
NONCE_BYTES = 12


class ItemSecrets(BaseModel):
    """What opens one session at the control plane (`token`) and at the gateway (`capability`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr | None
    """None where the control plane lets a role in instead."""
    capability: SecretStr

    @classmethod
    def of(cls, token: SecretStr | None) -> ItemSecrets:
        """With a new random capability."""
        return cls(token=token, capability=SecretStr(secrets.token_urlsafe(32)))


class Seal:
    """Seals and opens. `authority_key` is the CA's private key as the secrets manager keeps it."""

    def __init__(self, authority_key: str) -> None:
        derived = HKDF(hashes.SHA256(), length=32, salt=None, info=PURPOSE).derive(authority_key.encode())
        self._cipher = AESGCM(derived)

    def seal(self, item: ItemSecrets, sandbox_id: str) -> str:
        """Text that opens again for the same sandbox only."""
        token = item.token.get_secret_value() if item.token else None
        plain = json.dumps({"token": token, "capability": item.capability.get_secret_value()}).encode()
        nonce = os.urandom(NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, plain, sandbox_id.encode())).decode()

    def open(self, sealed: str, sandbox_id: str) -> ItemSecrets | None:
        """None when it was sealed with another key or for another sandbox."""
        try:
            packed = base64.b64decode(sealed, validate=True)
            return ItemSecrets.model_validate_json(self._cipher.decrypt(packed[:NONCE_BYTES], packed[NONCE_BYTES:], sandbox_id.encode()))
        except (InvalidTag, ValueError, ValidationError):
            return None
