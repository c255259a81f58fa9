"""The regions of AWS's commercial partition, with their availability zones: the letters of their names, and the numbers of their ids.

Regions are those of botocore's `partitions.json`, zones those of moto's `availability_zones_and_regions.py`: tests hold these to both. A region
whose zones moto doesn't know isn't here. In regions from before November 2012 a name is another zone in another account, and an account may
have other letters (us-east-1, us-west-1 …); an id is the same in all of them (AWS Regions and Availability Zones, AZ IDs; read 2026-11-22).
"""

from __future__ import annotations

import re

ZONES = {
    "af-south-1": "a1 b2 c3", "ap-east-1": "a1 b2 c3", "ap-east-2": "a1 b2 c3", "ap-northeast-1": "a4 c1 d2",
    "ap-northeast-2": "a1 b2 c3 d4", "ap-northeast-3": "a1 b2 c3", "ap-south-1": "a1 b3 c2", "ap-south-2": "a1 b2 c3",
    "ap-southeast-1": "a1 b2 c3", "ap-southeast-2": "a1 b3 c2", "ap-southeast-3": "a1 b2 c3", "ap-southeast-4": "a1 b2 c3",
    "ap-southeast-5": "a1 b2 c3", "ap-southeast-6": "a1 b2 c3", "ap-southeast-7": "a1 b2 c3", "ca-central-1": "a1 b2 d4",
    "ca-west-1": "a1 b2 c3", "eu-central-1": "a1 b2 c3", "eu-central-2": "a1 b2 c3", "eu-north-1": "a1 b2 c3",
    "eu-south-1": "a1 b2 c3", "eu-south-2": "a1 b2 c3", "eu-west-1": "a3 b1 c2", "eu-west-2": "a2 b3 c1", "eu-west-3": "a1 b2 c3",
    "il-central-1": "a1 b2 c3", "me-central-1": "a1 b2 c3", "me-south-1": "a1 b2 c3", "mx-central-1": "a1 b2 c3",
    "sa-east-1": "a1 b2 c3", "us-east-1": "a6 b1 c2 d4 e3 f5", "us-east-2": "a1 b2 c3", "us-west-1": "a3 b1",
    "us-west-2": "a2 b1 c3 d4",
}  # fmt: skip


def zones(region: str) -> list[str]:
    """The names of a region's zones."""
    return [region + zone[0] for zone in ZONES[region].split()]


def zone_ids(region: str) -> list[str]:
    """The ids of a region's zones, in the order of their names: `apne1-az4`."""
    short = re.sub(r"north|south|east|west|central", lambda m: m.group()[0], region).replace("-", "")
    return [f"{short}-az{zone[1:]}" for zone in ZONES[region].split()]
