"""The functions' own code, with the stand-in for the control plane and moto for AWS, both in this process."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from domicile.scaling.function.settings import Settings
from domicile.scaling.function.watch import Cloud, clients, look
from domicile_control_plane import ControlPlane
from domicile_control_plane.shapes import SessionCreate

REGION, NAMESPACE = "ap-northeast-1", "Domicile"


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """One for all tests: clients are slow to make. Each test has a group, a stack and secrets of its own."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        made = clients()
        made.scaling.create_launch_configuration(LaunchConfigurationName="l", ImageId="ami-12c6146b", InstanceType="m7i.large")
        yield made


@pytest.fixture
def stack() -> str:
    return f"s{secrets.token_hex(4)}"


@pytest.fixture
def group(cloud: Cloud, stack: str) -> str:
    """The worker hosts' group, empty, of three hosts at most."""
    name = f"domicile-{stack}-worker-hosts"
    cloud.scaling.create_auto_scaling_group(
        AutoScalingGroupName=name, LaunchConfigurationName="l", MinSize=0, MaxSize=3, AvailabilityZones=[f"{REGION}a"]
    )
    return name


@dataclass
class Watched:
    """The queue, what watches it, and what was published."""

    plane: ControlPlane
    settings: Settings
    cloud: Cloud

    async def look(self, now: datetime | None = None, **changed: Any) -> dict[str, Any]:
        return await asyncio.to_thread(look, replace(self.settings, **changed), self.cloud, now or datetime.now(UTC))

    def enqueue(self) -> None:
        self.plane.sessions.create(SessionCreate(agent="agent_1", environment_id=self.settings.environment_id), [])

    def hosts(self, number: int) -> None:
        self.cloud.scaling.set_desired_capacity(AutoScalingGroupName=self.settings.group, DesiredCapacity=number)

    def desired(self) -> int:
        found = self.cloud.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.settings.group])["AutoScalingGroups"]
        return int(found[0]["DesiredCapacity"])

    def report(self, sessions: float) -> None:
        """As the dispatchers do, a minute ago."""
        at = datetime.now(UTC) - timedelta(minutes=1)
        dimensions = [{"Name": "Stack", "Value": self.settings.stack}]
        data = [{"MetricName": "SessionsServed", "Dimensions": dimensions, "Value": sessions, "Timestamp": at}]
        self.cloud.metrics.put_metric_data(Namespace=NAMESPACE, MetricData=data)

    def published(self) -> set[str]:
        dimensions = [{"Name": "Stack", "Value": self.settings.stack}]
        found = self.cloud.metrics.list_metrics(Namespace=NAMESPACE, Dimensions=dimensions)["Metrics"]
        return {metric["MetricName"] for metric in found}


@pytest.fixture
async def watched(tmp_path: Path, cloud: Cloud, stack: str, group: str) -> AsyncIterator[Watched]:
    plane = ControlPlane(tmp_path / "control-plane.sqlite")
    async with plane.serve() as url:
        environment_id, key = plane.new_environment()
        key_secret = f"domicile-{stack}/environment-key"
        cloud.secrets.create_secret(Name=key_secret, SecretString=key)
        settings = Settings(
            stack=stack, environment_id=environment_id, control_plane_url=url, ca_file="", proxy="", key_secret=key_secret,
            namespace=NAMESPACE, group=group, host_capacity=4, host_lifetime_seconds=7 * 86_400,
        )  # fmt: skip
        yield Watched(plane, settings, cloud)
    plane.close()
