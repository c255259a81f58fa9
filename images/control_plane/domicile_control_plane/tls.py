"""Certificates of the stand-in and of its outside world: an own CA, made on first start and kept in a folder, and a leaf for each name.

Whoever connects must be told to trust `ca.pem` of that folder.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS, LEAF_DAYS = 3650, 365


class Authority:
    """An own CA in a folder: `ca.pem` to hand out, `ca.key` to keep.

    Args:
        folder: made if missing, and so is the CA in it.
        name: the CA's common name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate_file, key_file = folder / "ca.pem", folder / "ca.key"
        if not (self.certificate_file.exists() and key_file.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            _write_private(key_file, _pem(key))
            self.certificate_file.write_bytes(_self_signed(key, name).public_bytes(serialization.Encoding.PEM))
        self._certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        loaded = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{key_file} holds no elliptic-curve key: remove {folder} to have a new CA made")
        self._key = loaded

    def server_context(self, *names: str) -> ssl.SSLContext:
        """A server's TLS settings with one certificate for these host names and addresses, made anew at each start."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._leaf(key, names)
        place = self._folder / f"leaf-{names[0].replace(':', '-')}.pem"
        chain = leaf.public_bytes(serialization.Encoding.PEM) + self._certificate.public_bytes(serialization.Encoding.PEM)
        _write_private(place, _pem(key) + chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(place)
        return context

    def contexts_by_name(self, *names: str) -> ssl.SSLContext:
        """A server's TLS settings that pick each name's own certificate; a client that asks for another name is refused."""
        contexts = {name: self.server_context(name) for name in names}
        front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
            if name not in contexts:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            connection.context = contexts[name]
            return None

        front.sni_callback = choose
        return front

    def _leaf(self, key: ec.EllipticCurvePrivateKey, names: tuple[str, ...]) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=LEAF_DAYS))
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        return builder.sign(self._key, hashes.SHA256())


def _self_signed(key: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    now, subject = datetime.now(UTC), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)
