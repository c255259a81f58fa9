"""What a team brings along or sets takes the same path: VPC, subnets, key, roles, boundary, spot, warm pool."""

import dataclasses

import pytest

from domicile.aws import policies
from domicile.aws.names import Names
from domicile.aws.policy_document import Statement, document
from domicile.rehearsal import Fault

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"


def bring(region, token, name, inputs, id_=""):
    return region.rehearsal.add(token, name, REGION, inputs, id_)


def bring_vpc(region, associated=2):
    """The network's configuration: two worker subnets, of which so many are associated with the one table, and two for proxies."""
    vpc = bring(region, "aws:ec2/vpc:Vpc", "theirs", {"cidrBlock": "10.64.0.0/16", "enableDnsHostnames": True})
    subnets = []
    for place, zone in enumerate((f"{REGION}a", f"{REGION}c") * 2):
        inputs = {"vpcId": vpc.id, "cidrBlock": f"10.64.{place}.0/24", "availabilityZone": zone}
        subnets.append(bring(region, "aws:ec2/subnet:Subnet", f"subnet-{place}", inputs).id)
    table = bring(region, "aws:ec2/routeTable:RouteTable", "theirs", {"vpcId": vpc.id})
    for subnet in subnets[:associated]:
        where = {"subnetId": subnet, "routeTableId": table.id}
        bring(region, "aws:ec2/routeTableAssociation:RouteTableAssociation", subnet, where)
    return {"vpc": vpc.id, "workerSubnets": subnets[:2], "workerRouteTables": [table.id], "egressSubnets": subnets[2:]}


def test_a_stack_lives_in_a_vpc_and_with_a_key_of_the_teams_own(stacked):
    region = stacked("tokyo")
    existing = bring_vpc(region)
    theirs = {"description": "theirs", "policy": policies.encryption_key(Names.of(region.config(), region.config().aws))}
    key = bring(region, "aws:kms/key:Key", "theirs", theirs, "1234abcd-12ab-34cd-56ef-1234567890ab")
    region.configure(network={"existing": existing}, access={"encryptionKey": key.properties["arn"]})
    result = region.up()
    assert result.exit_code == 0, result.errors
    assert [thing.name for thing in region.things("Vpc")] == ["theirs"]
    assert [thing.name for thing in region.things("Key")] == ["theirs"]
    assert not region.things("NatGateway")
    assert set(region.one("VpcEndpoint", "secretsmanager")["subnetIds"]) == set(existing["workerSubnets"])
    assert region.one("Secret", "environment-key")["kmsKeyId"] == key.properties["arn"]
    assert region.one("FlowLog", "flow")["vpcId"] == existing["vpc"]
    destroyed = region.destroy()
    assert destroyed.exit_code == 0, destroyed.errors
    assert {"theirs"} <= {thing.name for thing in region.things("Vpc")}


@pytest.mark.parametrize(
    ("inside", "route"),
    [
        (True, {"cidrBlock": "0.0.0.0/0", "natGatewayId": "nat-0123456789abcdef0"}),
        (True, {"cidrBlock": "52.0.0.0/8", "transitGatewayId": "tgw-0123456789abcdef0"}),
        (True, {"ipv6CidrBlock": "::/0", "egressOnlyGatewayId": "eigw-0123456789abcdef0"}),
        (False, {"destinationCidrBlock": "10.0.0.0/7", "vpcPeeringConnectionId": "pcx-0123456789abcdef0"}),
        (False, {"destinationIpv6CidrBlock": "64:ff9b::/96", "natGatewayId": "nat-0123456789abcdef0"}),
        (False, {"destinationPrefixListId": "pl-0123456789abcdef0", "transitGatewayId": "tgw-0123456789abcdef0"}),
    ],
)
def test_a_brought_vpc_whose_worker_subnets_have_a_way_out_is_refused_before_anything_is_made(stacked, inside, route):
    region = stacked("tokyo")
    existing = bring_vpc(region)
    (table,) = existing["workerRouteTables"]
    plant(region, table, inside, route)
    region.configure(network={"existing": existing})
    result = region.preview()
    said = "\n".join(result.errors)
    assert result.exit_code == 1 and "Traceback" not in said
    destination, target = list(route.values())
    assert f"workerRouteTables[0]: {table} has a route to {destination} by {target}" in said and "take it out" in said


@pytest.mark.parametrize(
    ("inside", "name", "network"), [(True, "cidrBlock", "10.0.0.0/8"), (False, "destinationIpv6CidrBlock", "fd00::/8")]
)
def test_a_brought_vpc_may_lead_to_other_private_networks(stacked, inside, name, network):
    region = stacked("tokyo")
    existing = bring_vpc(region)
    plant(region, existing["workerRouteTables"][0], inside, {name: network, "transitGatewayId": "tgw-0123456789abcdef0"})
    region.configure(network={"existing": existing})
    assert region.preview().exit_code == 0


def test_a_brought_worker_subnet_whose_routes_are_not_seen_is_refused(stacked):
    region = stacked("tokyo")
    existing = bring_vpc(region, associated=1)
    region.configure(network={"existing": existing})
    result = region.preview()
    assert result.exit_code == 1
    assert f"workerSubnets[1]: {existing['workerSubnets'][1]} is associated with none" in "\n".join(result.errors)


def plant(region, table, inside, route):
    """A route in the brought table: within it, or as a thing of its own. What it leads to is the team's, and nothing here knows of it."""
    cloud = region.rehearsal.cloud
    (thing,) = [each for each in cloud.things("aws:ec2/routeTable:RouteTable") if each.id == table]
    if inside:
        cloud.put(dataclasses.replace(thing, properties={**thing.properties, "routes": [route]}))
    else:
        cloud.put(
            dataclasses.replace(thing, token="aws:ec2/route:Route", name="theirs", id="r-1", properties={"routeTableId": table, **route})
        )


