"""`domicile tunnel`: makes the CA of a stack's MCP tunnel, and puts its key and the tunnel's token into the secrets manager."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from domicile.cli import secrets_manager
from domicile.cli.exit import CliError, wrong_input
from domicile.cli.project import Stack, configuration

if TYPE_CHECKING:
    from domicile.config import PerimeterConfig
    from domicile.config.aws import Aws

TokenOnly = Annotated[bool, typer.Option("--token-only", help="Leave the CA as it is, and put the token in only.")]
Rotate = Annotated[bool, typer.Option("--rotate", help="Have the control plane make a new token first; open connections stay.")]


def tunnel(stack: Stack = "local", token_only: TokenOnly = False, rotate: Rotate = False) -> None:
    """Put an MCP tunnel's token and a new CA into the secrets manager, and print the CA's certificate.

    With your credentials: the control plane's in ANTHROPIC_API_KEY, AWS's by the `aws` command. Neither token nor key is shown, or an
    argument, or in the stack's state. The certificate is public: put it under `aws.tunnel.authorities`, and run `domicile up` again.
    """
    config = configuration(stack)
    if config.aws is None or config.aws.tunnel is None:
        raise wrong_input(f"stack {stack} has no MCP tunnel: set `aws.tunnel` first")
    aws = config.aws
    secrets_manager.put(aws, stack, _token(config, aws, rotate), "tunnel/token")
    if token_only:
        print(f"stack {stack}: the tunnel's token is in the secrets manager")
        return
    certificate, key = authority(f"domicile-{stack}")
    secrets_manager.put(aws, stack, json.dumps({"certificate": certificate, "key": key}), "tunnel/authority")
    print(
        f"stack {stack}: the tunnel's token and its CA's key are in the secrets manager; hosts trust nothing new until the next `up` with"
    )
    print(f"  aws.tunnel.authorities: the certificate below, beside the last one while hosts change\n{certificate}", end="")


def _token(config: PerimeterConfig, aws: Aws, rotate: bool) -> str:
    from domicile.control_plane.operator import ControlPlaneError, operator
    from domicile.control_plane.tunnel import adopted

    plane, name = config.control_plane, f"domicile-{config.stack}"
    try:
        with operator(plane.url, plane.ca_file) as client:
            found = adopted(client, name, aws.tunnel.id if aws.tunnel else None)
            if found is None:
                raise wrong_input(f"there is no tunnel {name!r} at the control plane yet: run `domicile up {config.stack}` first")
            tunnels = client.beta.tunnels
            made = tunnels.rotate_token(found.id, reason="rotated by the operator") if rotate else tunnels.reveal_token(found.id)
            return made.tunnel_token
    except ControlPlaneError as error:
        raise CliError(str(error)) from None


def authority(name: str) -> tuple[str, str]:
    """A CA as a tunnel asks for it: certificate and key, PEM. ECDSA P-256, five years, as the vendor's own setup makes it."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} MCP tunnel {now:%Y-%m-%d}")])
    signs = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=5 * 365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **signs), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
