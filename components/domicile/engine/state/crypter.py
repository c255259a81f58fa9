"""Passphrase encryption as Pulumi's CLI does it: PBKDF2-HMAC-SHA256 with a million rounds, then AES-256-GCM.

Used by the state (each secret value's JSON) and by the configuration (`secure:` values, raw text).
"""

from __future__ import annotations

import base64
import binascii
import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from ..errors import PassphraseError

ROUNDS = 1_000_000
PROOF = "pulumi"  # the word whose ciphertext in the salt tells a right passphrase from a wrong one


@lru_cache(maxsize=8)
def _key(passphrase: str, salt: bytes) -> bytes:
    return PBKDF2HMAC(SHA256(), 32, salt, ROUNDS).derive(passphrase.encode())  # in half the time that hashlib takes


class Crypter:
    """Encrypts and decrypts under one salt. `salt` is `v1:<base64 of 8 bytes>:` and the encrypted proof word."""

    def __init__(self, passphrase: str, salt: str) -> None:
        self.salt = salt
        try:
            self._aes = AESGCM(_key(passphrase, base64.b64decode(salt.split(":")[1])))
            proof = self.decrypt(salt.split(":", 2)[2])
        except (IndexError, binascii.Error) as e:
            raise PassphraseError("encryptionsalt can't be read; restore it from a backup of Pulumi.<stack>.yaml") from e
        if proof != PROOF:
            raise PassphraseError(_WRONG)

    @classmethod
    def new(cls, passphrase: str) -> Crypter:
        salt = os.urandom(8)
        proof = _seal(AESGCM(_key(passphrase, salt)), PROOF)
        return cls(passphrase, f"v1:{base64.b64encode(salt).decode()}:{proof}")

    def encrypt(self, text: str) -> str:
        return _seal(self._aes, text)

    def decrypt(self, text: str) -> str:
        try:
            version, nonce, body = text.split(":")
            if version != "v1":
                raise PassphraseError(f"a secret of format {version!r} can't be read; only v1 can")
            return self._aes.decrypt(base64.b64decode(nonce), base64.b64decode(body), None).decode()
        except InvalidTag as e:
            raise PassphraseError(_WRONG) from e
        except ValueError as e:
            raise PassphraseError("an encrypted value is damaged; restore the state or configuration from a backup") from e


_WRONG = "incorrect passphrase: set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the one this stack was made with"


def _seal(aes: AESGCM, text: str) -> str:
    nonce = os.urandom(12)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(aes.encrypt(nonce, text.encode(), None)).decode()}"


def passphrase_from(env: dict[str, str]) -> str:
    """The passphrase that PULUMI_CONFIG_PASSPHRASE or the file named by PULUMI_CONFIG_PASSPHRASE_FILE gives."""
    if "PULUMI_CONFIG_PASSPHRASE" in env:
        return env["PULUMI_CONFIG_PASSPHRASE"]
    if path := env.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as e:
            raise PassphraseError(f"PULUMI_CONFIG_PASSPHRASE_FILE {path}: {e.strerror}; name a readable file") from e
    raise PassphraseError("no passphrase: set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE")
