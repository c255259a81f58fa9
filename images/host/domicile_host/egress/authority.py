"""The perimeter's own certificate authority: signs what inspected hosts show to sandboxes.

Provisioning makes the CA once and puts it into the secrets manager; the policy server signs a short-lived leaf for each inspected
host and serves it to Envoy. Sandboxes trust the certificate through their CA bundle; nothing else should.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(hours=24)
LEAF_RENEWAL = LEAF_LIFE * 2 / 3
_CLOCK_SKEW = timedelta(hours=1)


class AuthorityError(ValueError):
    """The CA can't sign: its certificate or key isn't what it should be, or it has expired."""


class AuthorityPem(NamedTuple):
    """The CA as it is kept: two PEM texts, the fields `certificate` and `key` of its secret."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Leaf:
    """A certificate for one host, its key, and when to make the next."""

    certificate: bytes
    key: bytes
    renew_at: datetime


def make_authority(stack: str) -> AuthorityPem:
    """A new CA for a perimeter; it may sign hosts only, no further CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Domicile {stack} egress inspection")])
    builder = (
        _builder(name, name, key.public_key(), AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return AuthorityPem(_certificate_pem(builder.sign(key, hashes.SHA256())).decode(), _key_pem(key).decode())


class Authority:
    """A CA in hand. Raises `AuthorityError` if certificate and key don't belong together or it has expired."""

    def __init__(self, pem: AuthorityPem) -> None:
        try:
            self._certificate = x509.load_pem_x509_certificate(pem.certificate.encode())
            key = serialization.load_pem_private_key(pem.key.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise AuthorityError("the egress CA isn't a PEM certificate and an unencrypted PEM key: make it anew") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != self._certificate.public_key():
            raise AuthorityError("the egress CA's key isn't the EC key of its certificate: put both from the same making")
        if self._certificate.not_valid_after_utc <= datetime.now(UTC):
            raise AuthorityError(f"the egress CA expired on {self._certificate.not_valid_after_utc:%Y-%m-%d}: make it anew")
        self._key = key

    def leaf(self, host: str) -> Leaf:
        """A new key and certificate for `host`, valid for `LEAF_LIFE`, to be renewed after `LEAF_RENEWAL`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]) if len(host) <= 64 else x509.Name([])
        issuer = self._key.public_key()
        builder = (
            _builder(subject, self._certificate.subject, key.public_key(), LEAF_LIFE)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        )
        return Leaf(_certificate_pem(builder.sign(self._key, hashes.SHA256())), _key_pem(key), datetime.now(UTC) + LEAF_RENEWAL)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + life)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
