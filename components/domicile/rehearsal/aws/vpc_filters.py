"""Amazon VPC's own packet filters: security groups and network ACLs."""

from __future__ import annotations

from ..kinds import Distinct, Kind, Ref
from ..rules import AtLeastOne, AtMostOne, Excludes, Length, Needs, Network, Never, OneOf, Pattern, Range, model
from .tokens import NETWORK_ACL, SECURITY_GROUP, SUBNET
from .vocabulary import EC2, describes, moto, prefix_list, provider, reference, schema, sdk, vpc

_GROUP_TEXT = reference("ec2", "CreateSecurityGroupRequest.Description")
_GROUP_CHARACTERS = r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*"
_RULE_TEXT = reference("ec2", "IpRange.Description")
_SINGLE = provider("ec2/vpc_security_group_ingress_rule.go", "00a322094b4b")  # the same operations take a group's own rules
_GROUP = provider("ec2/vpc_security_group.go", "01606926a0c0")
_ACL = provider("ec2/vpc_network_acl.go", "0620f2a6a126")
_ENTRY = reference("ec2", "CreateNetworkAclEntryRequest.CidrBlock")
_PORTED = ("tcp", "udp", "icmp", "6", "17", "1")
_GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"


def _group_rules(at: str) -> tuple[Length | OneOf | Range | Network | Pattern, ...]:
    """What holds of each rule in a security group."""
    return (
        Network(f"{at}[*].cidrBlocks[*]", source=_GROUP),
        Network(f"{at}[*].ipv6CidrBlocks[*]", version=6, source=_GROUP),
        Range(f"{at}[*].fromPort", -1, 65535, source=_SINGLE),
        Range(f"{at}[*].toPort", -1, 65535, source=_SINGLE),
        Length(f"{at}[*].description", 0, 255, source=_RULE_TEXT),
        Pattern(f"{at}[*].description", _GROUP_CHARACTERS, "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*", source=_RULE_TEXT),
    )


def _single_rule(verb: str) -> Kind:
    token = f"aws:vpc/securityGroup{verb}Rule:SecurityGroup{verb}Rule"
    ports = sdk(token, "toPort")
    one_source = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
    return Kind(
        id="sgr-{hex}", arn=EC2 + "security-group-rule/{id}", outputs={"securityGroupRuleId": "{id}"}, autoname="-",
        replaces=("securityGroupId",),
        refs=(
            Ref("securityGroupId", SECURITY_GROUP, "group", holds=False, part=True),
            Ref("referencedSecurityGroupId", SECURITY_GROUP, "other", prefix=""),
            prefix_list("prefixListId"),
        ),
        one_network=True,
        rules=(
            AtLeastOne(one_source, source=schema(f"EC2::SecurityGroup{verb}", "requiredXor")),
            AtMostOne(one_source, source=schema(f"EC2::SecurityGroup{verb}", "requiredXor")),
            Network("cidrIpv4", source=_SINGLE), Network("cidrIpv6", version=6, source=_SINGLE),
            Range("fromPort", -1, 65535, source=_SINGLE), Range("toPort", -1, 65535, source=_SINGLE),
            Excludes("ipProtocol", "fromPort", ("-1",), source=sdk(token, "ipProtocol")),
            Excludes("ipProtocol", "toPort", ("-1",), source=sdk(token, "ipProtocol")),
            Needs("ipProtocol", "fromPort", _PORTED, source=ports), Needs("ipProtocol", "toPort", _PORTED, source=ports),
            Length("description", 0, 255, source=_RULE_TEXT),
            Pattern("description", _GROUP_CHARACTERS, "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*", source=_RULE_TEXT),
        ),
        world=(Distinct(("securityGroupId", "ipProtocol", "fromPort", "toPort", *one_source), moto("ec2/exceptions.py"), code="InvalidPermission.Duplicate"),),
        in_use="DependencyViolation", missing="InvalidGroup.NotFound",
        actions=describes("ec2", f"AuthorizeSecurityGroup{verb} CreateTags", "DescribeSecurityGroupRules",
                          "ModifySecurityGroupRules CreateTags DeleteTags", f"RevokeSecurityGroup{verb}"),
    )  # fmt: skip


