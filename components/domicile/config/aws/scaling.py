"""How the fleet of worker hosts follows the work."""

from __future__ import annotations

from pydantic import Field

from domicile.config.section import Section


class Scaling(Section):
    """Between `hosts.min` and `hosts.max`, by the queue's numbers and by what the hosts serve."""

    busy_percent: int = Field(
        70, ge=10, le=100, description="sessions that run or wait, of what the hosts hold, that the fleet is scaled to"
    )
    webhook: bool = Field(
        False,
        description="a public address for the control plane's webhooks, which wake the first host at once; the queue is then looked at "
        "every 5 minutes in place of every minute",
    )
