"""Small stacks, written down: resources by type and name, and what their properties are made from."""

from __future__ import annotations

from typing import Any

from domicile_policies.reach.relations import Relations
from domicile_policies.resource import Resource, Stack

GROUP, SUBNET, TABLE, VPC = (f"aws:ec2/{kind[0].lower()}{kind[1:]}:{kind}" for kind in ("SecurityGroup", "Subnet", "RouteTable", "Vpc"))
ACL, ROUTE, ENDPOINT = "aws:ec2/networkAcl:NetworkAcl", "aws:ec2/route:Route", "aws:ec2/vpcEndpoint:VpcEndpoint"
TIE = "aws:ec2/routeTableAssociation:RouteTableAssociation"


class Graph:
    """Resources get ids `<name>`, so that others can name them."""

    def __init__(self) -> None:
        self.resources: list[Resource] = []

    def add(self, type_: str, name: str, **inputs: Any) -> Resource:
        made = Resource(type_, name, f"urn:{type_}:{name}", {"id": name, **inputs}, leans_on={})
        self.resources.append(made)
        return made

    @property
    def stack(self) -> Stack:
        return Stack(self.resources)

    @property
    def relations(self) -> Relations:
        return Relations(self.stack)
