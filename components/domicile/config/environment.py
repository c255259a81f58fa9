"""Which environment's work queue the perimeter serves."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from domicile.config.faults import Objection, refuse
from domicile.config.section import Section


class Environment(Section):
    """An environment of type `self_hosted` at the control plane: one that is there, by its `id`; with a `name`, the stack's own to keep."""

    id: str = Field(
        "",
        pattern=r"^env_[A-Za-z0-9_-]+$",
        max_length=128,
        description="the environment's id at the control plane; with `name` and without `id`, one of that name is adopted or made",
        examples=["env_0123456789abcdef"],
    )
    name: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="the stack keeps the environment under this name, with the credential of whoever applies it",
        examples=["tokyo"],
    )
    description: str = Field("", max_length=1000, description="shown at the control plane; with `name` only")

    @model_validator(mode="after")
    def _fits_together(self) -> Environment:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        if not self.id and self.name is None:
            allowed = "required: the environment's id as the Console shows it, or a `name` for the stack to make it"
            yield Objection(("id",), allowed, "set `domicile:environment: {id: env_0123456789abcdef}`")
        if self.description and self.name is None:
            yield Objection(
                ("description",), "only with `name`: the stack doesn't change an environment that it is told by id", "remove it"
            )

    @property
    def shown(self) -> str:
        """For a reader: the id, or the name while nothing has an id yet."""
        return self.id or f"named {self.name!r}"
