"""The images that a region's machines run, by digest."""

from __future__ import annotations

from pydantic import Field

from domicile.config.section import Section
from domicile_host.settings import Digest

_EXAMPLE = "sha256:" + "0123456789abcdef" * 4


class Images(Section):
    """Digests as `domicile images build` prints them. An image is in the stack's own registry before a machine can start it."""

    sandbox: Digest = Field(description="the image of the sandboxes", examples=[_EXAMPLE])
    host: Digest = Field(description="the image of dispatcher, gateway and shipper", examples=[_EXAMPLE])
    egress: Digest = Field(description="the image of the proxies", examples=[_EXAMPLE])
