"""What moto lacks of AWS for the rolling drain: a secret's versions with their dates, and a group's instance refreshes.

Both hold each call to AWS's own model of it (botocore's), keep AWS's rules that the drain leans on, and run by a clock of the test's.
Sources: Secrets Manager guide, "Version"; EC2 Auto Scaling API, StartInstanceRefresh and DescribeInstanceRefreshes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator

UNDER_WAY = ("Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress")


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def after(self, **length: float) -> datetime:
        self.now += timedelta(**length)
        return self.now


def checked(client: Any, operation: str, asked: Mapping[str, Any]) -> None:
    """Raises `ParamValidationError` as the client would before it sends anything."""
    report = ParamValidator().validate(asked, client.meta.service_model.operation_model(operation).input_shape)
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())


class Secrets:
    """One secret and its versions, in place of the client for Secrets Manager."""

    def __init__(self, client: Any, clock: Clock, name: str) -> None:
        self._client, self._clock, self._name = client, clock, name
        self.versions: list[dict[str, Any]] = []
        self.changed = clock.now

    def put(self, value: str, *stages: str) -> str:
        """A new version, the current one unless other `stages` are given; its id."""
        made = {"VersionId": f"v{len(self.versions) + 1}".ljust(32, "0"), "CreatedDate": self._clock.now, "SecretString": value}
        self.versions.append({**made, "VersionStages": list(stages)})
        self.changed = self._clock.now
        if not stages:
            self.promote(made["VersionId"])
        return str(made["VersionId"])

    def promote(self, version_id: str) -> None:
        """Makes this version the current one; the one before gets `AWSPREVIOUS`, and no version's date moves."""
        self.changed = self._clock.now
        for each in self.versions:
            was = "AWSCURRENT" in each["VersionStages"]
            each["VersionStages"] = ["AWSCURRENT"] if each["VersionId"] == version_id else ["AWSPREVIOUS"] if was else []

    def get_secret_value(self, **asked: Any) -> dict[str, Any]:
        self._hold("GetSecretValue", asked)
        [found] = [each for each in self.versions if "AWSCURRENT" in each["VersionStages"]]
        return dict(found)

    def list_secret_version_ids(self, **asked: Any) -> dict[str, Any]:
        self._hold("ListSecretVersionIds", asked)
        shown = [{key: value for key, value in each.items() if key != "SecretString"} for each in self.versions]
        return {"Versions": [each for each in shown if each["VersionStages"] or asked.get("IncludeDeprecated")]}

    def describe_secret(self, **asked: Any) -> dict[str, Any]:
        self._hold("DescribeSecret", asked)
        return {"Name": self._name, "LastChangedDate": self.changed}

    def _hold(self, operation: str, asked: Mapping[str, Any]) -> None:
        checked(self._client, operation, asked)
        assert asked["SecretId"] == self._name


@dataclass
class Refreshes:
    """moto's client for Auto Scaling, with instance refreshes of one group."""

    client: Any
    clock: Clock
    group: str
    history: list[dict[str, Any]] = field(default_factory=list)
    page = 2
    """How many refreshes one answer holds at most: small, so that whoever reads only the first answer is found out."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def start_instance_refresh(self, **asked: Any) -> dict[str, str]:
        checked(self.client, "StartInstanceRefresh", asked)
        assert asked["AutoScalingGroupName"] == self.group
        if any(each["Status"] in UNDER_WAY for each in self.history):
            told = {"Error": {"Code": "InstanceRefreshInProgress", "Message": "An instance refresh is in progress"}}
            raise self.client.exceptions.InstanceRefreshInProgressFault(told, "StartInstanceRefresh")
        made = {
            "InstanceRefreshId": f"r{len(self.history)}", "Status": "InProgress", "StartTime": self.clock.now, "Strategy": "Rolling",
            "Preferences": {"SkipMatching": False, **asked.get("Preferences", {})}, "hosts": self.hosts(),
        }  # fmt: skip
        self.history.append(made)
        return {"InstanceRefreshId": str(made["InstanceRefreshId"])}

    def describe_instance_refreshes(self, **asked: Any) -> dict[str, Any]:
        """The newest first, of the last six weeks, in pages."""
        checked(self.client, "DescribeInstanceRefreshes", asked)
        kept = [each for each in reversed(self.history) if each["StartTime"] > self.clock.now - timedelta(weeks=6)]
        at = int(asked.get("NextToken", 0))
        token = {"NextToken": str(at + self.page)} if len(kept) > at + self.page else {}
        return {"InstanceRefreshes": kept[at : at + self.page], **token}

    def end(self, status: str = "Successful") -> None:
        """Lets the refresh that is under way end. One that succeeds has replaced each host that was there, but what it passes over."""
        [running] = [each for each in self.history if each["Status"] in UNDER_WAY]
        running |= {"Status": status, "EndTime": self.clock.now}
        if status == "Successful" and not running["Preferences"]["SkipMatching"]:
            for host in running["hosts"] & self.hosts():
                self.client.terminate_instance_in_auto_scaling_group(InstanceId=host, ShouldDecrementDesiredCapacity=False)

    def hosts(self) -> set[str]:
        found = self.client.describe_auto_scaling_groups(AutoScalingGroupNames=[self.group])["AutoScalingGroups"][0]
        return {each["InstanceId"] for each in found["Instances"]}


def denied(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, operation)
