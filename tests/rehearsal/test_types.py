"""Inputs held to the types of the installed SDK package: each refusal names the property's path and what would do."""

from __future__ import annotations

import pytest

from domicile.rehearsal.schema import Schema, SchemaError
from domicile.rehearsal.types import faults


def faults_of(double, token, **inputs):
    _, found = double.check(f"urn:pulumi:s::p::{token}::name", {}, inputs, b"")
    return {f.path: f.reason for f in found}


VPC, TEMPLATE, GROUP = "aws:ec2/vpc:Vpc", "aws:ec2/launchTemplate:LaunchTemplate", "aws:autoscaling/group:Group"


def test_an_unknown_property_is_refused_with_what_was_meant(double):
    assert "'cidrBlock'" in faults_of(double, VPC, cidrBlok="10.0.0.0/16")["cidrBlok"]


def test_an_unknown_property_deep_within_is_named_by_its_path(double):
    found = faults_of(double, TEMPLATE, blockDeviceMappings=[{"ebs": {"volumeSiz": 3}}], metadataOptions={"httpToken": "required"})
    assert set(found) == {"blockDeviceMappings[0].ebs.volumeSiz", "metadataOptions.httpToken"}
    assert "'httpTokens'" in found["metadataOptions.httpToken"]


def test_a_missing_required_property_is_named(double):
    assert set(faults_of(double, "aws:ec2/subnet:Subnet", cidrBlock="10.0.0.0/24")) == {"vpcId"}


@pytest.mark.parametrize(
    ("token", "inputs", "path"),
    [
        (GROUP, {"minSize": "many", "maxSize": 1}, "minSize"),
        (GROUP, {"minSize": 0, "maxSize": 1.5}, "maxSize"),
        (VPC, {"cidrBlock": ["10.0.0.0/16"]}, "cidrBlock"),
        (VPC, {"cidrBlock": "10.0.0.0/16", "enableDnsSupport": "perhaps"}, "enableDnsSupport"),
        (VPC, {"cidrBlock": "10.0.0.0/16", "tags": ["a"]}, "tags"),
        (VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"a": {"b": "c"}}}, 'tags["a"]'),
        (GROUP, {"minSize": 0, "maxSize": 1, "vpcZoneIdentifiers": "subnet-1"}, "vpcZoneIdentifiers"),
        ("aws:autoscaling/notification:Notification", {"topicArn": "t", "groupNames": ["g"], "notifications": ["x"]}, "notifications[0]"),
    ],
)
def test_a_value_of_another_type_is_refused(double, token, inputs, path):
    assert path in faults_of(double, token, **inputs)


def test_what_is_not_known_yet_passes(double):
    assert faults_of(double, "aws:ec2/subnet:Subnet", vpcId="04da6b54-80e4-46f7-96ec-b56ff0331ba9", cidrBlock="10.0.0.0/24") == {}


def test_numbers_and_booleans_as_text_pass_as_they_do_with_the_real_provider(double):
    assert faults_of(double, GROUP, minSize="0", maxSize="1", launchTemplate={"id": "lt-1"}, availabilityZones=["a"]) == {}


def test_an_unknown_type_is_refused_with_what_was_meant(double):
    assert "aws:ec2/subnet:Subnet" in faults_of(double, "aws:ec2/subnets:Subnets")[""]


def test_a_region_that_is_none_is_refused(double):
    assert "did you mean 'eu-central-" in faults_of(double, VPC, cidrBlock="10.0.0.0/16", region="eu-central-9")["region"]


def test_types_of_every_kind_are_read(schema):
    """Every fortieth type of the package, so that a new form in the generated code is noticed."""
    some = sorted(schema.tokens)[::40]
    assert len(some) > 40
    for token in some:
        shape = schema.resource(token)
        assert shape and set(shape.inputs) <= set(shape.outputs) | {"region"} | set(shape.inputs)
        assert "id" not in shape.inputs
        for prop in shape.inputs.values():
            of = prop.type.of if prop.type.kind in ("list", "map") else prop.type
            if of.kind == "object":
                assert schema.object(of.of), (token, of.of)
            if of.kind == "enum":
                assert schema.enum(of.of)


def test_secret_outputs_and_former_types_are_read(schema):
    assert "secretString" in schema.resource("aws:secretsmanager/secretVersion:SecretVersion").secrets
    assert "aws:applicationloadbalancing/targetGroup:TargetGroup" in schema.resource("aws:alb/targetGroup:TargetGroup").aliases


def test_function_arguments_are_checked_as_well(schema):
    shape = schema.function("aws:ssm/getParameter:getParameter")
    assert [f.path for f in faults(schema, shape.inputs, {"nam": "x"})] == ["name", "nam"]


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(SchemaError, match="pulumi_nowhere"):
        Schema("pulumi_nowhere")


def test_a_package_that_is_no_sdk_is_named():
    with pytest.raises(SchemaError, match=r"pulumi-plugin\.json"):
        Schema("pytest")
