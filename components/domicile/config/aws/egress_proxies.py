"""The egress tier: the proxies with the only route out."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from domicile.config.aws.identifiers import InstanceType
from domicile.config.faults import Objection, refuse
from domicile.config.section import Section, WholeNetwork


class EgressProxies(Section):
    """Machines that dial for the worker hosts, and hold every request to the environment's policy again."""

    instance_type: InstanceType = Field("c7i.large", description="one kind of machine")
    minimum: int = Field(2, alias="min", ge=2, le=100, description="machines at least: one a zone")
    maximum: int = Field(6, alias="max", ge=2, le=100, description="machines at most")
    cpu_percent: int = Field(60, ge=10, le=90, description="average processor use that the tier is scaled to")
    refused_networks: tuple[WholeNetwork, ...] = Field(
        (), description="networks never dialled, beside private, shared, link-local and reserved ones, which never are"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> EgressProxies:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        if self.minimum > self.maximum:
            yield Objection(("min",), f"at most `max`, {self.maximum}", f"set `min` to {self.maximum} or less, or raise `max`")
