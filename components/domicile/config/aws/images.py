"""The images that a region's machines run, by digest."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from domicile.config.faults import ConfigRefusedError, Objection
from domicile.config.section import Section
from domicile_host.settings import Digest

_EXAMPLE = "sha256:" + "0123456789abcdef" * 4


def _public_key(text: str) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigRefusedError(
            Objection((), "the PEM text of an ECDSA P-256 public key", "copy what `domicile images build --stack S` prints")
        )
    return text.strip() + "\n"


class Images(Section):
    """As `domicile images build --stack S` prints it. `up` pushes them into the stack's own registry before it starts a machine."""

    sandbox: Digest = Field(description="the image of the sandboxes", examples=[_EXAMPLE])
    host: Digest = Field(description="the image of dispatcher, gateway and shipper", examples=[_EXAMPLE])
    egress: Digest = Field(description="the image of the proxies", examples=[_EXAMPLE])
    signing_key: Annotated[str, AfterValidator(_public_key)] = Field(
        description="public half of the key that signed them (PEM); machines run nothing else",
        examples=["|\n  -----BEGIN PUBLIC KEY-----\n  …"],
    )
