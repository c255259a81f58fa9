"""List prices of AWS by region, each with its source and that source's day: `prices.yaml`. Read by `cost`, and by the stacks' pages."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

FILE = Path(__file__).with_name("prices.yaml")
PER = {"_hour": "an hour", "_gb_month": "a GB and month", "_month": "a month", "_gb": "a GB"}
"""What a price is for, by how its name ends; the first that fits."""


class NoPriceError(LookupError):
    """None is recorded; says of what, and where."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Shape):
    """Where prices were read."""

    what: str
    date: datetime.date | None = None
    """The day they are of; None where the source doesn't tell."""


class Entry(_Shape):
    """A price with its source, or the region whose price is taken since none was found."""

    usd: float | None = Field(None, gt=0)
    source: str | None = None
    like: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Entry:
        if (self.usd is None) != (self.source is None) or (self.usd is None) == (self.like is None):
            raise ValueError("a price has `usd` and `source`, or `like`")
        return self


class Region(_Shape):
    """One region's prices, US dollars."""

    machines: dict[str, Entry]
    """An hour of each kind."""
    gp3_gb_month: Entry
    nat_hour: Entry
    nat_gb: Entry
    address_hour: Entry
    endpoint_hour: Entry
    endpoint_gb: Entry
    balancer_hour: Entry
    balancer_unit_hour: Entry
    out_gb: Entry
    logs_gb: Entry
    s3_gb_month: Entry
    key_month: Entry
    secret_month: Entry
    alarm_month: Entry

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Every price by its name."""
        yield from self.machines.items()
        yield from ((name, getattr(self, name)) for name in type(self).model_fields if name != "machines")

    def get(self, name: str) -> Entry | None:
        """One of them."""
        return dict(self.entries()).get(name)


class Assumed(_Shape):
    """What one session is taken to cause in a month, GB."""

    sessions_gb_out: float
    sessions_gb_endpoints: float
    sessions_gb_logs: float
    sessions_gb_archive: float


class Prices(_Shape):
    """The file."""

    hours: int
    assumed: Assumed
    sources: dict[str, Source]
    regions: dict[str, Region]

    @model_validator(mode="after")
    def _nothing_is_missing(self) -> Prices:
        for region, prices in self.regions.items():
            for name, entry in prices.entries():
                if entry.source is not None and entry.source not in self.sources:
                    raise ValueError(f"{region}: {name}: no source `{entry.source}`")
                if entry.like is not None and not self._own(entry.like, name):
                    raise ValueError(f"{region}: {name}: `{entry.like}` has no price of its own")
        return self

    def _own(self, region: str, name: str) -> bool:
        entry = self.regions[region].get(name) if region in self.regions else None
        return entry is not None and entry.like is None


@dataclass(frozen=True)
class Rate:
    """A price as it is used."""

    usd: float
    per: str
    source: str
    like: str = ""
    """Another region that it is of, since none was found."""


@cache
def prices() -> Prices:
    """What is recorded."""
    return Prices.model_validate(yaml.safe_load(FILE.read_text("utf-8")))


def rate(region: str, name: str) -> Rate:
    """The price of something (a field of `Region`, or a kind of machine) in a region. Raises NoPriceError."""
    known = prices().regions.get(region)
    if known is None:
        raise NoPriceError(f"no prices of {region} are recorded")
    entry = known.get(name)
    if entry is None:
        raise NoPriceError(f"no price of {name} in {region} is recorded")
    if entry.like is not None:
        return replace(rate(entry.like, name), like=entry.like)
    assert entry.usd is not None and entry.source is not None  # noqa: S101 by the model
    return Rate(entry.usd, next((per for end, per in PER.items() if name.endswith(end)), "an hour"), entry.source)