def test_every_role_bears_the_permissions_boundary(stacked):
    region = stacked("tokyo")
    theirs = {"name": "boundary", "policy": document(Statement("Region", ("s3:GetObject",), ("arn:aws:s3:::domicile-*",)))}
    bring(region, "aws:iam/policy:Policy", "boundary", theirs)
    region.configure(access={"permissionsBoundary": BOUNDARY})
    result = region.up()
    assert result.exit_code == 0, result.errors
    assert {thing.properties["permissionsBoundary"] for thing in region.things("Role")} == {BOUNDARY}


def test_a_fleet_mixes_spot_with_a_role_of_the_teams_own_or_keeps_machines_warm(stacked, images):
    region = stacked("tokyo")
    role = f"arn:aws:iam::{ACCOUNT}:role/theirs"
    bring(region, "aws:iam/role:Role", "theirs", {"name": "theirs", "assumeRolePolicy": policies.trust("ec2.amazonaws.com", None)})
    profile = bring(region, "aws:iam/instanceProfile:InstanceProfile", "theirs", {"name": "theirs", "role": "theirs"})
    region.configure(
        images=images,
        access={"workerRole": role, "workerInstanceProfile": profile.properties["arn"]},
        hosts={"instanceTypes": ["m7i.2xlarge", "m7a.2xlarge"], "onDemandPercent": 25},
    )
    assert (result := region.up()).exit_code == 0, result.errors
    mix = region.one("Group", "worker-hosts")["mixedInstancesPolicy"]
    assert mix["instancesDistribution"]["onDemandBaseCapacity"] == 1
    assert mix["instancesDistribution"]["onDemandPercentageAboveBaseCapacity"] == 25
    assert [found["instanceType"] for found in mix["launchTemplate"]["overrides"]] == ["m7i.2xlarge", "m7a.2xlarge"]
    assert region.one("LaunchTemplate", "worker-hosts")["iamInstanceProfile"]["arn"] == profile.properties["arn"]
    assert "domicile-tokyo-worker-host" not in {thing.properties["name"] for thing in region.things("Role")}
    readers = region.policy("SecretPolicy", "environment-key")["ReadByNoOther"]["Condition"]["StringNotEquals"]["aws:PrincipalArn"]
    assert sorted(readers) == sorted([role, f"arn:aws:iam::{ACCOUNT}:role/domicile-tokyo-function-watch"])
    region.configure(hosts={"instanceTypes": ["m7i.2xlarge"], "onDemandPercent": 100, "warmPool": {"size": 2}})
    assert (result := region.up()).exit_code == 0, result.errors
    group = region.one("Group", "worker-hosts")
    assert (group["warmPool"]["poolState"], group["warmPool"]["minSize"]) == ("Stopped", 2)


MACHINES = {"worker": "worker-host", "egress": "egress-proxy"}
BROUGHT = {**MACHINES, "flowLogs": "flow-logs", "watch": "function-watch", "webhook": "function-webhook"}


def test_a_stack_lives_with_every_role_of_the_teams_own_and_makes_none(stacked, images):
    """What the stack would make elsewhere is what its guide says a team's own role needs; the policies name the team's in its place."""
    region = stacked("tokyo")
    access = {}
    for who in BROUGHT:
        name = f"their-{who.lower()}"
        bring(region, "aws:iam/role:Role", name, {"name": name, "assumeRolePolicy": policies.trust("ec2.amazonaws.com", None)})
        access[f"{who}Role"] = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        if who in MACHINES:
            profile = bring(region, "aws:iam/instanceProfile:InstanceProfile", name, {"name": name, "role": name})
            access[f"{who}InstanceProfile"] = profile.properties["arn"]
    region.configure(images=images, access=access, scaling={"webhook": True})
    assert (result := region.up()).exit_code == 0, result.errors
    assert {thing.properties["arn"] for thing in region.things("Role")} == {access[f"{who}Role"] for who in BROUGHT}
    assert not region.things("RolePolicy")
    assert region.one("FlowLog", "flow")["iamRoleArn"] == access["flowLogsRole"]
    for noun, who in (("watch", "watch"), ("webhook", "webhook")):
        assert region.one("Function", noun)["role"] == access[f"{who}Role"]
    for noun, who in (("worker-hosts", "worker"), ("egress-proxies", "egress")):
        assert region.one("LaunchTemplate", noun)["iamInstanceProfile"]["arn"] == access[f"{who}InstanceProfile"]
    made = f"role/{Names.of(region.config(), region.config().aws).prefix}-"
    assert made not in region.state()
    readers = region.policy("SecretPolicy", "environment-key")["ReadByNoOther"]["Condition"]["StringNotEquals"]["aws:PrincipalArn"]
    assert set(readers) == {access["workerRole"], access["watchRole"]}
    pullers = region.policy("RepositoryPolicy", "host")["PulledByMachinesOnly"]["Condition"]["StringNotEquals"]["aws:PrincipalArn"]
    assert {access["workerRole"], access["egressRole"]} <= set(pullers)
    assert set(region.preview().summary) == {"same"}


def test_an_up_that_broke_again_and_again_converges_when_run_at_last(stacked):
    """A provider that dies under the first room, then a call that is refused in the next."""
    region = stacked("us")
    for fault in (
        Fault("create", "die", type="aws:kms/key:Key"),
        Fault("create", "fail", type="aws:ec2/vpcEndpoint:VpcEndpoint", skip=3),
    ):
        region.rehearsal.fault(fault)
        assert region.up().exit_code != 0
    region.rehearsal.fault()
    result = region.up()
    assert result.exit_code == 0, result.errors
    assert set(region.preview().summary) == {"same"}
