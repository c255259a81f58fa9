"""What the double does with names, tags, configuration, reads and functions, asked directly."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from domicile.engine.values import UNKNOWN, Secret
from domicile.rehearsal.cloud import Thing
from domicile.rehearsal.world import Refused

VPC, GROUP, QUEUE = "aws:ec2/vpc:Vpc", "aws:ec2/securityGroup:SecurityGroup", "aws:sqs/queue:Queue"


def urn(token, name="a"):
    return f"urn:pulumi:s::p::{token}::{name}"


def checked(double, token, olds=None, /, **inputs):
    return double.check(urn(token), olds or {}, inputs, b"seed")[0]


def test_an_automatic_name_is_kept_and_a_replacement_gets_another(double):
    first = checked(double, QUEUE)
    assert first["name"].startswith("a-") and first["__defaults"] == ["name"]
    double.create(urn(QUEUE), first)
    assert checked(double, QUEUE, first)["name"] == first["name"], "an update keeps it"
    second = checked(double, QUEUE)
    assert second["name"] != first["name"], "what stands in its place can't have it"
    double.create(urn(QUEUE), second)


def test_automatic_names_have_the_form_that_the_type_needs(double):
    assert checked(double, "aws:kms/alias:Alias", targetKeyId="k")["name"].startswith("alias/a-")
    assert checked(double, QUEUE, fifoQueue=True)["name"].endswith(".fifo")
    long = double.check(urn("aws:lb/targetGroup:TargetGroup", "n" * 60), {}, {}, b"")[0]["name"]
    assert len(long) == 32


def test_a_chosen_name_means_that_the_old_goes_before_the_new_comes(double):
    old = {"name": "hosts", "description": "one"}
    found, first = double.difference(urn(GROUP), {}, old, {**old, "description": "two"}, set())
    assert found.replaces == ["description"] and first
    automatic = {**old, "__defaults": ["name"]}
    assert double.difference(urn(GROUP), {}, automatic, {**automatic, "description": "two"}, set())[1] is False


def test_the_providers_tags_are_on_everything_and_the_resources_own_win(double):
    double.configure({"region": "eu-central-1", "defaultTags": json.dumps({"tags": {"owner": "us", "stage": "x"}})})
    made = checked(double, VPC, cidrBlock="10.0.0.0/16", tags={"stage": "y"})
    assert made["tags"] == {"owner": "us", "stage": "y"}


@pytest.mark.parametrize("tags", [{"aws:mine": "x"}, {"": "x"}, {"k" * 129: "x"}, {"k": "v" * 257}, {str(i): "x" for i in range(51)}])
def test_tags_that_no_service_takes(double, tags):
    assert [f.path for f in double.check(urn(VPC), {}, {"cidrBlock": "10.0.0.0/16", "tags": tags}, b"")[1]] == ["tags"]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({}, "region"),
        ({"region": "eu-middle-1"}, "region"),
        ({"region": "eu-central-1", "regoin": "x"}, "regoin"),
        ({"region": "eu-central-1", "allowedAccountIds": '["999999999999"]'}, "allowedAccountIds"),
        ({"region": "eu-central-1", "forbiddenAccountIds": '["123456789012"]'}, "forbiddenAccountIds"),
        ({"region": "eu-central-1", "assumeRoles": '[{"roleArn": "not-a-role"}]'}, "assumeRoles"),
    ],
)
def test_a_providers_configuration_is_held_to_its_types_and_rules(double, config, path):
    assert [f.path for f in double.check_configuration(config)] == [path]


def test_the_account_is_that_of_the_role_that_is_assumed(double):
    double.configure({"region": "eu-central-1", "assumeRoles": '[{"roleArn": "arn:aws:iam::210987654321:role/deploy"}]'})
    double.create(urn(VPC), {"cidrBlock": "10.0.0.0/16"})
    assert double.cloud.thing("Vpc").account == "210987654321"


def test_a_providers_new_region_makes_all_anew_and_new_tags_do_not(double):
    old = {"region": "eu-central-1", "version": "7.51.1"}
    assert double.configuration_difference(old, {"region": "eu-west-1", "version": "7.51.2"}) == (["region"], ["region"])
    assert double.configuration_difference(old, {**old, "defaultTags": "{}"}) == (["defaultTags"], [])


def test_a_preview_knows_what_is_given_and_nothing_else(double):
    foreseen = double.foreseen(urn(VPC), {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True})
    assert foreseen["cidrBlock"] == "10.0.0.0/16" and foreseen["enableDnsSupport"] is True
    assert foreseen["arn"] == foreseen["defaultSecurityGroupId"] == UNKNOWN


def test_secrets_come_back_as_secrets(double):
    _, outputs = double.create(urn(QUEUE), {"name": "q", "policy": Secret("{}")})
    assert outputs["policy"] == Secret("{}")
    _, inputs, read = double.read(urn(QUEUE), "https://sqs.ap-northeast-1.amazonaws.com/123456789012/q", {"policy": Secret("{}")}, outputs)
    assert inputs["policy"] == read["policy"] == Secret("{}")


def test_a_read_without_inputs_tells_all_that_was_given(double):
    id_, _ = double.create(urn(VPC), {"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}})
    _, inputs, outputs = double.read(urn(VPC, "imported"), id_, {}, {})
    assert inputs["cidrBlock"] == "10.0.0.0/16" and inputs["tags"] == {"a": "b"} and "ownerId" not in inputs
    assert outputs["ownerId"] == "123456789012"
    assert double.read(urn(VPC), "vpc-gone", {}, {}) is None


def test_a_thing_is_found_under_the_former_name_of_its_type(double):
    former = "aws:applicationloadbalancing/targetGroup:TargetGroup"
    double.cloud.put(Thing(former, "tg", "123456789012", "ap-northeast-1", "a", {"port": 1}))
    assert double.read(urn("aws:alb/targetGroup:TargetGroup"), "tg", {}, {})[2] == {"port": 1}


def test_json_that_means_the_same_is_no_difference(double):
    token = "aws:iam/policy:Policy"
    found, _ = double.difference(urn(token), {}, {"policy": '{"a": 1, "b": 2}'}, {"policy": '{"b":2,"a":1}'}, set())
    assert found.keys == []


def test_a_difference_is_told_by_its_path(double):
    old = {"launchTemplate": {"id": "lt-1", "version": "1"}, "vpcZoneIdentifiers": ["a"]}
    new = {"launchTemplate": {"id": "lt-1", "version": "2"}, "vpcZoneIdentifiers": ["a", "b"]}
    found, _ = double.difference(urn("aws:autoscaling/group:Group"), {}, old, new, set())
    assert found.detail == {"launchTemplate.version": "UPDATE", "vpcZoneIdentifiers[1]": "ADD"}


def test_what_is_ignored_is_no_difference(double):
    assert double.difference(urn(VPC), {}, {"tags": {"a": "b"}}, {"tags": {"a": "c"}}, {"tags"})[0].keys == []


# -- functions --------------------------------------------------------------------------------------------------------


def invoke(double, name, /, **args):
    faults, result = double.invoke(f"aws:{name.split('.')[0]}/{name.split('.')[1]}:{name.split('.')[1]}", args)
    assert not faults
    return result


def test_the_cloud_knows_itself(double):
    assert invoke(double, "index.getCallerIdentity")["accountId"] == "123456789012"
    assert invoke(double, "index.getRegion")["region"] == "ap-northeast-1"
    assert invoke(double, "index.getAvailabilityZones", state="available")["names"] == [f"ap-northeast-1{z}" for z in "acd"]
    assert invoke(double, "ec2.getManagedPrefixList", name="com.amazonaws.ap-northeast-1.s3")["id"].startswith("pl-")
    assert invoke(double, "ec2.getVpcEndpointService", service="s3")["serviceType"] == "Gateway"


def test_an_image_is_told_only_for_owners_that_are_named(double):
    with pytest.raises(Refused, match="owners"):
        invoke(double, "ec2.getAmi", mostRecent=True)
    assert invoke(double, "ec2.getAmi", mostRecent=True, owners=["amazon"])["id"].startswith("ami-")


def test_a_look_up_finds_the_one_thing_that_fits(double):
    ids = [double.create(urn(VPC, n), {"cidrBlock": f"10.{i}.0.0/16", "tags": {"Name": n}})[0] for i, n in enumerate("ab")]
    assert invoke(double, "ec2.getVpc", tags={"Name": "b"})["id"] == ids[1]
    assert invoke(double, "ec2.getVpc", filters=[{"name": "tag:Name", "values": ["a"]}])["id"] == ids[0]
    for nothing in ({"tags": {"Name": "c"}}, {"state": "available"}):
        with pytest.raises(Refused, match="things of type Vpc"):
            invoke(double, "ec2.getVpc", **nothing)


def test_a_route_table_is_shown_with_its_subnets_and_the_routes_that_the_provider_shows(double):
    vpc = double.create(urn(VPC), {"cidrBlock": "10.0.0.0/16"})[0]
    subnet = double.create(urn("aws:ec2/subnet:Subnet"), {"vpcId": vpc, "cidrBlock": "10.0.0.0/24"})[0]
    gateway = double.create(urn("aws:ec2/internetGateway:InternetGateway"), {"vpcId": vpc})[0]
    table = double.create(urn("aws:ec2/routeTable:RouteTable"), {"vpcId": vpc})[0]
    way_out = {"routeTableId": table, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway}
    double.create(urn("aws:ec2/route:Route"), way_out)
    double.create(urn("aws:ec2/routeTableAssociation:RouteTableAssociation"), {"subnetId": subnet, "routeTableId": table})
    by_id, by_subnet = invoke(double, "ec2.getRouteTable", routeTableId=table), invoke(double, "ec2.getRouteTable", subnetId=subnet)
    assert by_id["id"] == by_subnet["id"] == table
    assert all(by_id[name] == by_subnet[name] for name in ("routes", "associations"))
    assert [(route["cidrBlock"], route["gatewayId"]) for route in by_id["routes"]] == [("0.0.0.0/0", gateway)]
    assert [each["subnetId"] for each in by_id["associations"]] == [subnet]
    (thing,) = double.cloud.things("aws:ec2/routeTable:RouteTable")
    hidden = [{"cidrBlock": "10.0.0.0/16", "gatewayId": "local"}, {"destinationPrefixListId": "pl-1", "gatewayId": "vpce-1"}]
    double.cloud.put(replace(thing, properties={**thing.properties, "routes": hidden}))
    assert len(invoke(double, "ec2.getRouteTable", routeTableId=table)["routes"]) == 1
    with pytest.raises(Refused, match="things of type RouteTable"):
        invoke(double, "ec2.getRouteTable", subnetId="subnet-0123456789abcdef0")


def test_a_function_that_is_not_rehearsed_says_so(double):
    with pytest.raises(Refused, match="getInstances"):
        invoke(double, "ec2.getInstances")


def test_a_functions_arguments_are_checked(double):
    faults, _ = double.invoke("aws:ssm/getParameter:getParameter", {"nam": "x"})
    assert {f.path for f in faults} == {"name", "nam"}


# -- updates ----------------------------------------------------------------------------------------------------------


def test_an_update_keeps_what_was_computed_and_changes_what_it_changes(double):
    token = "aws:ec2/launchTemplate:LaunchTemplate"
    id_, made = double.create(urn(token), {"name": "hosts", "description": "one"})
    assert (made["latestVersion"], made["defaultVersion"]) == (1, 1)
    second = double.update(urn(token), id_, {"name": "hosts", "description": "two"})
    assert (second["latestVersion"], second["defaultVersion"], second["arn"]) == (2, 1, made["arn"])
    third = double.update(urn(token), id_, {"name": "hosts", "updateDefaultVersion": True})
    assert (third["latestVersion"], third["defaultVersion"]) == (3, 2) and "description" not in third


def test_a_preview_of_an_update_knows_what_stays_and_not_what_changes(double):
    token = "aws:ec2/launchTemplate:LaunchTemplate"
    _, made = double.create(urn(token), {"name": "hosts"})
    foreseen = double.foreseen(urn(token), {"name": "hosts", "description": "two"}, made)
    assert foreseen["latestVersion"] == UNKNOWN and foreseen["arn"] == made["arn"] and foreseen["defaultVersion"] == 1


def test_each_new_value_of_a_secret_is_another_version(double):
    secret, _ = double.create(urn("aws:secretsmanager/secret:Secret"), {"name": "key"})
    token = "aws:secretsmanager/secretVersion:SecretVersion"
    id_, first = double.create(urn(token), {"secretId": secret, "secretString": "a"})
    versions = [double.update(urn(token), id_, {"secretId": secret, "secretString": text})["versionId"] for text in "bc"]
    assert len({first["versionId"], *versions}) == 3
