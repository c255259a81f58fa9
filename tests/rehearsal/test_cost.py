"""What the page of a stack says that it costs: each environment's fleet, at what is in force for it."""

from pathlib import Path

import pytest
import yaml

from domicile.config import from_file
from domicile.mcp_tunnel.aws import DISK_GIB, HOSTS
from domicile.rehearsal.aws import cost

STACKS = Path(__file__).parents[2] / "stacks"
SERVER = {"name": "tickets", "host": "mcp.internal.example.com", "network": "10.20.0.0/24"}
OUTSIDE = {"property": "aws.tunnel", "reason": "its edge is anywhere", "owner": "team@example.com", "expires": "2027-09-30"}


@pytest.fixture
def config(tmp_path):
    """A region's configuration, with these environments in place of its one."""

    def made(environments, **aws):
        content = yaml.safe_load((STACKS / "Pulumi.us.yaml").read_text())
        content["config"]["domicile:aws"].update(aws)
        if "tunnel" in aws:
            content["config"]["domicile:residency"] = {"exceptions": [OUTSIDE]}
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


def test_a_tunnels_hosts_are_counted_where_there_is_a_tunnel(config):
    without, with_one = lines(config(None), 5), lines(config(None, tunnel={"servers": [SERVER], "instanceType": "m7i.xlarge"}), 5)
    assert {what: with_one[what] for what in with_one.keys() - without.keys()} == {
        "tunnel hosts, m7i.xlarge": HOSTS,
        "tunnel hosts' disks, GiB of gp3": HOSTS * DISK_GIB,
    }
    assert without.items() <= with_one.items()


@pytest.mark.parametrize(("size", "sessions", "kept"), [(1, 1, 3), (1, 20, 1), (2, 20, 2), (4, 1, 4)])
def test_a_warm_pool_costs_the_disks_of_what_it_keeps_stopped(config, size, sessions, kept):
    """With at most 4 machines of 50 GiB and 8 sessions each: 1 session leaves 3 to the maximum, 20 leave 1."""
    hosts = {"min": 1, "max": 4, "disk": "50GiB"}
    without, pooled = lines(config(None, hosts=hosts), sessions), lines(config(None, hosts={**hosts, "warmPool": {"size": size}}), sessions)
    assert {what: pooled[what] for what in pooled.keys() - without.keys()} == {"warm pool's disks, GiB of gp3": kept * 50}
    assert without.items() <= pooled.items()


def test_a_line_costs_its_rates_hours_by_the_month(config):
    """By hand: 2 proxies at 0.08925 an hour, and 100 GB at 0.045 through NAT and 0.09 out."""
    found = {line.what: line.month for line in cost.estimate(config(None), [], 5)}
    assert found["egress proxies, c7i.large"] == pytest.approx(2 * 0.08925 * 730)
    assert found["GB out, through NAT to the internet"] == pytest.approx(100 * (0.045 + 0.09))
