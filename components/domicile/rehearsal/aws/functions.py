"""The provider's functions: what the cloud knows of itself, and look-ups of things in it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..cloud import Properties, Thing
from ..kinds import Function, Place
from ..world import GLOBAL, Refused
from . import tokens
from .policy_document import policy_document
from .regions import ZONES, zone_ids, zones

_INSIDE = {"destinationCidrBlock": "cidrBlock", "destinationIpv6CidrBlock": "ipv6CidrBlock"}
"""How a route of its own says what one within a table says."""
_ROUTE = ("cidrBlock", "ipv6CidrBlock", "destinationPrefixListId", "carrierGatewayId", "coreNetworkArn", "egressOnlyGatewayId", "gatewayId",
          "instanceId", "localGatewayId", "natGatewayId", "networkInterfaceId", "transitGatewayId", "vpcEndpointId",
          "vpcPeeringConnectionId")  # fmt: skip
_PREFIX_LISTS = {"s3": "a", "dynamodb": "b", "cloudfront.origin-facing": "c", "ec2-instance-connect": "d"}


def digits(*texts: str, length: int = 17) -> str:
    return hashlib.sha256("|".join(texts).encode()).hexdigest()[:length]


def image_id(region: str, *texts: str) -> str:
    """An AMI's id: its first five digits say the region, so that another region's is recognised."""
    return "ami-" + digits(region, length=5) + digits(region, *texts, length=12)


def is_image_of(image: str, region: str) -> bool:
    """Whether an AMI's id is one that the double told for this region."""
    return image.startswith(("ami-" + digits(region, length=5), "resolve:ssm:"))


def is_zone_of(zone: str, region: str) -> bool:
    return zone in zones(region)


def is_service_of(service: str, region: str) -> bool:
    """Whether an endpoint service is of this region, or of no region: AWS's names have it in the third place."""
    parts = service.split(".")
    return len(parts) < 4 or parts[2] not in {*ZONES, "vpce"} or region in (parts[2], parts[3])


def _caller(args: Properties, place: Place) -> Properties:
    arn = f"arn:{place.partition}:iam::{place.account}:user/rehearsal"
    return {"accountId": place.account, "arn": arn, "userId": "AIDAREHEARSAL", "id": place.account}


def _region(args: Properties, place: Place) -> Properties:
    region = args.get("name") or args.get("region") or place.region
    return {"id": region, "name": region, "region": region, "description": region, "endpoint": f"ec2.{region}.amazonaws.com"}


def _regions(args: Properties, place: Place) -> Properties:
    return {"id": place.partition, "names": sorted(ZONES)}


