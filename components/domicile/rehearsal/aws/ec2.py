"""Amazon EC2: launch templates."""

from __future__ import annotations

from ..kinds import Distinct, Kind, Native, Ref
from ..rules import AtMostOne, Length, OneOf, Pattern, Range, Size, model
from .functions import is_image_of
from .tokens import INSTANCE_PROFILE, LAUNCH_TEMPLATE, SECURITY_GROUP, SUBNET
from .vocabulary import EC2, describes, guide, key, moto, reference, sdk

_EBS = "LaunchTemplateEbsBlockDeviceRequest"
_ON_OFF = ("disabled", "enabled")
_NAME = model("ec2", "LaunchTemplateName")

KINDS: dict[str, Kind] = {
    LAUNCH_TEMPLATE: Kind(
        id="lt-{hex}", arn=EC2 + "launch-template/{id}", missing="InvalidLaunchTemplateId.NotFound", autoname_length=128,
        outputs={"latestVersion": 1, "defaultVersion": 1, "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "optional", "httpPutResponseHopLimit": 1}},
        changing=("latestVersion", "defaultVersion?updateDefaultVersion"), replaces=("name", "namePrefix"), keeps=("description",), one_network=True,
        refs=(
            Ref("vpcSecurityGroupIds[*]", SECURITY_GROUP, "group", holds=False), Ref("networkInterfaces[*].securityGroups[*]", SECURITY_GROUP, "group", holds=False),
            Ref("networkInterfaces[*].subnetId", SUBNET, "subnet", holds=False), Ref("iamInstanceProfile.arn", INSTANCE_PROFILE, "profile", holds=False),
            Ref("iamInstanceProfile.name", INSTANCE_PROFILE, "profile", holds=False), key("blockDeviceMappings[*].ebs.kmsKeyId"),
        ),
        rules=(
            Length("name", 3, 128, source=_NAME), Pattern("name", r"[a-zA-Z0-9\(\)\.\-/_]+", "letters, digits and ().-/_", source=_NAME),
            Length("description", 0, 255, source=model("ec2", "VersionDescription")),
            Size("userData", 16384, encoded=True, source=reference("ec2", "RequestLaunchTemplateData.UserData")),
            OneOf("metadataOptions.httpTokens", ("optional", "required"), source=model("ec2", "LaunchTemplateHttpTokensState")),
            OneOf("metadataOptions.httpEndpoint", _ON_OFF, source=model("ec2", "LaunchTemplateInstanceMetadataEndpointState")),
            OneOf("metadataOptions.httpProtocolIpv6", _ON_OFF, source=model("ec2", "LaunchTemplateInstanceMetadataProtocolIpv6")),
            OneOf("metadataOptions.instanceMetadataTags", _ON_OFF, source=model("ec2", "LaunchTemplateInstanceMetadataTagsState")),
            Range("metadataOptions.httpPutResponseHopLimit", 1, 64, source=reference("ec2", "LaunchTemplateInstanceMetadataOptionsRequest.HttpPutResponseHopLimit")),
            OneOf("blockDeviceMappings[*].ebs.volumeType", ("standard", "io1", "io2", "gp2", "sc1", "st1", "gp3"), source=model("ec2", "VolumeType")),
            Range("blockDeviceMappings[*].ebs.volumeSize", 1, 65536, source=reference("ec2", f"{_EBS}.VolumeSize")),
            Range("blockDeviceMappings[*].ebs.throughput", 125, 2000, source=reference("ec2", f"{_EBS}.Throughput")),
            Range("blockDeviceMappings[*].ebs.iops", 100, 256000, source=reference("ec2", f"{_EBS}.Iops")),
            OneOf("instanceInitiatedShutdownBehavior", ("stop", "terminate"), source=model("ec2", "ShutdownBehavior")),
            AtMostOne(("iamInstanceProfile.arn", "iamInstanceProfile.name"), source=sdk(LAUNCH_TEMPLATE, "iamInstanceProfile.arn")),
            AtMostOne(("networkInterfaces[*].securityGroups", "vpcSecurityGroupIds"), source=sdk(LAUNCH_TEMPLATE, "vpcSecurityGroupIds")),
            AtMostOne(("instanceType", "instanceRequirements"), source=reference("ec2", "RequestLaunchTemplateData.InstanceType")),
            Pattern("instanceType", r"[a-z0-9-]+\.(?:nano|micro|small|medium|large|x?large|\d+xlarge|metal(?:-\w+)?)", "such as m7g.large", source=model("ec2", "InstanceType")),
            Pattern("imageId", r"ami-[0-9a-f]{8,17}|resolve:ssm:.+", "an AMI's id, or resolve:ssm:PARAMETER", source=reference("ec2", "RequestLaunchTemplateData.ImageId")),
        ),
        world=(
            Distinct(("name",), moto("ec2/exceptions.py"), code="InvalidLaunchTemplateName.AlreadyExistsException"),
            Native("imageId", is_image_of, guide("Amazon EC2 User Guide, Resource locations"), code="InvalidAMIID.NotFound"),
        ),
        actions=describes("ec2", "CreateLaunchTemplate CreateTags DescribeLaunchTemplates DescribeLaunchTemplateVersions iam:PassRole",
                          "DescribeLaunchTemplates DescribeLaunchTemplateVersions",
                          "CreateLaunchTemplateVersion ModifyLaunchTemplate CreateTags DeleteTags iam:PassRole", "DeleteLaunchTemplate"),
    ),
}  # fmt: skip
