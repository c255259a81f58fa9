"""Parts of the fixtures of AWS's rules: policies, and things that many of them need beside what they are about."""

from __future__ import annotations

import base64
import json
from typing import Any

import pulumi
import pulumi_aws as aws

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:ap-northeast-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/one"
DIGEST = "sha256:" + "a" * 64
REGISTRY = f"{ACCOUNT}.dkr.ecr.ap-northeast-1.amazonaws.com"


def statement(effect: str, action: Any, resource: Any = None, principal: Any = None, condition: Any = None) -> dict[str, Any]:
    found = {"Effect": effect, "Action": action, "Resource": resource, "Principal": principal, "Condition": condition}
    return {key: value for key, value in found.items() if value is not None}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def but(role: str = ROLE) -> dict[str, Any]:
    return {"StringNotEquals": {"aws:PrincipalArn": role}}


def trust(service: str = "ec2.amazonaws.com") -> str:
    return policy(statement("Allow", "sts:AssumeRole", principal={"Service": service}))


def vpc(at: Any, **more: Any) -> aws.ec2.Vpc:
    return aws.ec2.Vpc(at("vpc"), cidr_block="10.0.0.0/16", **more)


def subnet(at: Any, of: aws.ec2.Vpc, **more: Any) -> aws.ec2.Subnet:
    return aws.ec2.Subnet(at("subnet"), vpc_id=of.id, cidr_block="10.0.0.0/24", **more)


def group(at: Any, name: str = "group", **more: Any) -> aws.ec2.SecurityGroup:
    return aws.ec2.SecurityGroup(at(name), description="tried", **more)


def component(at: Any, kind: str, name: str = "component") -> pulumi.ResourceOptions:
    """A component of this project's type, as a parent."""
    return pulumi.ResourceOptions(parent=pulumi.ComponentResource(f"domicile:aws:{kind}", at(name)))


def locked(at: Any, **more: Any) -> aws.s3.Bucket:
    return aws.s3.Bucket(at("bucket"), bucket=at("bucket"), object_lock_enabled=True, **more)


def machine(at: Any, **more: Any) -> aws.ec2.LaunchTemplate:
    return aws.ec2.LaunchTemplate(at("machine"), **more)


def alarm(at: Any, metric: str, opts: pulumi.ResourceOptions | None = None, **more: Any) -> aws.cloudwatch.MetricAlarm:
    basis = {
        "comparison_operator": "GreaterThanThreshold",
        "evaluation_periods": 1,
        "namespace": "Domicile",
        "metric_name": metric,
        "period": 60,
        "statistic": "Maximum",
        "threshold": 1.0,
    }
    return aws.cloudwatch.MetricAlarm(at("alarm"), opts=opts, **{**basis, **more})


def ignition(files: dict[str, str], masked: tuple[str, ...] = ("sshd.service",), users: tuple[dict[str, Any], ...] = ()) -> str:
    listed = [
        {"path": path, "contents": {"source": "data:;base64," + base64.b64encode(text.encode()).decode()}} for path, text in files.items()
    ]
    systemd = {"units": [{"name": name, "mask": True} for name in masked]}
    return json.dumps({"ignition": {"version": "3.4.0"}, "storage": {"files": listed}, "systemd": systemd, "passwd": {"users": users}})


def settings(at: Any, content: Any) -> aws.s3.BucketObjectv2:
    return aws.s3.BucketObjectv2(
        at("settings"), bucket="settings", key="k", content=content, content_type="application/vnd.coreos.ignition+json"
    )


def function(at: Any, **more: Any) -> aws.lambda_.Function:
    basis = {"role": ROLE, "runtime": "python3.13", "handler": "f.g", "s3_bucket": "b", "s3_key": "k"}
    return aws.lambda_.Function(at("function"), **{**basis, **more})


def fleet(at: Any, **more: Any) -> aws.autoscaling.Group:
    basis = {"min_size": 1, "max_size": 1, "launch_template": {"id": "lt-0123456789abcdef0", "version": "1"}}
    return aws.autoscaling.Group(at("fleet"), **{**basis, **more})
