"""DOM-EGR-010: Functions run in the VPC."""

from __future__ import annotations

from parts import function, group

UNKNOWN = "decided"


def passing(at):
    function(at, vpc_config={"subnet_ids": ["subnet-1"], "security_group_ids": [group(at).id]})


def failing(at):
    function(at)


def unknown(at):
    function(at, vpc_config={"subnet_ids": [at.unknown], "security_group_ids": [at.unknown]})
