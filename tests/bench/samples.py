"""Measured times and what is told of them: median and 95th percentile."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from bed import Served


def median(values: list[float]) -> float:
    return statistics.median(values)


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


@dataclass
class Samples:
    """The times of one contender at one kind of moment."""

    name: str
    moment: str
    served: list[Served] = field(default_factory=list)

    def add(self, served: Served) -> None:
        self.served.append(served)

    @property
    def results(self) -> list[float]:
        return [each.result for each in self.served]

    def as_json(self) -> dict[str, Any]:
        """Milliseconds, and the whole list for whoever wants another statistic."""
        in_milliseconds = [round(each * 1000, 1) for each in self.results]
        return {
            "contender": self.name,
            "enqueued": self.moment,
            "n": len(self.served),
            "median_ms": round(median(self.results) * 1000, 1),
            "p95_ms": round(p95(self.results) * 1000, 1),
            "median_acked_ms": round(median([each.acked for each in self.served]) * 1000, 1),
            "median_leased_ms": round(median([each.leased for each in self.served]) * 1000, 1),
            "results_ms": in_milliseconds,
        }
