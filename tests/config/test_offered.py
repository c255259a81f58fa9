"""Each region stack asks for machines that its region has, in each of its zones.

By moto's copy of what EC2 answers to DescribeInstanceTypeOfferings. The double knows no offerings: AWS would refuse such a machine only
when a group launches it.
"""

import gzip
import json
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from domicile.config import from_file
from domicile.config.aws import Aws

STACKS = Path(__file__).parents[2] / "stacks"
OFFERINGS = files("moto") / "ec2" / "resources" / "instance_type_offerings" / "availability-zone"


def offered(region):
    """The instance types of each zone."""
    found = json.loads(gzip.decompress((OFFERINGS / f"{region}.json.gz").read_bytes()))
    return {zone: {each["InstanceType"] for each in found if each["Location"] == zone} for zone in {each["Location"] for each in found}}


def asked(aws):
    return {*aws.hosts.instance_types, aws.proxies.instance_type, aws.tunnel_instance_type}


@pytest.mark.parametrize("name", ["tokyo", "eu", "uae", "bahrain", "us"])
def test_a_stacks_machines_are_offered_in_its_zones(name):
    aws = from_file(STACKS / f"Pulumi.{name}.yaml").aws
    zones = offered(aws.region)
    assert [(zone, asked(aws) - zones[zone]) for zone in aws.zones if asked(aws) - zones[zone]] == []


def test_ireland_offers_them_too(tmp_path):
    """Where the EU's stack goes by one setting."""
    content = yaml.safe_load((STACKS / "Pulumi.eu.yaml").read_text())
    content["config"]["domicile:aws"]["region"] = "eu-west-1"
    (tmp_path / "Pulumi.eu.yaml").write_text(yaml.safe_dump(content))
    aws = from_file(tmp_path / "Pulumi.eu.yaml").aws
    assert all(asked(aws) <= offered("eu-west-1")[zone] for zone in aws.zones)


def test_a_tunnels_hosts_are_what_the_stack_says_or_what_its_proxies_are():
    section = yaml.safe_load((STACKS / "Pulumi.bahrain.yaml").read_text())["config"]["domicile:aws"]
    servers = [{"name": "files", "host": "files.internal.example.com", "network": "10.1.0.0/24"}]
    tunnels = {"servers": servers}, {"servers": servers, "instanceType": "m6i.large"}
    assert [Aws.model_validate({**section, "tunnel": each}).tunnel_instance_type for each in tunnels] == ["c6i.large", "m6i.large"]
