"""Which environment's work queue the perimeter serves."""

from __future__ import annotations

from pydantic import Field

from domicile.config.section import Section


class Environment(Section):
    """An environment of type `self_hosted` at the control plane."""

    id: str = Field(
        pattern=r"^env_[A-Za-z0-9_-]+$",
        max_length=128,
        description="the environment's id at the control plane",
        examples=["env_0123456789abcdef"],
    )
