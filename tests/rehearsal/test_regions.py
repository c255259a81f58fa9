"""The regions and zones that the double knows are those that botocore and moto know."""

from __future__ import annotations

import json
from pathlib import Path

import botocore
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from domicile.rehearsal.aws.regions import ZONES, zone_ids, zones
from domicile.residency import REGIONS

PARTITIONS = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())["partitions"]
COMMERCIAL = {region for p in PARTITIONS if p["id"] == "aws" for region in p["regions"] if region != "aws-global"}


def test_regions_are_those_of_the_commercial_partition_whose_zones_are_known():
    assert set(ZONES) == COMMERCIAL & RegionsAndZonesBackend.zones.keys()


def test_zones_and_their_ids_are_those_that_moto_has():
    told = {region: sorted((z.name, z.zone_id) for z in RegionsAndZonesBackend.zones[region]) for region in ZONES}
    assert {region: list(zip(zones(region), zone_ids(region), strict=True)) for region in ZONES} == told


def test_the_zones_that_a_stack_may_name_are_among_them():
    assert set(REGIONS) == set(ZONES)
    assert [name for name, region in REGIONS.items() if not {region.zone(z) for z in region.zones} <= set(zones(name))] == []
