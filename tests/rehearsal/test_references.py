"""What the cloud refuses because of what else there is, or isn't: each test is named after what AWS says no to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domicile.rehearsal.double import Double
from domicile.rehearsal.world import Refused

ROLE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Region:
    """A short way to make things in one region, by the double alone."""

    def __init__(self, double: Double) -> None:
        self.double = double

    def make(self, token: str, called: str = "a", /, **inputs: Any) -> str:
        urn = self.urn(token, called)
        checked, faults = self.double.check(urn, {}, inputs, b"")
        assert not faults
        return self.double.create(urn, checked)[0]

    def refused(self, code: str, token: str, called: str = "b", /, **inputs: Any) -> None:
        with pytest.raises(Refused) as refused:
            self.make(token, called, **inputs)
        assert refused.value.code == code, refused.value

    def delete(self, token: str, id_: str, **state: Any) -> None:
        self.double.delete(self.urn(token, "a"), id_, state)

    def outputs(self, token: str, id_: str) -> dict[str, Any]:
        return self.double.read(self.urn(token, "a"), id_, {}, {})[2]

    @staticmethod
    def urn(token: str, name: str) -> str:
        return f"urn:pulumi:s::p::{token}::{name}"

    def vpc(self, name: str = "a", cidr: str = "10.0.0.0/16", **inputs: Any) -> str:
        return self.make("aws:ec2/vpc:Vpc", name, cidrBlock=cidr, **inputs)

    def subnet(self, vpc: str, cidr: str = "10.0.1.0/24", zone: str = "a", name: str = "a") -> str:
        return self.make("aws:ec2/subnet:Subnet", name, vpcId=vpc, cidrBlock=cidr, availabilityZone=f"ap-northeast-1{zone}")


@pytest.fixture
def region(double):
    return Region(double)


def test_what_does_not_exist(region):
    region.refused("InvalidVpcID.NotFound", "aws:ec2/subnet:Subnet", vpcId="vpc-00000000000000000", cidrBlock="10.0.1.0/24")


def test_another_regions_network(region):
    vpc = region.vpc()
    region.refused("InvalidVpcID.NotFound", "aws:ec2/subnet:Subnet", vpcId=vpc, cidrBlock="10.0.1.0/24", region="eu-central-1")


def test_another_accounts_network(region):
    vpc = region.vpc()
    region.double.settle("999999999999", "ap-northeast-1")
    region.refused("InvalidVpcID.NotFound", "aws:ec2/subnet:Subnet", vpcId=vpc, cidrBlock="10.0.1.0/24")


def test_another_regions_image(region):
    image = region.double.invoke("aws:ssm/getParameter:getParameter", {"name": "/aws/service/ami-x", "region": "eu-central-1"})[1]["value"]
    region.refused("InvalidAMIID.NotFound", "aws:ec2/launchTemplate:LaunchTemplate", imageId=image)


def test_a_subnet_outside_its_network(region):
    region.refused("InvalidSubnet.Range", "aws:ec2/subnet:Subnet", vpcId=region.vpc(), cidrBlock="10.1.0.0/24")


def test_subnets_that_overlap(region):
    vpc = region.vpc()
    region.subnet(vpc, "10.0.0.0/20")
    region.refused("InvalidSubnet.Conflict", "aws:ec2/subnet:Subnet", vpcId=vpc, cidrBlock="10.0.1.0/24")


def test_two_networks_may_have_the_same_range(region):
    region.subnet(region.vpc("a"), name="a")
    region.subnet(region.vpc("b"), name="b")


def test_a_zone_of_another_region(region):
    subnet = {"vpcId": region.vpc(), "cidrBlock": "10.0.1.0/24", "availabilityZone": "eu-central-1a"}
    region.refused("InvalidParameterValue", "aws:ec2/subnet:Subnet", **subnet)


def test_an_endpoint_of_another_regions_service(region):
    region.refused("InvalidServiceName", "aws:ec2/vpcEndpoint:VpcEndpoint", vpcId=region.vpc(), serviceName="com.amazonaws.us-east-1.s3")


def test_a_bucket_for_logs_in_another_region(region):
    region.make("aws:s3/bucket:Bucket", "a", bucket="team-data")
    region.make("aws:s3/bucket:Bucket", "b", bucket="team-logs", region="us-east-1")
    logging = {"bucket": "team-data", "targetBucket": "team-logs", "targetPrefix": ""}
    region.refused("NoSuchBucket", "aws:s3/bucketLogging:BucketLogging", **logging)


def test_a_listener_that_its_balancer_does_not_speak(region):
    balancer = region.make("aws:lb/loadBalancer:LoadBalancer", loadBalancerType="network", subnets=[region.subnet(region.vpc())])
    page = {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "200"}}
    region.refused(
        "UnsupportedProtocol", "aws:lb/listener:Listener", loadBalancerArn=balancer, port=80, protocol="HTTP", defaultActions=[page]
    )


def test_a_group_whose_template_is_of_another_network(region):
    here, there = region.vpc("here"), region.vpc("there")
    group = region.make("aws:ec2/securityGroup:SecurityGroup", vpcId=there)
    template = region.make("aws:ec2/launchTemplate:LaunchTemplate", vpcSecurityGroupIds=[group])
    launch = {"launchTemplate": {"id": template}, "vpcZoneIdentifiers": [region.subnet(here)]}
    region.refused("InvalidParameter", "aws:autoscaling/group:Group", minSize=0, maxSize=1, **launch)


def test_things_of_different_networks_together(region):
    here, there = region.vpc("here"), region.vpc("there")
    table = region.make("aws:ec2/routeTable:RouteTable", vpcId=there)
    region.refused(
        "InvalidParameter", "aws:ec2/routeTableAssociation:RouteTableAssociation", routeTableId=table, subnetId=region.subnet(here)
    )


def test_the_default_group_of_a_network_is_known(region):
    vpc = region.vpc()
    default = region.outputs("aws:ec2/vpc:Vpc", vpc)["defaultSecurityGroupId"]
    rule = {"ipProtocol": "-1", "cidrIpv4": "10.0.0.0/16"}
    region.make("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", securityGroupId=default, **rule)


def test_the_same_rule_twice(region):
    group = region.make("aws:ec2/securityGroup:SecurityGroup", vpcId=region.vpc())
    rule = {"securityGroupId": group, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "10.0.0.0/16"}
    region.make("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", **rule)
    region.refused("InvalidPermission.Duplicate", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", **rule)


def test_a_public_nat_gateway_where_there_is_no_way_out(region):
    subnet = region.subnet(region.vpc())
    address = region.make("aws:ec2/eip:Eip")
    region.refused("Gateway.NotAttached", "aws:ec2/natGateway:NatGateway", subnetId=subnet, allocationId=address)


def test_private_names_of_an_endpoint_in_a_network_without_names(region):
    service = {"serviceName": "com.amazonaws.ap-northeast-1.sts", "vpcEndpointType": "Interface", "privateDnsEnabled": True}
    region.refused("InvalidParameter", "aws:ec2/vpcEndpoint:VpcEndpoint", vpcId=region.vpc(), **service)


def test_two_subnets_of_one_zone_for_a_balancer(region):
    vpc = region.vpc()
    subnets = [region.subnet(vpc, "10.0.1.0/24", "a", "a"), region.subnet(vpc, "10.0.2.0/24", "a", "b")]
    region.refused("InvalidConfigurationRequest", "aws:lb/loadBalancer:LoadBalancer", loadBalancerType="network", subnets=subnets)


def test_a_log_group_with_a_key_that_logs_may_not_use(region):
    key = region.make("aws:kms/key:Key")
    arn = region.outputs("aws:kms/key:Key", key)["arn"]
    region.refused("AccessDeniedException", "aws:cloudwatch/logGroup:LogGroup", kmsKeyId=arn)
    allowed = {"Effect": "Allow", "Principal": {"Service": "logs.ap-northeast-1.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}
    region.make("aws:kms/keyPolicy:KeyPolicy", keyId=key, policy=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    region.make("aws:cloudwatch/logGroup:LogGroup", kmsKeyId=arn)


def test_object_lock_where_no_versions_are_kept(region):
    region.make("aws:s3/bucket:Bucket", bucket="team-plain")
    lock = {"bucket": "team-plain", "rule": {"defaultRetention": {"mode": "COMPLIANCE", "days": 1}}}
    token = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
    region.refused("InvalidBucketState", token, **lock)
    region.make("aws:s3/bucketVersioning:BucketVersioning", bucket="team-plain", versioningConfiguration={"status": "Enabled"})
    region.make(token, **lock)


def test_a_bucket_policy_that_speaks_of_another_bucket(region):
    region.make("aws:s3/bucket:Bucket", bucket="team-one")
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::team-two/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    region.refused("MalformedPolicy", "aws:s3/bucketPolicy:BucketPolicy", bucket="team-one", policy=policy)


def test_a_bucket_name_that_is_taken_anywhere(region):
    region.make("aws:s3/bucket:Bucket", bucket="team-archive")
    region.refused("BucketAlreadyExists", "aws:s3/bucket:Bucket", bucket="team-archive", region="eu-central-1")


@pytest.mark.parametrize(
    ("token", "code", "inputs"),
    [
        ("aws:iam/role:Role", "EntityAlreadyExists", {"name": "r", "assumeRolePolicy": json.dumps(ROLE)}),
        ("aws:secretsmanager/secret:Secret", "ResourceExistsException", {"name": "team/key"}),
        ("aws:kms/alias:Alias", "AlreadyExistsException", {"name": "alias/a", "targetKeyId": "KEY"}),
        ("aws:cloudwatch/logGroup:LogGroup", "ResourceAlreadyExistsException", {"name": "/team"}),
        ("aws:ecr/repository:Repository", "RepositoryAlreadyExistsException", {"name": "team/host"}),
    ],
)
def test_a_name_that_is_taken(region, token, code, inputs):
    if inputs.get("targetKeyId"):
        inputs = {**inputs, "targetKeyId": region.make("aws:kms/key:Key")}
    region.make(token, "a", **inputs)
    region.refused(code, token, "b", **inputs)


def test_a_name_that_differs_in_capitals_only(region):
    region.make("aws:iam/role:Role", "a", name="Hosts", assumeRolePolicy=json.dumps(ROLE))
    region.refused("EntityAlreadyExists", "aws:iam/role:Role", "b", name="hosts", assumeRolePolicy=json.dumps(ROLE))


def test_a_secrets_name_stays_taken_while_it_waits_to_be_deleted(region):
    token = "aws:secretsmanager/secret:Secret"
    region.delete(token, region.make(token, name="kept"))
    region.refused("ResourceExistsException", token, name="kept")
    region.delete(token, region.make(token, name="free", recoveryWindowInDays=0))
    region.make(token, name="free")


def test_deleting_what_is_used(region):
    vpc = region.vpc()
    subnet = region.subnet(vpc)
    with pytest.raises(Refused, match="DependencyViolation"):
        region.delete("aws:ec2/vpc:Vpc", vpc)
    region.delete("aws:ec2/subnet:Subnet", subnet)
    region.delete("aws:ec2/vpc:Vpc", vpc)
    assert region.double.cloud.things() == []


def test_deleting_a_role_that_is_attached(region):
    region.make("aws:iam/role:Role", name="r", assumeRolePolicy=json.dumps(ROLE))
    region.make("aws:iam/instanceProfile:InstanceProfile", name="p", role="r")
    with pytest.raises(Refused, match="DeleteConflict"):
        region.delete("aws:iam/role:Role", "r")


def test_deleting_a_bucket_with_objects_unless_forced(region):
    for name, force in (("team-full", False), ("team-force", True)):
        region.make("aws:s3/bucket:Bucket", name, bucket=name, forceDestroy=force)
        region.make("aws:s3/bucketObjectv2:BucketObjectv2", name, bucket=name, key="k", content="c")
    with pytest.raises(Refused, match="BucketNotEmpty"):
        region.delete("aws:s3/bucket:Bucket", "team-full")
    region.delete("aws:s3/bucket:Bucket", "team-force")
    assert {t.id for t in region.double.cloud.things()} == {"team-full", "team-full/k"}


def test_deleting_what_is_guarded(region):
    group = region.make("aws:cloudwatch/logGroup:LogGroup", name="/team", deletionProtectionEnabled=True)
    with pytest.raises(Refused, match=r"ValidationException: .*deletionProtectionEnabled"):
        region.delete("aws:cloudwatch/logGroup:LogGroup", group)


def test_what_is_a_part_goes_with_its_whole(region):
    group = region.make("aws:ec2/securityGroup:SecurityGroup", vpcId=region.vpc())
    region.make("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", securityGroupId=group, ipProtocol="-1", cidrIpv4="0.0.0.0/0")
    region.double.cloud.vanish(region.double.cloud.thing("SecurityGroup"))
    assert region.double.cloud.things("SecurityGroupEgressRule") == []


def test_changing_what_has_vanished(region):
    vpc = region.vpc()
    region.double.cloud.vanish(region.double.cloud.thing("Vpc"))
    with pytest.raises(Refused, match=r"InvalidVpcID\.NotFound"):
        region.double.update(region.urn("aws:ec2/vpc:Vpc", "a"), vpc, {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True})
