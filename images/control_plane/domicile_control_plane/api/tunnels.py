"""`/v1/tunnels`: administration only. The documentation asks for a federated token with scope `workspace:manage_tunnels`; here an API key
stands for it, since whether the service takes one isn't documented."""

from __future__ import annotations

from aiohttp import web

from ..shapes import TunnelCertificateCreate, TunnelCreate, TunnelRotate
from .access import after, body, caller, limit, one, page, rooms

routes = web.RouteTableDef()
BETA = ("mcp-tunnels-2026-06-22",)
ONE = "/v1/tunnels/{tunnel_id}"
CERTIFICATE = ONE + "/certificates/{certificate_id}"


def _operator(request: web.Request) -> None:
    caller(request, "API key", betas=BETA)


@routes.post("/v1/tunnels", name="tunnels.create")
async def create(request: web.Request) -> web.Response:
    """Create a tunnel."""
    _operator(request)
    return one(rooms(request).tunnels.create(await body(request, TunnelCreate)))


@routes.get("/v1/tunnels", name="tunnels.list")
async def index(request: web.Request) -> web.Response:
    """A page of tunnels."""
    _operator(request)
    archived = request.query.get("include_archived") == "true"
    return page(*rooms(request).tunnels.page(archived=archived, limit=limit(request, 20, 1000), before=after(request)))


@routes.get(ONE, name="tunnels.retrieve")
async def retrieve(request: web.Request) -> web.Response:
    """One tunnel."""
    _operator(request)
    return one(rooms(request).tunnels.get(request.match_info["tunnel_id"]))


@routes.post(ONE + "/archive", name="tunnels.archive")
async def archive(request: web.Request) -> web.Response:
    """Archive a tunnel."""
    _operator(request)
    return one(rooms(request).tunnels.archive(request.match_info["tunnel_id"]))


@routes.post(ONE + "/reveal_token", name="tunnels.reveal_token")
async def reveal(request: web.Request) -> web.Response:
    """The connector token."""
    _operator(request)
    return one(rooms(request).tunnels.token(request.match_info["tunnel_id"]))


@routes.post(ONE + "/rotate_token", name="tunnels.rotate_token")
async def rotate(request: web.Request) -> web.Response:
    """A new connector token."""
    _operator(request)
    await body(request, TunnelRotate)
    return one(rooms(request).tunnels.token(request.match_info["tunnel_id"], rotate=True))


@routes.post(ONE + "/certificates", name="tunnels.certificates.create")
async def trust(request: web.Request) -> web.Response:
    """Register a CA certificate."""
    _operator(request)
    asked = await body(request, TunnelCertificateCreate)
    return one(rooms(request).tunnels.trust(request.match_info["tunnel_id"], asked.ca_certificate_pem))


@routes.get(ONE + "/certificates", name="tunnels.certificates.list")
async def certificates(request: web.Request) -> web.Response:
    """A tunnel's certificates, on one page."""
    _operator(request)
    archived = request.query.get("include_archived") == "true"
    return page(list(rooms(request).tunnels.certificates(request.match_info["tunnel_id"], archived=archived)), None)


@routes.get(CERTIFICATE, name="tunnels.certificates.retrieve")
async def certificate(request: web.Request) -> web.Response:
    """One certificate."""
    _operator(request)
    return one(rooms(request).tunnels.certificate(request.match_info["tunnel_id"], request.match_info["certificate_id"]))


@routes.post(CERTIFICATE + "/archive", name="tunnels.certificates.archive")
async def distrust(request: web.Request) -> web.Response:
    """Archive a certificate."""
    _operator(request)
    return one(rooms(request).tunnels.distrust(request.match_info["tunnel_id"], request.match_info["certificate_id"]))
