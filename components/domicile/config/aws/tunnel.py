"""The MCP tunnel: private MCP servers that agents reach through Anthropic without a door into the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from domicile.config.aws.network import PRIVATE
from domicile.config.egress import canonical_host
from domicile.config.faults import Objection, refuse
from domicile.config.section import Section, WholeNetwork, repeated
from domicile_host.settings import Hostname, Name


class McpServer(Section):
    """One MCP server behind the tunnel."""

    name: Name = Field(description="the server's name at the tunnel", examples=["tickets"])
    host: Annotated[Hostname, BeforeValidator(canonical_host)] = Field(description="its host name", examples=["mcp.internal.example.com"])
    port: int = Field(443, ge=1, le=65535, description="its port")
    network: WholeNetwork = Field(
        description="the private network it is in; the tunnel hosts reach nothing else inside", examples=["10.20.0.0/24"]
    )


class Tunnel(Section):
    """Two hosts with `cloudflared` and `mcp-proxy`, one a zone."""

    servers: tuple[McpServer, ...] = Field(description="the MCP servers, and nothing beside them")

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