def _partition(args: Properties, place: Place) -> Properties:
    return {"id": place.partition, "partition": place.partition, "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def _zones(args: Properties, place: Place) -> Properties:
    found = {n: i for n, i in zip(zones(place.region), zone_ids(place.region), strict=True) if n not in (args.get("excludeNames") or ())}
    return {"id": place.region, "names": list(found), "zoneIds": list(found.values()), "groupNames": [place.region], "region": place.region}


def _zone(args: Properties, place: Place) -> Properties:
    name = args.get("name") or zones(place.region)[0]
    if name not in zones(place.region):
        raise Refused("InvalidParameterValue", f"{name!r} is no zone of {place.region}; there are {', '.join(zones(place.region))}")
    return {"id": name, "name": name, "nameSuffix": name[-1], "state": "available", "groupName": place.region, "region": place.region,
            "zoneId": zone_ids(place.region)[zones(place.region).index(name)], "zoneType": "availability-zone"}  # fmt: skip


def _ami(args: Properties, place: Place) -> Properties:
    if not args.get("owners"):
        raise Refused("InvalidParameterValue", "owners: name whose images are meant; an image of anybody's could be a stranger's")
    id_ = image_id(place.region, json.dumps({k: v for k, v in args.items() if k != "region"}, sort_keys=True))
    patterns = [v for f in args.get("filters") or () if f.get("name") == "name" for v in f.get("values") or ()]
    architecture = next((v for f in args.get("filters") or () if f.get("name") == "architecture" for v in f.get("values") or ()), "arm64")
    name = (patterns[0] if patterns else "image").replace("*", "2026.11")
    arn = f"arn:{place.partition}:ec2:{place.region}::image/{id_}"
    return {"id": id_, "imageId": id_, "arn": arn, "name": name, "architecture": architecture, "ownerId": "137112412989", "state": "available",
            "rootDeviceName": "/dev/xvda", "rootDeviceType": "ebs", "virtualizationType": "hvm", "public": True, "region": place.region,
            "creationDate": "2026-11-01T00:00:00.000Z", "blockDeviceMappings": [], "productCodes": [], "tags": {}, "stateReason": {}}  # fmt: skip


def _parameter(args: Properties, place: Place) -> Properties:
    """A parameter of the account, or one of AWS's own under /aws/service: the newest image's id, mostly."""
    name = str(args["name"])
    mine = place.cloud.called(f"{place.account}/{place.region} aws:ssm/parameter:Parameter {name}")
    if mine:
        return {**mine.properties, "name": name, "id": name}
    if not name.startswith("/aws/service/"):
        raise Refused("ParameterNotFound", f"name: there is no parameter {name!r} in {place.account}/{place.region}")
    value = image_id(place.region, name) if "ami" in name or "image" in name else f"value-of-{name}"
    arn = f"arn:{place.partition}:ssm:{place.region}::parameter/{name.lstrip('/')}"
    return {
        "id": name,
        "name": name,
        "type": "String",
        "value": value,
        "insecureValue": value,
        "version": 1,
        "arn": arn,
        "region": place.region,
    }


def _prefix_list(args: Properties, place: Place) -> Properties:
    """AWS's own list (com.amazonaws.REGION.s3), or one of the account by name or id."""
    name = str(args.get("name") or "")
    known = {f"com.amazonaws.{place.region}.{service}": f"pl-{letter}{digits(place.region, service, length=7)}"
             for service, letter in _PREFIX_LISTS.items()}  # fmt: skip
    known["com.amazonaws.global.cloudfront.origin-facing"] = "pl-c0000001"
    for filter_ in args.get("filters") or ():
        if filter_.get("name") == "prefix-list-name":
            name = str(filter_["values"][0])
    by_id = {v: k for k, v in known.items()}
    name = name or by_id.get(str(args.get("id") or args.get("prefixListId") or ""), "")
    if name not in known:
        found = _found(tokens.PREFIX_LIST, args, place)
        return {**found.properties, "id": found.id}
    arn = f"arn:{place.partition}:ec2:{place.region}:aws:prefix-list/{known[name]}"
    return {"id": known[name], "name": name, "arn": arn, "addressFamily": "IPv4", "ownerId": "AWS", "maxEntries": 0, "version": 0,
            "entries": [], "cidrBlocks": ["198.51.100.0/24"], "tags": {}, "region": place.region}  # fmt: skip


def _endpoint_service(args: Properties, place: Place) -> Properties:
    service = args.get("service")
    name = args.get("serviceName") or f"com.amazonaws.{place.region}.{service}"
    kind = args.get("serviceType") or ("Gateway" if str(name).rpartition(".")[2] in ("s3", "dynamodb") else "Interface")
    return {"id": digits(str(name), length=10), "serviceName": name, "serviceType": kind, "owner": "amazon", "region": place.region,
            "serviceRegion": place.region, "availabilityZones": zones(place.region), "vpcEndpointPolicySupported": True, "acceptanceRequired": False,
            "privateDnsName": f"{str(name).rpartition('.')[2]}.{place.region}.amazonaws.com", "managesVpcEndpoints": False, "privateDnsNames": [],
            "baseEndpointDnsNames": [f"{str(name).rpartition('.')[2]}.{place.region}.vpce.amazonaws.com"], "serviceId": digits(str(name)),
            "supportedIpAddressTypes": ["ipv4", "dualstack"], "tags": {}, "arn": ""}  # fmt: skip


def _service_principal(args: Properties, place: Place) -> Properties:
    name = f"{args['serviceName']}.amazonaws.com"
    return {"id": f"{args['serviceName']}.{place.region}.amazonaws.com", "name": name, "serviceName": args["serviceName"], "suffix": "amazonaws.com",
            "region": place.region}  # fmt: skip


def _default_tags(args: Properties, place: Place) -> Properties:
    return {"id": place.partition, "tags": {}}


def _subnets(args: Properties, place: Place) -> Properties:
    return {"id": place.region, "ids": sorted(t.id for t in _all(tokens.SUBNET, args, place)), "region": place.region}


def _route_table(args: Properties, place: Place) -> Properties:
    """With its subnets, and its routes but the VPC's own and gateway endpoints' (terraform-provider-aws, `dataSourceRoutesRead`)."""
    associations = [t.properties for t in _all(tokens.ROUTE_TABLE_ASSOCIATION, {}, place)]
    if subnet := args.get("subnetId"):
        table = next((each["routeTableId"] for each in associations if each.get("subnetId") == subnet), f"the table of {subnet}")
        args = {"routeTableId": table, **{key: value for key, value in args.items() if key != "subnetId"}}
    found = _found(tokens.ROUTE_TABLE, args, place)
    apart = [t.properties for t in _all(tokens.ROUTE, {"routeTableId": found.id}, place)]
    routes = [*(found.properties.get("routes") or ()), *({_INSIDE.get(k, k): v for k, v in route.items()} for route in apart)]
    return {
        **found.properties, "id": found.id, "routeTableId": found.id,
        "routes": [{name: route.get(name) or "" for name in _ROUTE} for route in routes if not _is_left_out(route)],
        "associations": [
            {"subnetId": "", "gatewayId": "", "main": False, "routeTableAssociationId": "", **each}
            for each in associations if each.get("routeTableId") == found.id
        ],
    }  # fmt: skip


def _is_left_out(route: Properties) -> bool:
    gateway = str(route.get("gatewayId") or "")
    return gateway == "local" or (gateway.startswith("vpce-") and bool(route.get("destinationPrefixListId")))


def _found(token: str, args: Properties, place: Place) -> Thing:
    found = _all(token, args, place)
    what = token.rpartition(":")[2]
    if len(found) != 1:
        said = json.dumps({k: v for k, v in args.items() if v is not None}, sort_keys=True)
        raise Refused(
            "NoSuchThing" if not found else "TooManyFound",
            f"{len(found)} things of type {what} fit {said} in {place.account}/{place.region}",
        )
    return found[0]


def _all(token: str, args: Properties, place: Place) -> list[Thing]:
    things = (t for t in place.cloud.things(token) if t.account == place.account and t.region in (place.region, GLOBAL))
    return [t for t in things if _fits(t, args)]


def _fits(thing: Thing, args: Properties) -> bool:
    for key, wanted in args.items():
        if wanted is None or key in ("region", "mostRecent", "state"):
            continue
        if key == "filters":
            if not all(_has(thing, str(f.get("name")), list(f.get("values") or ())) for f in wanted):
                return False
        elif key in ("tags", "tagsAll"):
            tags = thing.properties.get("tags") or {}
            if any(tags.get(k) != v for k, v in wanted.items()):
                return False
        elif wanted not in (thing.properties.get(key), thing.id, thing.properties.get("arn"), thing.properties.get("name")):
            return False
    return True


def _has(thing: Thing, name: str, wanted: list[Any]) -> bool:
    if name.startswith("tag:"):
        return (thing.properties.get("tags") or {}).get(name[4:]) in wanted
    key = "".join(w.capitalize() if i else w for i, w in enumerate(name.replace(".", "-").split("-")))
    return thing.properties.get(key) in wanted or thing.id in wanted


def _look_up(token: str) -> Function:
    """A function that finds the one thing of a type that fits its arguments."""

    def function(args: Properties, place: Place) -> Properties:
        found = _found(token, args, place)
        return {**found.properties, "id": found.id}

    return function


FUNCTIONS: dict[str, Function] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getRegions:getRegions": _regions,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getAvailabilityZone:getAvailabilityZone": _zone,
    "aws:index/getServicePrincipal:getServicePrincipal": _service_principal,
    "aws:index/getDefaultTags:getDefaultTags": _default_tags,
    "aws:ssm/getParameter:getParameter": _parameter,
    "aws:ec2/getAmi:getAmi": _ami,
    "aws:ec2/getPrefixList:getPrefixList": _prefix_list,
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": _prefix_list,
    "aws:ec2/getVpcEndpointService:getVpcEndpointService": _endpoint_service,
    "aws:iam/getPolicyDocument:getPolicyDocument": policy_document,
    "aws:ec2/getVpc:getVpc": _look_up(tokens.VPC),
    "aws:ec2/getSubnet:getSubnet": _look_up(tokens.SUBNET),
    "aws:ec2/getSubnets:getSubnets": _subnets,
    "aws:ec2/getSecurityGroup:getSecurityGroup": _look_up(tokens.SECURITY_GROUP),
    "aws:ec2/getRouteTable:getRouteTable": _route_table,
    "aws:ec2/getVpcEndpoint:getVpcEndpoint": _look_up(tokens.ENDPOINT),
    "aws:iam/getRole:getRole": _look_up(tokens.ROLE),
    "aws:iam/getPolicy:getPolicy": _look_up(tokens.POLICY),
    "aws:iam/getInstanceProfile:getInstanceProfile": _look_up(tokens.INSTANCE_PROFILE),
    "aws:kms/getKey:getKey": _look_up(tokens.KEY),
    "aws:kms/getAlias:getAlias": _look_up(tokens.ALIAS),
    "aws:s3/getBucket:getBucket": _look_up(tokens.BUCKET),
    "aws:ecr/getRepository:getRepository": _look_up(tokens.REPOSITORY),
    "aws:secretsmanager/getSecret:getSecret": _look_up(tokens.SECRET),
    "aws:cloudwatch/getLogGroup:getLogGroup": _look_up(tokens.LOG_GROUP),
    "aws:sns/getTopic:getTopic": _look_up(tokens.TOPIC),
}
