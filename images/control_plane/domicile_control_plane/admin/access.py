"""What every handler of the admin side needs: the stand-in, and checked bodies."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from ..server import ControlPlane

PLANE = web.AppKey("plane", ControlPlane)


class Order(BaseModel):
    """A body of the admin API; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


def plane(request: web.Request) -> ControlPlane:
    """The stand-in that this request administers."""
    return request.app[PLANE]
