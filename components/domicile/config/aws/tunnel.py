"""The MCP tunnel: private MCP servers that agents reach through Anthropic without a door into the network."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from domicile.config.aws.identifiers import InstanceType
from domicile.config.aws.network import PRIVATE
from domicile.config.egress import canonical_host
from domicile.config.faults import ConfigRefusedError, Objection, refuse
from domicile.config.section import Section, WholeNetwork, repeated
from domicile_host.settings import Digest, Hostname, Name

LARGEST_PEM_BYTES = 8 << 10
MOST_AUTHORITIES = 2
_CERTIFICATE = re.compile(r"\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*")


def _certificate(text: str) -> str:
    """One certificate and nothing beside it: above all no private key."""
    refused = ConfigRefusedError(
        Objection((), "one certificate in PEM, at most 8 kB, without a key", "write what `domicile tunnel` prints, and only that")
    )
    if len(text) > LARGEST_PEM_BYTES or not _CERTIFICATE.fullmatch(text):
        raise refused
    try:
        der = ssl.PEM_cert_to_DER_cert(text.strip())
    except ValueError:
        raise refused from None
    return ssl.DER_cert_to_PEM_cert(der)


class McpServer(Section):
    """One MCP server behind the tunnel."""

    name: Name = Field(description="the server's name at the tunnel", examples=["tickets"])
    host: Annotated[Hostname, BeforeValidator(canonical_host)] = Field(description="its host name", examples=["mcp.internal.example.com"])
    port: int = Field(443, ge=1, le=65535, description="its port")
    network: WholeNetwork = Field(
        description="the private network it is in; the tunnel hosts reach nothing else inside", examples=["10.20.0.0/24"]
    )


class TunnelImages(Section):
    """Anthropic's and Cloudflare's images, copied into the stack's own registry with their digests.

    Defaults: the digests that the MCP tunnels pages of Anthropic's documentation name (2026-08).
    """

    cloudflared: Digest = Field(
        "sha256:6b599ca3e974349ead3286d178da61d291961182ec3fe9c505e1dd02c8ac31b0", description="docker.io/cloudflare/cloudflared"
    )
    mcp_proxy: Digest = Field(
        "sha256:efb27b299d627e4134815663cb8896641eeaee025d734c0f695582b4df38f013",
        description="us-docker.pkg.dev/anthropic-public-registry/images/mcp-proxy",
    )


class Tunnel(Section):
    """Two hosts with `cloudflared` and `mcp-proxy`, one a zone."""

    servers: tuple[McpServer, ...] = Field(description="the MCP servers, and nothing beside them")
    id: str | None = Field(
        None, pattern=r"^tnl_[A-Za-z0-9_-]+$", max_length=128, description="a tunnel that is there; unset: made, or found by its name"
    )
    authorities: tuple[Annotated[str, AfterValidator(_certificate)], ...] = Field(
        (), description="CA certificates (PEM) that the tunnel trusts, as `domicile tunnel` prints them: one, and two while they change"
    )
    images: TunnelImages = Field(TunnelImages(), description="what the hosts run")
    instance_type: InstanceType | None = Field(None, description="one kind of machine; unset: that of `proxies`")

    @model_validator(mode="after")
    def _fits_together(self) -> Tunnel:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        if not self.servers:
            yield Objection(("servers",), "at least one server", "name the MCP servers, or remove `tunnel`")
        for again, first in repeated([server.name for server in self.servers]):
            yield Objection(("servers", again, "name"), "a name of its own for each server", f"rename it: servers[{first}] has that name")
        for place, server in enumerate(self.servers):
            if not any(server.network.subnet_of(network) for network in PRIVATE):
                yield Objection(("servers", place, "network"), "a private network (RFC 1918)", "write the network that the server is in")
        if len(self.authorities) > MOST_AUTHORITIES:
            yield Objection(("authorities",), "at most two: a tunnel trusts no more", "remove the one that no host uses any more")
        for again, first in repeated(self.authorities):
            yield Objection(("authorities", again), "each certificate once", f"remove it: authorities[{first}] is the same")
