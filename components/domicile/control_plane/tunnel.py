"""The MCP tunnel at the control plane as resources: the tunnel, and each CA certificate that it trusts. Called by `mcp_tunnel.aws`.

Its connector token is no part of them: `domicile tunnel` carries it into the secrets manager.
Source of the calls: SDK 2.11 `client.beta.tunnels` (header `mcp-tunnels-2026-06-22`, a research preview).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi import dynamic

from domicile.control_plane.operator import ControlPlaneError
from domicile.control_plane.provider import ControlPlaneProvider, ControlPlaneSpec, standing
from domicile.machine.resource import MachineResource, SpecProvider, outputs

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types.beta import BetaTunnel
    from anthropic.types.beta.tunnels import BetaTunnelCertificate


class TunnelSpec(ControlPlaneSpec):
    """A tunnel. `tunnel_id` adopts that one; else one of this `name` is adopted or made."""

    name: str
    tunnel_id: str | None = None


class TunnelProvider(ControlPlaneProvider):
    """Create adopts first: it isn't idempotent at the control plane, where ten tunnels are all that an organisation has."""

    spec = TunnelSpec
    replaces = frozenset({"url", "name", "tunnel_id"})

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        with self.asked(props) as (spec, client):
            found = adopted(client, spec.name, spec.tunnel_id)
            made = found or client.with_options(max_retries=0).beta.tunnels.create(display_name=spec.name)
            return dynamic.CreateResult(made.id, _state(spec, made, adopted=bool(spec.tunnel_id)))

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Only how the control plane is reached can change."""
        with self.asked(news) as (spec, client):
            return dynamic.UpdateResult(_state(spec, client.beta.tunnels.retrieve(id_), adopted=bool(olds.get("adopted"))))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """An archived one is gone for good: the next `up` makes another, with another domain."""
        with self.asked(props) as (spec, client):
            found = standing(lambda: client.beta.tunnels.retrieve(id_))
            if found is None:
                return dynamic.ReadResult("", {})
            return dynamic.ReadResult(id_, _state(spec, found, adopted=bool(props.get("adopted"))))

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Archives the tunnel unless it was adopted by its id: that can't be undone, and its domain is never given out again."""
        if props.get("adopted"):
            return
        with self.asked(props) as (_, client):
            if standing(lambda: client.beta.tunnels.retrieve(id_)):
                client.beta.tunnels.archive(id_)


class TunnelCertificateSpec(ControlPlaneSpec):
    """A CA certificate (PEM, public) that the tunnel trusts."""

    tunnel_id: str
    pem: str


class TunnelCertificateProvider(ControlPlaneProvider):
    """One that the tunnel trusts already is adopted by its fingerprint. Two at most: the next beside the last, while they change."""

    spec = TunnelCertificateSpec
    replaces = frozenset({"url", "tunnel_id", "pem"})

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        with self.asked(props) as (spec, client):
            certificates = client.beta.tunnels.certificates
            known = {found.fingerprint: found for found in certificates.list(spec.tunnel_id) if not found.archived_at}
            made = known.get(fingerprint(spec.pem)) or certificates.create(spec.tunnel_id, ca_certificate_pem=spec.pem)
            return dynamic.CreateResult(made.id, outputs(spec, _facts(made)))

    def update(self, id_: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Only how the control plane is reached can change."""
        with self.asked(news) as (spec, client):
            found = client.beta.tunnels.certificates.retrieve(id_, tunnel_id=spec.tunnel_id)
            return dynamic.UpdateResult(outputs(spec, _facts(found)))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        with self.asked(props) as (spec, client):
            found = standing(lambda: client.beta.tunnels.certificates.retrieve(id_, tunnel_id=spec.tunnel_id))
            return dynamic.ReadResult(id_, outputs(spec, _facts(found))) if found else dynamic.ReadResult("", {})

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        with self.asked(props) as (spec, client):
            if standing(lambda: client.beta.tunnels.certificates.retrieve(id_, tunnel_id=spec.tunnel_id)):
                client.beta.tunnels.certificates.archive(id_, tunnel_id=spec.tunnel_id)


class Tunnel(MachineResource, module="control_plane"):
    """A tunnel of the control plane; `domain` is where its servers are found."""

    domain: pulumi.Output[str]
    provider: ClassVar[SpecProvider] = TunnelProvider()
    learnt: ClassVar[tuple[str, ...]] = ("domain",)


class TunnelCertificate(MachineResource, module="control_plane"):
    """A CA certificate that a tunnel trusts."""

    provider: ClassVar[SpecProvider] = TunnelCertificateProvider()


def adopted(client: Anthropic, name: str, tunnel_id: str | None = None) -> BetaTunnel | None:
    """The tunnel of this id, or the one of this name; None if there is none. Raises `ControlPlaneError` where it would be a guess."""
    if tunnel_id:
        found = client.beta.tunnels.retrieve(tunnel_id)
        if found.archived_at:
            raise ControlPlaneError(f"tunnel {found.id} is archived, which can't be undone: remove `aws.tunnel.id` for a new one")
        return found
    named = [found for found in client.beta.tunnels.list(limit=1000) if found.display_name == name and not found.archived_at]
    if len(named) > 1:
        raise ControlPlaneError(f"{len(named)} tunnels are named {name!r} ({', '.join(t.id for t in named)}): say which by `aws.tunnel.id`")
    return named[0] if named else None


def fingerprint(pem: str) -> str:
    """As the control plane has it: SHA-256 of the DER form, in lower-case hexadecimal."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()


def _state(spec: TunnelSpec, found: BetaTunnel, *, adopted: bool) -> dict[str, Any]:
    return outputs(spec, {"domain": found.domain, "adopted": adopted})


def _facts(found: BetaTunnelCertificate) -> dict[str, Any]:
    return {"fingerprint": found.fingerprint, "expires_at": found.expires_at.isoformat() if found.expires_at else ""}
