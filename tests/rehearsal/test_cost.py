"""What the page of a stack says that it costs: each environment's fleet, at what is in force for it."""

from pathlib import Path

import pytest
import yaml

from domicile.config import from_file
from domicile.rehearsal.aws import cost

STACKS = Path(__file__).parents[2] / "stacks"


@pytest.fixture
def config(tmp_path):
    """A region's configuration, with these environments in place of its one."""

    def made(environments):
        content = yaml.safe_load((STACKS / "Pulumi.us.yaml").read_text())
        if environments:
            del content["config"]["domicile:environment"]
            content["config"]["domicile:environments"] = environments
        file = tmp_path / "Pulumi.us.yaml"
        file.write_text(yaml.safe_dump(content))
        return from_file(file)

    return made


def lines(config, sessions):
    return {line.what: line.quantity for line in cost.estimate(config, [], sessions)}


def test_each_environments_fleet_is_counted_at_its_own_size_and_kind(config):
    several = config(
        {
            "payments": {"id": "env_1"},
            "research": {"id": "env_2", "hosts": {"max": 2, "instanceTypes": ["m7i.4xlarge"]}, "workerHost": {"capacity": 2}},
        }
    )
    found = lines(several, 20)
    machines = {what: count for what, count in found.items() if what.startswith("worker hosts of")}
    served = several.served
    kind = served["payments"].aws.hosts.instance_types[0]
    assert machines == {
        f"worker hosts of payments, {kind}": cost.hosts(served["payments"], 20),
        "worker hosts of research, m7i.4xlarge": 2,
    }
    assert found["worker hosts' disks of research, GiB of gp3"] == 2 * (served["research"].aws.hosts.disk_bytes >> 30)


def test_traffic_grows_with_environments_and_proxies_with_tiers(config):
    one, two = lines(config(None), 5), lines(config({"payments": {"id": "env_1"}, "research": {"id": "env_2", "tier": 2}}), 5)
    for what, quantity in one.items():
        if what.startswith(("GB ", "egress proxies")):
            assert two[what] == 2 * quantity, what


def test_a_stack_of_one_environment_says_worker_hosts_alone(config):
    alone = config(None)
    kind = alone.aws.hosts.instance_types[0]
    assert {what for what in lines(alone, 1) if what.startswith("worker")} == {f"worker hosts, {kind}", "worker hosts' disks, GiB of gp3"}
