"""Machines of a region: their image, their settings in S3, their launch template. Both fleets are made of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.bucket import bucket, expire
from domicile.aws.ground import Ground
from domicile.aws.ignition import object_key, pointer

FEDORA_OWNER = "125523088429"
"""The account that publishes Fedora CoreOS (poseidon/typhoon: aws/fedora-coreos/kubernetes/ami.tf at 01905b00bc11, and its #1038)."""

ROOT_DEVICE = "/dev/xvda"
SETTINGS_DAYS = 400
"""A replaced machine reads the settings of its launch template; those of a template older than any machine may go."""


class Settings(pulumi.ComponentResource):
    """The bucket of the machines' settings: written by administrators, read by machines, each object by its hash."""

    bucket: pulumi.Output[str]

    def __init__(self, name: str, ground: Ground, key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("domicile:aws:Settings", name, None, opts)
        below = pulumi.ResourceOptions(parent=self)
        lifecycle = {key_: value for key_, value in expire(SETTINGS_DAYS).items() if key_ != "expiration"}
        made = bucket("settings", ground, policies.settings_bucket(ground.names), below, key=key, lifecycle=[lifecycle])
        self.bucket = made.bucket
        self.register_outputs({"bucket": self.bucket})


@dataclass(frozen=True)
class Kind:
    """One kind of machine."""

    noun: str
    instance_type: str
    disk_gib: int
    groups: tuple[pulumi.Output[str], ...]
    """Its security groups."""
    profile: pulumi.Input[str]
    """ARN of its instance profile."""
    configuration: pulumi.Output[str]
    """Its Ignition configuration."""
    images: Sequence[pulumi.Resource] = ()
    """The images that it pulls: there before any machine is launched."""


def launch_template(
    kind: Kind, ground: Ground, settings: Settings, key: pulumi.Output[str], opts: pulumi.ResourceOptions
) -> aws.ec2.LaunchTemplate:
    """No public address, no key pair, IMDSv2 of one hop, an encrypted disk: a sandbox that got out of its link would still find no role."""
    stored = aws.s3.BucketObjectv2(
        ground.noun(kind.noun),
        bucket=settings.bucket,
        key=kind.configuration.apply(lambda text: object_key(f"{ground.names.folder(kind.noun)}{kind.noun}", text)),
        content=kind.configuration,
        content_type="application/vnd.coreos.ignition+json",
        server_side_encryption="aws:kms",
        kms_key_id=key,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[settings])),
    )
    ground.log_group(kind.noun, key, opts)
    user_data = pulumi.Output.all(settings.bucket, stored.key, kind.configuration).apply(lambda found: pointer(*found))
    tags = {**ground.tags, "Name": ground.names.called(kind.noun)}
    return aws.ec2.LaunchTemplate(
        ground.noun(kind.noun),
        name=ground.names.called(kind.noun),
        image_id=_machine_image(ground, opts),
        instance_type=kind.instance_type,
        update_default_version=True,
        ebs_optimized="true",
        instance_initiated_shutdown_behavior="terminate",
        iam_instance_profile={"arn": kind.profile},
        metadata_options={
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": 1,
            "http_protocol_ipv6": "disabled",
            "instance_metadata_tags": "disabled",
        },
        network_interfaces=[
            {
                "device_index": 0,
                "associate_public_ip_address": "false",
                "delete_on_termination": "true",
                "security_groups": list(kind.groups),
            }
        ],
        block_device_mappings=[_disk(kind, key)],
        monitoring={"enabled": True},
        tag_specifications=[{"resource_type": what, "tags": tags} for what in ("instance", "network-interface", "volume")],
        user_data=user_data,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(kind.images))),
    )


def _disk(kind: Kind, key: pulumi.Output[str]) -> dict[str, Any]:
    disk = {
        "encrypted": "true",
        "kms_key_id": key,
        "volume_type": "gp3",
        "volume_size": kind.disk_gib,
        "delete_on_termination": "true",
    }
    return {"device_name": ROOT_DEVICE, "ebs": disk}


def _machine_image(ground: Ground, opts: pulumi.ResourceOptions) -> pulumi.Input[str]:
    pinned = ground.aws.hosts.machine_image
    if pinned:
        return pinned
    found = aws.ec2.get_ami_output(
        owners=[FEDORA_OWNER],
        most_recent=True,
        filters=[
            {"name": "name", "values": ["fedora-coreos-*"]},
            {"name": "description", "values": ["Fedora CoreOS stable *"]},
            {"name": "architecture", "values": ["x86_64"]},
        ],
        opts=pulumi.InvokeOutputOptions(parent=opts.parent),
    )
    identity: pulumi.Output[str] = found.id
    return identity


def group(
    noun: str,
    ground: Ground,
    subnets: Sequence[pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
    *,
    between: tuple[int, int],
    grace_seconds: int,
    refreshed: Mapping[str, int] = MappingProxyType({}),
    **more: Any,
) -> aws.autoscaling.Group:
    """A fleet of machines, `between` so many: a new template replaces them a few at a time, each by a new one before it goes, and none
    outlives the configured lifetime. `refreshed`: preferences of that replacement beside those of all; `more`: what only this fleet has."""
    return aws.autoscaling.Group(
        ground.noun(noun),
        name=ground.names.group(noun),
        min_size=between[0],
        max_size=between[1],
        vpc_zone_identifiers=list(subnets),
        health_check_grace_period=grace_seconds,
        instance_maintenance_policy={"min_healthy_percentage": 100, "max_healthy_percentage": 150},
        instance_refresh={
            "strategy": "Rolling",
            "preferences": {"min_healthy_percentage": 100, "skip_matching": True, **refreshed},
        },
        max_instance_lifetime=int(ground.aws.hosts.lifetime_seconds),
        tags=_propagated(ground),
        opts=opts,
        **more,
    )


def _propagated(ground: Ground) -> list[dict[str, Any]]:
    """The provider's default tags don't reach what a group launches."""
    return [{"key": key, "value": value, "propagate_at_launch": True} for key, value in sorted(ground.tags.items())]