KINDS: dict[str, Kind] = {
    SECURITY_GROUP: Kind(
        id="sg-{hex}", arn=EC2 + "security-group/{id}", outputs={"ownerId": "{account}", "vpcId": "", "description": "Managed by Pulumi"},
        replaces=("vpcId", "description", "name", "namePrefix"), missing="InvalidGroup.NotFound",
        refs=(vpc(), Ref("ingress[*].securityGroups[*]", SECURITY_GROUP, "peer"), Ref("egress[*].securityGroups[*]", SECURITY_GROUP, "peer"),
              prefix_list("ingress[*].prefixListIds[*]"),
              prefix_list("egress[*].prefixListIds[*]")),
        one_network=True,
        rules=(
            Length("name", 0, 255, source=_GROUP_TEXT), Length("description", 0, 255, source=_GROUP_TEXT),
            Pattern("name", _GROUP_CHARACTERS, "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*", source=_GROUP_TEXT),
            Pattern("description", _GROUP_CHARACTERS, "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*", source=_GROUP_TEXT),
            Never("name", r"^sg-", "it can't start with 'sg-'", source=reference("ec2", "CreateSecurityGroupRequest.GroupName")),
            *_group_rules("ingress"), *_group_rules("egress"),
        ),
        world=(Distinct(("name", "vpcId"), reference("ec2", "CreateSecurityGroupRequest.GroupName"), code="InvalidGroup.Duplicate", folded=True),),
        actions=describes("ec2", "CreateSecurityGroup CreateTags AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress "
                          "RevokeSecurityGroupEgress DescribeSecurityGroups", "DescribeSecurityGroups DescribeSecurityGroupRules",
                          "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress RevokeSecurityGroupEgress "
                          "CreateTags DeleteTags", "DeleteSecurityGroup DescribeNetworkInterfaces"),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _single_rule("Ingress"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _single_rule("Egress"),
    _GROUP_RULE: Kind(
        id="sgrule-{number}", outputs={"securityGroupRuleId": "sgr-{hex}", "sourceSecurityGroupId": ""}, one_network=True,
        replaces=("type", "fromPort", "toPort", "protocol", "cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "securityGroupId", "self",
                  "sourceSecurityGroupId"),
        refs=(Ref("securityGroupId", SECURITY_GROUP, "group", holds=False, part=True), Ref("sourceSecurityGroupId", SECURITY_GROUP, "peer"),
              prefix_list("prefixListIds[*]")),
        rules=(
            OneOf("type", ("ingress", "egress"), source=sdk(_GROUP_RULE, "type")),
            AtLeastOne(("cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "self", "sourceSecurityGroupId"), source=sdk(_GROUP_RULE, "region")),
            *(AtMostOne((one, "self"), source=sdk(_GROUP_RULE, "self")) for one in ("cidrBlocks", "ipv6CidrBlocks", "sourceSecurityGroupId")),
            *(AtMostOne((one, "sourceSecurityGroupId"), source=sdk(_GROUP_RULE, one)) for one in ("cidrBlocks", "ipv6CidrBlocks")),
            Network("cidrBlocks[*]", source=_GROUP), Range("fromPort", -1, 65535, source=_SINGLE), Range("toPort", -1, 65535, source=_SINGLE),
        ),
        actions=describes("ec2", "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress", "DescribeSecurityGroups DescribeSecurityGroupRules",
                          "UpdateSecurityGroupRuleDescriptionsIngress UpdateSecurityGroupRuleDescriptionsEgress",
                          "RevokeSecurityGroupIngress RevokeSecurityGroupEgress"),
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Kind(
        id="{ref[vpc][defaultSecurityGroupId]}", arn=EC2 + "security-group/{id}", refs=(vpc(holds=False, part=True),), replaces=("vpcId",),
        outputs={"ownerId": "{account}", "name": "default", "description": "default VPC security group"}, autoname="-", network="vpcId",
        rules=(*_group_rules("ingress"), *_group_rules("egress")),
        actions=describes("ec2", "DescribeSecurityGroups RevokeSecurityGroupIngress RevokeSecurityGroupEgress AuthorizeSecurityGroupIngress "
                          "AuthorizeSecurityGroupEgress CreateTags", "DescribeSecurityGroups", "AuthorizeSecurityGroupIngress "
                          "AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress RevokeSecurityGroupEgress CreateTags DeleteTags", ""),
    ),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": Kind(
        id="{defaultNetworkAclId}", arn=EC2 + "network-acl/{id}", replaces=("defaultNetworkAclId",), one_network=True,
        outputs={"ownerId": "{account}", "vpcId": "{ref[vpc][id]}"},
        refs=(Ref("defaultNetworkAclId", NETWORK_ACL, "vpc", holds=False, part=True), Ref("subnetIds[*]", SUBNET, "subnet", holds=False)),
        actions=describes("ec2", "DescribeNetworkAcls DeleteNetworkAclEntry CreateNetworkAclEntry CreateTags", "DescribeNetworkAcls",
                          "CreateNetworkAclEntry DeleteNetworkAclEntry ReplaceNetworkAclAssociation CreateTags DeleteTags", ""),
    ),
    NETWORK_ACL: Kind(
        id="acl-{hex}", arn=EC2 + "network-acl/{id}", outputs={"ownerId": "{account}"}, replaces=("vpcId",), one_network=True,
        missing="InvalidNetworkAclID.NotFound", refs=(vpc(), Ref("subnetIds[*]", SUBNET, "subnet", holds=False)),
        rules=tuple(
            rule
            for at in ("ingress", "egress")
            for rule in (
                Range(f"{at}[*].ruleNo", 1, 32766, source=reference("ec2", "CreateNetworkAclEntryRequest.RuleNumber")),
                OneOf(f"{at}[*].action", ("allow", "deny"), source=model("ec2", "RuleAction")),
                Network(f"{at}[*].cidrBlock", source=_ACL), Range(f"{at}[*].fromPort", 0, 65535, source=_ACL),
                Range(f"{at}[*].toPort", 0, 65535, source=_ACL),
            )
        ),
        actions=describes("ec2", "CreateNetworkAcl CreateTags CreateNetworkAclEntry DeleteNetworkAclEntry ReplaceNetworkAclAssociation "
                          "DescribeNetworkAcls", "DescribeNetworkAcls", "CreateNetworkAclEntry DeleteNetworkAclEntry "
                          "ReplaceNetworkAclAssociation CreateTags DeleteTags", "DeleteNetworkAcl ReplaceNetworkAclAssociation DescribeNetworkAcls"),
    ),
    "aws:ec2/networkAclRule:NetworkAclRule": Kind(
        id="nacl-{number}", refs=(Ref("networkAclId", NETWORK_ACL, "acl", holds=False, part=True),),
        replaces=("networkAclId", "ruleNumber", "egress", "protocol", "ruleAction", "cidrBlock", "ipv6CidrBlock", "fromPort", "toPort",
                  "icmpType", "icmpCode"),
        rules=(
            Range("ruleNumber", 1, 32766, source=reference("ec2", "CreateNetworkAclEntryRequest.RuleNumber")),
            OneOf("ruleAction", ("allow", "deny"), source=model("ec2", "RuleAction")),
            AtLeastOne(("cidrBlock", "ipv6CidrBlock"), source=schema("EC2::NetworkAclEntry", "requiredXor")),
            AtMostOne(("cidrBlock", "ipv6CidrBlock"), source=schema("EC2::NetworkAclEntry", "requiredXor")),
            Network("cidrBlock", cleared=True, source=_ENTRY), Range("fromPort", 0, 65535, source=_ACL), Range("toPort", 0, 65535, source=_ACL),
        ),
        world=(Distinct(("networkAclId", "ruleNumber", "egress"), moto("ec2/exceptions.py"), code="NetworkAclEntryAlreadyExists"),),
        actions=describes("ec2", "CreateNetworkAclEntry", "DescribeNetworkAcls", "", "DeleteNetworkAclEntry"),
    ),
    "aws:ec2/networkAclAssociation:NetworkAclAssociation": Kind(
        id="aclassoc-{hex}", replaces=("subnetId", "networkAclId"), one_network=True,
        refs=(Ref("networkAclId", NETWORK_ACL, "acl"), Ref("subnetId", SUBNET, "subnet", holds=False, part=True)),
        actions=describes("ec2", "ReplaceNetworkAclAssociation DescribeNetworkAcls", "DescribeNetworkAcls", "", "ReplaceNetworkAclAssociation "
                          "DescribeNetworkAcls"),
    ),
}  # fmt: skip
