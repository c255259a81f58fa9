"""MCP tunnels: hostname, connector token, trusted CA certificates. Served by `api.tunnels`. No traffic passes here.

Source: the SDK's tunnels resource (Python `anthropic` 2.11.0) and the MCP tunnels pages of the API documentation (2026-08): limits, what a
CA certificate must be, and what archiving takes along.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .errors import InvalidRequestError, NotFoundError
from .shapes import Tunnel, TunnelCertificate, TunnelCreate, TunnelToken
from .stamps import new_id, now_text
from .store import Store

MOST_TUNNELS, MOST_CERTIFICATES = 10, 2
LARGEST_PEM_BYTES = 8 << 10


class Tunnels:
    """All tunnels of the organisation."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, asked: TunnelCreate) -> Tunnel:
        """A new tunnel with a hostname that no other ever had."""
        active = self._store.row("SELECT count(*) AS n FROM tunnels WHERE archived_at IS NULL")
        if active is not None and active["n"] >= MOST_TUNNELS:
            raise InvalidRequestError(f"an organization has at most {MOST_TUNNELS} tunnels that aren't archived")
        made = Tunnel(
            id=new_id("tnl"),
            display_name=asked.display_name,
            domain=f"{secrets.token_hex(4)}.tunnel.anthropic.com",
            created_at=now_text(),
        )
        self._store.run("INSERT INTO tunnels VALUES (?, ?, NULL, ?, ?)", made.id, made.model_dump_json(), *_new_token())
        return made

    def get(self, tunnel_id: str) -> Tunnel:
        """One tunnel.

        Raises:
            NotFoundError: there is none with this id.
        """
        row = self._store.row("SELECT body, archived_at FROM tunnels WHERE id = ?", tunnel_id)
        if row is None:
            raise NotFoundError(f"tunnel {tunnel_id} not found")
        return Tunnel.model_validate_json(row["body"]).model_copy(update={"archived_at": row["archived_at"]})

    def page(self, *, archived: bool, limit: int, before: int) -> tuple[list[Tunnel], int | None]:
        """A page of tunnels, newest first; `before` 0 begins with the newest."""
        rows = self._store.rows(
            "SELECT rowid AS number, id FROM tunnels WHERE (? OR archived_at IS NULL) AND (? = 0 OR rowid < ?) ORDER BY rowid DESC LIMIT ?",
            *(archived, before, before, limit + 1),
        )
        return [self.get(row["id"]) for row in rows[:limit]], rows[limit - 1]["number"] if len(rows) > limit else None

    def archive(self, tunnel_id: str) -> Tunnel:
        """Irreversible; takes the certificates along. Again: the same record."""
        if self.get(tunnel_id).archived_at is None:
            now = now_text()
            with self._store.transaction():
                self._store.run("UPDATE tunnels SET archived_at = ?, token = '' WHERE id = ?", now, tunnel_id)
                sql = "UPDATE tunnel_certificates SET archived_at = ? WHERE tunnel_id = ? AND archived_at IS NULL"
                self._store.run(sql, now, tunnel_id)
        return self.get(tunnel_id)

    def token(self, tunnel_id: str, *, rotate: bool = False) -> TunnelToken:
        """The connector token: the same each time until it is rotated."""
        if self.get(tunnel_id).archived_at is not None:
            raise InvalidRequestError(f"tunnel {tunnel_id} is archived")
        if rotate:
            self._store.run("UPDATE tunnels SET token_id = ?, token = ? WHERE id = ?", *_new_token(), tunnel_id)
        row = self._store.row("SELECT token_id, token FROM tunnels WHERE id = ?", tunnel_id)
        assert row is not None  # noqa: S101 - it was just read
        return TunnelToken(id=row["token_id"], tunnel_token=row["token"])

    def trust(self, tunnel_id: str, pem: str) -> TunnelCertificate:
        """Register a CA certificate."""
        if self.get(tunnel_id).archived_at is not None:
            raise InvalidRequestError(f"tunnel {tunnel_id} is archived")
        certificate = _authority(pem)
        if len(self.certificates(tunnel_id, archived=False)) >= MOST_CERTIFICATES:
            raise InvalidRequestError(f"a tunnel has at most {MOST_CERTIFICATES} certificates that aren't archived")
        made = TunnelCertificate(
            id=new_id("tcrt"),
            tunnel_id=tunnel_id,
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            created_at=now_text(),
            expires_at=certificate.not_valid_after_utc.isoformat(),
        )
        self._store.run("INSERT INTO tunnel_certificates VALUES (?, ?, ?, NULL)", made.id, tunnel_id, made.model_dump_json())
        return made

    def certificates(self, tunnel_id: str, *, archived: bool) -> list[TunnelCertificate]:
        """A tunnel's certificates, oldest first."""
        sql = "SELECT id FROM tunnel_certificates WHERE tunnel_id = ? AND (? OR archived_at IS NULL) ORDER BY rowid"
        return [self.certificate(tunnel_id, row["id"]) for row in self._store.rows(sql, tunnel_id, archived)]

    def certificate(self, tunnel_id: str, certificate_id: str) -> TunnelCertificate:
        """One certificate.

        Raises:
            NotFoundError: the tunnel has none with this id.
        """
        sql = "SELECT body, archived_at FROM tunnel_certificates WHERE tunnel_id = ? AND id = ?"
        row = self._store.row(sql, tunnel_id, certificate_id)
        if row is None:
            raise NotFoundError(f"certificate {certificate_id} not found")
        return TunnelCertificate.model_validate_json(row["body"]).model_copy(update={"archived_at": row["archived_at"]})

    def distrust(self, tunnel_id: str, certificate_id: str) -> TunnelCertificate:
        """Archive a certificate."""
        if self.certificate(tunnel_id, certificate_id).archived_at is None:
            self._store.run("UPDATE tunnel_certificates SET archived_at = ? WHERE id = ?", now_text(), certificate_id)
        return self.certificate(tunnel_id, certificate_id)


def _new_token() -> tuple[str, str]:
    return new_id("tkn"), "eyJ" + secrets.token_urlsafe(96)


def _authority(pem: str) -> x509.Certificate:
    """What the documentation asks of a CA certificate."""
    if len(pem.encode()) > LARGEST_PEM_BYTES or "PRIVATE KEY" in pem:
        raise InvalidRequestError("ca_certificate_pem: at most 8 kB, and no private key")
    try:
        [found] = x509.load_pem_x509_certificates(pem.encode())
        basic = found.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
        found.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (ValueError, x509.ExtensionNotFound) as error:
        raise InvalidRequestError(
            f"ca_certificate_pem: exactly one CA certificate with basic constraints, key usage and SKI ({error})"
        ) from None
    key = found.public_key()
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= 256
    )
    if not (basic.critical and basic.value.ca and usage.key_cert_sign and strong) or found.not_valid_after_utc < datetime.now(UTC):
        raise InvalidRequestError("ca_certificate_pem: critical CA:TRUE, keyCertSign, RSA 2048 or P-256 at least, not expired")
    return found
