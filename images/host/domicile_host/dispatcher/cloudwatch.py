"""Tells CloudWatch a number now and then, with the machine's role, through the VPC endpoint: the key's age, the sessions served, how
long no drill has passed.

Nothing waits for it: a report that fails is made again at the next occasion, and silence is what the alarms and the scaling listen for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import structlog

from domicile_host.aws.calls import Calls
from domicile_host.aws.role import AwsAway
from domicile_host.aws.signature import Scope
from domicile_host.settings import AwsSecrets, HostSettings

log = structlog.get_logger(__name__)

PUT_METRIC = "GraniteServiceVersion20100801.PutMetricData"
SESSIONS, DRILL_AGE = "SessionsServed", "DrillAgeSeconds"
SESSIONS_SECONDS = 60.0
"""Between two reports: the fleet is scaled by whole minutes."""


class CloudWatch:
    """Open as long as it is entered."""

    def __init__(self, place: AwsSecrets, stack: str) -> None:
        self._url, self._namespace, self._stack = place.metrics_url, place.metrics_namespace, stack
        self._calls = Calls(Scope(place.region, "monitoring"), place.role_file, place.ca_file)

    async def __aenter__(self) -> CloudWatch:
        await self._calls.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._calls.__aexit__()

    async def put(self, name: str, value: float, unit: str) -> bool:
        """One value of a metric of this stack; whether it was taken. Without a place to tell it to, nothing is told."""
        if self._url is None:
            return False
        datum = {"MetricName": name, "Dimensions": [{"Name": "Stack", "Value": self._stack}], "Value": value, "Unit": unit}
        body = json.dumps({"Namespace": self._namespace, "MetricData": [datum]}).encode()
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": PUT_METRIC}
        try:
            answer = await self._calls.send("POST", self._url + "/", headers, body)
        except AwsAway as error:
            log.warning("metric.not-reported", metric=name, problem=str(error))
            return False
        if answer.status != 200:
            log.warning("metric.not-reported", metric=name, problem=f"{answer.status} {answer.error}")
        return answer.status == 200


async def tell_sessions(
    settings: HostSettings, count: Callable[[], int], drill_age: Callable[[], float], every_seconds: float = SESSIONS_SECONDS
) -> None:
    """Tells how many sessions this host serves and how old its last passed drill is, for ever.

    Only for a host of a region that has a place to tell it to.
    """
    if not isinstance(settings.secrets, AwsSecrets) or settings.secrets.metrics_url is None:
        await asyncio.Event().wait()
        return
    async with CloudWatch(settings.secrets, settings.stack) as watch:
        while True:
            await watch.put(SESSIONS, count(), "Count")
            await watch.put(DRILL_AGE, drill_age(), "Seconds")
            await asyncio.sleep(every_seconds)
