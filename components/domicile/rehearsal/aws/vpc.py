"""Amazon VPC: networks, subnets, routes, gateways, security groups, network ACLs, endpoints, flow logs."""

from __future__ import annotations

from ..kinds import Apart, Demand, Distinct, Inside, Kind, Native, Neighbour, OnePer, Ref
from ..rules import (
    AtLeastOne,
    AtMostOne,
    Excludes,
    Length,
    Needs,
    Network,
    Never,
    OneOf,
    Pattern,
    Policy,
    Range,
    Where,
    model,
)
from .functions import is_service_of, is_zone_of
from .tokens import (
    BUCKET,
    DHCP_OPTIONS,
    EGRESS_GATEWAY,
    EIP,
    ENDPOINT,
    INTERNET_ATTACHMENT,
    INTERNET_GATEWAY,
    LOG_GROUP,
    NAT_GATEWAY,
    NETWORK_ACL,
    PREFIX_LIST,
    ROUTE_TABLE,
    SECURITY_GROUP,
    SUBNET,
    VPC,
)
from .vocabulary import EC2, describes, guide, moto, provider, reference, report, role, schema, sdk, security_groups, subnets, vpc

_SIZE = reference("ec2", "CreateSubnet")
_GROUP_TEXT = reference("ec2", "CreateSecurityGroupRequest.Description")
_GROUP_CHARACTERS = r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*"
_RULE_TEXT = reference("ec2", "IpRange.Description")
_SINGLE = provider("ec2/vpc_security_group_ingress_rule.go", "00a322094b4b")  # the same operations take a group's own rules
_GROUP = provider("ec2/vpc_security_group.go", "01606926a0c0")
_ROUTE_TABLE = provider("ec2/vpc_route_table.go", "022092419b7c")
_ROUTE = provider("ec2/vpc_route.go", "0128541e0711")
_ACL = provider("ec2/vpc_network_acl.go", "0620f2a6a126")
_ENTRY = reference("ec2", "CreateNetworkAclEntryRequest.CidrBlock")
_FLOW_LOG = provider("ec2/vpc_flow_log.go", "00a35305dc1b")
_PORTED = ("tcp", "udp", "icmp", "6", "17", "1")
_GATEWAYS = guide("AWS PrivateLink, Gateway endpoints")  # of S3, directory buckets apart
_ENDPOINT_POLICY = guide("AWS PrivateLink, AWS PrivateLink quotas")  # white space counts
_GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
_ENDPOINT_OF = ("serviceName", "serviceNetworkArn", "resourceConfigurationArn")
_LOGGED = ("vpcId", "subnetId", "eniId", "transitGatewayId", "transitGatewayAttachmentId", "regionalNatGatewayId")
_OUR_LISTS = r"pl-[0-9a-f]{8}"  # AWS's own prefix lists have short ids, a team's long ones
_TARGETS = ("gatewayId", "natGatewayId", "vpcEndpointId", "egressOnlyGatewayId", "transitGatewayId", "networkInterfaceId",
            "vpcPeeringConnectionId", "localGatewayId", "carrierGatewayId", "coreNetworkArn", "odbNetworkArn")  # fmt: skip
_DESTINATIONS = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")


def _route_refs(at: str = "") -> tuple[Ref, ...]:
    return (
        Ref(f"{at}gatewayId", (INTERNET_GATEWAY,), "internet", outside="local|vgw-.*"),
        Ref(f"{at}natGatewayId", NAT_GATEWAY, "nat", holds=False),  # a deleted NAT gateway leaves a black hole
        Ref(f"{at}vpcEndpointId", ENDPOINT, "endpoint"),
        Ref(f"{at}egressOnlyGatewayId", EGRESS_GATEWAY, "egress"),
    )


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
            Ref("prefixListId", PREFIX_LIST, "list", outside=_OUR_LISTS),
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
    VPC: Kind(
        id="vpc-{hex}", arn=EC2 + "vpc/{id}", network="id", missing="InvalidVpcID.NotFound",
        outputs={
            "ownerId": "{account}", "mainRouteTableId": "rtb-{hex.main}", "defaultRouteTableId": "rtb-{hex.main}",
            "defaultSecurityGroupId": "sg-{hex.default}", "defaultNetworkAclId": "acl-{hex.default}", "dhcpOptionsId": "dopt-{hex8.default}",
            "ipv6AssociationId": "", "ipv6CidrBlock": "", "ipv6CidrBlockNetworkBorderGroup": "", "ipv6NetmaskLength": 0,
            "enableDnsSupport": True, "enableDnsHostnames": False, "instanceTenancy": "default",
        },
        also={SECURITY_GROUP: "{defaultSecurityGroupId}", ROUTE_TABLE: "{mainRouteTableId}", NETWORK_ACL: "{defaultNetworkAclId}"},
        replaces=("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
        rules=(
            AtLeastOne(("cidrBlock", "ipv4IpamPoolId"), source=reference("ec2", "CreateVpc")),
            Network("cidrBlock", 16, 28, source=_SIZE),
            OneOf("instanceTenancy", ("default", "dedicated"), source=reference("ec2", "CreateVpcRequest.InstanceTenancy")),
            AtMostOne(("cidrBlock", "ipv4NetmaskLength"), source=provider("ec2/vpc_.go", "00081ce41cc6")),
        ),
        actions=describes("ec2", "CreateVpc CreateTags ModifyVpcAttribute DescribeVpcs", "DescribeVpcs DescribeVpcAttribute DescribeRouteTables "
                          "DescribeNetworkAcls DescribeSecurityGroups", "ModifyVpcAttribute CreateTags DeleteTags", "DeleteVpc"),
    ),
    SUBNET: Kind(
        id="subnet-{hex}", arn=EC2 + "subnet/{id}", missing="InvalidSubnetID.NotFound", refs=(vpc(),),
        outputs={"ownerId": "{account}", "availabilityZone": "{region}a", "availabilityZoneId": "{hex6.zone}-az1", "ipv6CidrBlock": "",
                 "ipv6CidrBlockAssociationId": "", "privateDnsHostnameTypeOnLaunch": "ip-name"},
        replaces=("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "outpostArn", "ipv6Native", "ipv4IpamPoolId",
                  "ipv4NetmaskLength", "ipv6IpamPoolId", "ipv6NetmaskLength"),
        rules=(
            Network("cidrBlock", 16, 28, source=_SIZE),
            AtMostOne(("availabilityZone", "availabilityZoneId"), source=schema("EC2::Subnet", "dependentExcluded")),
            OneOf("privateDnsHostnameTypeOnLaunch", ("ip-name", "resource-name"), source=model("ec2", "HostnameType")),
        ),
        world=(
            Inside("cidrBlock", "vpc", "cidrBlock", _SIZE), Apart("cidrBlock", "vpc", _SIZE),
            Native("availabilityZone", is_zone_of, reference("ec2", "CreateSubnetRequest.AvailabilityZone"), code="InvalidParameterValue"),
        ),
        actions=describes("ec2", "CreateSubnet CreateTags ModifySubnetAttribute DescribeSubnets", "DescribeSubnets",
                          "ModifySubnetAttribute CreateTags DeleteTags", "DeleteSubnet"),
    ),
    ROUTE_TABLE: Kind(
        id="rtb-{hex}", arn=EC2 + "route-table/{id}", outputs={"ownerId": "{account}"}, replaces=("vpcId",), missing="InvalidRouteTableID.NotFound",
        refs=(vpc(), *_route_refs("routes[*]."), ), one_network=True,
        rules=(Network("routes[*].cidrBlock", source=_ROUTE_TABLE), Network("routes[*].ipv6CidrBlock", version=6, source=_ROUTE_TABLE)),
        actions=describes("ec2", "CreateRouteTable CreateTags CreateRoute DescribeRouteTables", "DescribeRouteTables",
                          "CreateRoute ReplaceRoute DeleteRoute CreateTags DeleteTags", "DeleteRouteTable"),
    ),
    "aws:ec2/route:Route": Kind(
        id="r-{routeTableId}{number}", outputs={"state": "active", "origin": "CreateRoute", "instanceId": "", "instanceOwnerId": "",
                                                "networkInterfaceId": ""},
        replaces=("routeTableId", *_DESTINATIONS), one_network=True,
        refs=(Ref("routeTableId", ROUTE_TABLE, "table", holds=False, part=True), *_route_refs(),
              Ref("destinationPrefixListId", PREFIX_LIST, "list", outside=_OUR_LISTS)),
        rules=(
            AtLeastOne(_DESTINATIONS, source=reference("ec2", "CreateRoute")), AtMostOne(_DESTINATIONS, source=_ROUTE),
            AtLeastOne(_TARGETS, source=reference("ec2", "CreateRoute")), AtMostOne(_TARGETS, source=reference("ec2", "CreateRoute")),
            Network("destinationCidrBlock", source=_ROUTE), Network("destinationIpv6CidrBlock", version=6, source=_ROUTE),
        ),
        world=(Distinct(("routeTableId", *_DESTINATIONS), moto("ec2/exceptions.py"), code="RouteAlreadyExists"),),
        actions=describes("ec2", "CreateRoute DescribeRouteTables", "DescribeRouteTables", "ReplaceRoute", "DeleteRoute"),
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Kind(
        id="rtbassoc-{hex}", replaces=("subnetId", "gatewayId"), one_network=True,
        refs=(Ref("routeTableId", ROUTE_TABLE, "table"), Ref("subnetId", SUBNET, "subnet", holds=False, part=True),
              Ref("gatewayId", INTERNET_GATEWAY, "internet")),
        rules=(AtLeastOne(("subnetId", "gatewayId"), source=sdk("aws:ec2/routeTableAssociation:RouteTableAssociation", "routeTableId")),
               AtMostOne(("subnetId", "gatewayId"), source=sdk("aws:ec2/routeTableAssociation:RouteTableAssociation", "gatewayId"))),
        world=(Distinct(("subnetId",), report("hashicorp/terraform-provider-aws #38960", "2024-08-21"), code="Resource.AlreadyAssociated"),),
        actions=describes("ec2", "AssociateRouteTable DescribeRouteTables", "DescribeRouteTables", "ReplaceRouteTableAssociation",
                          "DisassociateRouteTable"),
    ),
    "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation": Kind(
        id="rtbassoc-{hex}", outputs={"originalRouteTableId": "{ref[vpc][mainRouteTableId]}"}, replaces=("vpcId",), one_network=True,
        refs=(vpc(holds=False, part=True), Ref("routeTableId", ROUTE_TABLE, "table")),
        actions=describes("ec2", "ReplaceRouteTableAssociation DescribeRouteTables", "DescribeRouteTables", "ReplaceRouteTableAssociation",
                          "ReplaceRouteTableAssociation"),
    ),
    INTERNET_GATEWAY: Kind(
        id="igw-{hex}", arn=EC2 + "internet-gateway/{id}", outputs={"ownerId": "{account}", "vpcId": ""}, refs=(vpc(),),
        missing="InvalidInternetGatewayID.NotFound",
        world=(Distinct(("vpcId",), report("binlab/terraform-aws-vault-ha-raft #54", "2021-07-29"), code="InvalidParameterValue"),),
        actions=describes("ec2", "CreateInternetGateway AttachInternetGateway CreateTags DescribeInternetGateways", "DescribeInternetGateways",
                          "AttachInternetGateway DetachInternetGateway CreateTags DeleteTags", "DetachInternetGateway DeleteInternetGateway"),
    ),
    INTERNET_ATTACHMENT: Kind(
        id="{internetGatewayId}:{vpcId}", replaces=("internetGatewayId", "vpcId"),
        refs=(Ref("internetGatewayId", INTERNET_GATEWAY, "internet"), vpc()),
        actions=describes("ec2", "AttachInternetGateway", "DescribeInternetGateways", "", "DetachInternetGateway"),
    ),
    EGRESS_GATEWAY: Kind(
        id="eigw-{hex}", replaces=("vpcId",), refs=(vpc(),),
        actions=describes("ec2", "CreateEgressOnlyInternetGateway CreateTags", "DescribeEgressOnlyInternetGateways", "CreateTags DeleteTags",
                          "DeleteEgressOnlyInternetGateway"),
    ),
    EIP: Kind(
        id="eipalloc-{hex}", arn=EC2 + "elastic-ip/{id}", missing="InvalidAllocationID.NotFound", in_use="AuthFailure",
        outputs={"allocationId": "{id}", "publicIp": "198.51.100.7", "domain": "vpc", "associationId": "", "privateIp": "", "privateDns": "",
                 "publicDns": "ec2-198-51-100-7.{region}.compute.amazonaws.com", "instance": "", "networkInterface": "", "carrierIp": "",
                 "customerOwnedIp": "", "ipamPoolId": "", "ptrRecord": "", "publicIpv4Pool": "amazon", "networkBorderGroup": "{region}"},
        replaces=("address", "customerOwnedIpv4Pool", "domain", "networkBorderGroup", "publicIpv4Pool", "ipamPoolId"),
        rules=(OneOf("domain", ("vpc",), source=reference("ec2", "AllocateAddressRequest.Domain")),),
        actions=describes("ec2", "AllocateAddress CreateTags DescribeAddresses", "DescribeAddresses DescribeAddressesAttribute",
                          "AssociateAddress DisassociateAddress CreateTags DeleteTags", "ReleaseAddress"),
    ),
    NAT_GATEWAY: Kind(
        id="nat-{hex}", missing="NatGatewayNotFound", one_network=True,
        outputs={"associationId": "eipassoc-{hex.eip}", "networkInterfaceId": "eni-{hex.eni}", "privateIp": "", "publicIp": "{ref[address][publicIp]}",
                 "vpcId": "{ref[subnet][vpcId]}", "availabilityMode": "zonal", "autoProvisionZones": "", "autoScalingIps": "",
                 "regionalNatGatewayAutoMode": "", "routeTableId": ""},
        replaces=("subnetId", "allocationId", "connectivityType", "privateIp", "vpcId", "availabilityMode"),
        refs=(Ref("subnetId", SUBNET, "subnet"), Ref("allocationId", EIP, "address")),
        rules=(
            OneOf("connectivityType", ("private", "public"), source=model("ec2", "ConnectivityType")),
            Excludes("connectivityType", "allocationId", ("private",), source=reference("ec2", "CreateNatGatewayRequest.AllocationId")),
            *(
                Where("availabilityMode", ("zonal", None), rule, source=rule.source)
                for rule in (AtLeastOne(("subnetId",), source=sdk("aws:ec2/natGateway:NatGateway", "subnetId")),
                             Needs("connectivityType", "allocationId", ("public", None), source=sdk("aws:ec2/natGateway:NatGateway", "allocationId")))
            ),
            Excludes("availabilityMode", "subnetId", ("regional",), source=sdk("aws:ec2/natGateway:NatGateway", "subnetId")),
            Needs("availabilityMode", "vpcId", ("regional",), source=sdk("aws:ec2/natGateway:NatGateway", "vpcId")),
        ),
        world=(
            Neighbour((INTERNET_GATEWAY, INTERNET_ATTACHMENT), "subnet", "vpcId", VPC, reference("ec2", "NatGateway.FailureMessage"),
                      "connectivityType", (None, "public")),
            Distinct(("allocationId",), reference("ec2", "CreateNatGatewayRequest.AllocationId"), code="Resource.AlreadyAssociated"),
        ),
        actions=describes("ec2", "CreateNatGateway CreateTags DescribeNatGateways", "DescribeNatGateways", "CreateTags DeleteTags",
                          "DeleteNatGateway DescribeNatGateways"),
    ),
    SECURITY_GROUP: Kind(
        id="sg-{hex}", arn=EC2 + "security-group/{id}", outputs={"ownerId": "{account}", "vpcId": "", "description": "Managed by Pulumi"},
        replaces=("vpcId", "description", "name", "namePrefix"), missing="InvalidGroup.NotFound",
        refs=(vpc(), Ref("ingress[*].securityGroups[*]", SECURITY_GROUP, "peer"), Ref("egress[*].securityGroups[*]", SECURITY_GROUP, "peer"),
              Ref("ingress[*].prefixListIds[*]", PREFIX_LIST, "list", outside=_OUR_LISTS),
              Ref("egress[*].prefixListIds[*]", PREFIX_LIST, "list", outside=_OUR_LISTS)),
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
              Ref("prefixListIds[*]", PREFIX_LIST, "list", outside=_OUR_LISTS)),
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
    "aws:ec2/defaultRouteTable:DefaultRouteTable": Kind(
        id="{defaultRouteTableId}", arn=EC2 + "route-table/{id}", replaces=("defaultRouteTableId",), one_network=True,
        outputs={"ownerId": "{account}", "vpcId": "{ref[vpc][id]}"},
        refs=(Ref("defaultRouteTableId", ROUTE_TABLE, "vpc", holds=False, part=True), *_route_refs("routes[*].")),
        actions=describes("ec2", "DescribeRouteTables DeleteRoute CreateRoute CreateTags", "DescribeRouteTables",
                          "CreateRoute ReplaceRoute DeleteRoute CreateTags DeleteTags", ""),
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
    ENDPOINT: Kind(
        id="vpce-{hex}", arn=EC2 + "vpc-endpoint/{id}", one_network=True, missing="InvalidVpcEndpointId.NotFound",
        outputs={
            "ownerId": "{account}", "state": "available", "requesterManaged": False, "prefixListId": "", "ipAddressType": "ipv4",
            "policy": '{{"Statement":[{{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}}],"Version":"2008-10-17"}}',
            "dnsEntries": [{"dnsName": "{id}-{hex8.dns}.{serviceName}", "hostedZoneId": "Z{hex16.zone}"}],
            "networkInterfaceIds": ["eni-{hex.a}"], "serviceRegion": "{region}", "dnsOptions": {"dnsRecordIpType": "ipv4"},
        },
        replaces=("vpcId", "serviceName", "serviceRegion", "vpcEndpointType", "serviceNetworkArn", "resourceConfigurationArn"),
        keeps=("privateDnsEnabled",),
        refs=(vpc(), subnets(), security_groups(), Ref("routeTableIds[*]", ROUTE_TABLE, "table", holds=False)),
        rules=(
            OneOf("vpcEndpointType", ("Interface", "Gateway", "GatewayLoadBalancer", "Resource", "ServiceNetwork", "Tunnel"),
                  source=model("ec2", "VpcEndpointType")),
            OneOf("ipAddressType", ("ipv4", "dualstack", "ipv6"), source=model("ec2", "IpAddressType")),
            OneOf("dnsOptions.dnsRecordIpType", ("ipv4", "dualstack", "ipv6", "service-defined"), source=model("ec2", "DnsRecordIpType")),
            AtLeastOne(_ENDPOINT_OF, source=sdk(ENDPOINT, "serviceName")), AtMostOne(_ENDPOINT_OF, source=sdk(ENDPOINT, "serviceName")),
            Excludes("vpcEndpointType", "routeTableIds", ("Interface",), source=reference("ec2", "CreateVpcEndpointRequest.RouteTableIds")),
            Excludes("vpcEndpointType", "subnetIds", ("Gateway", None), source=reference("ec2", "CreateVpcEndpointRequest.SubnetIds")),
            Excludes("vpcEndpointType", "securityGroupIds", ("Gateway", None), source=reference("ec2", "CreateVpcEndpointRequest.SecurityGroupIds")),
            Policy("policy", "resource", 20480, compact=False, source=_ENDPOINT_POLICY),
            Where("vpcEndpointType", ("Gateway", None), Pattern("serviceName", r".*\.(?:s3|dynamodb|s3express)", "only S3 and DynamoDB have gateways",
                                                                source=_GATEWAYS), source=_GATEWAYS),
        ),
        world=(
            Native("serviceName", is_service_of, reference("ec2", "CreateVpcEndpointRequest.ServiceRegion"), region="serviceRegion", code="InvalidServiceName"),
            OnePer("subnet", "availabilityZone", report("terraform-aws-modules/terraform-aws-vpc #583", "2021-02-03"), code="DuplicateSubnetsInSameZone"),
            Demand("vpc", {"enableDnsSupport": True, "enableDnsHostnames": True}, reference("ec2", "CreateVpcEndpointRequest.PrivateDnsEnabled"),
                   "privateDnsEnabled", (True,)),
        ),
        actions=describes("ec2", "CreateVpcEndpoint CreateTags DescribeVpcEndpoints route53:AssociateVPCWithHostedZone",
                          "DescribeVpcEndpoints DescribePrefixLists", "ModifyVpcEndpoint CreateTags DeleteTags", "DeleteVpcEndpoints DescribeVpcEndpoints"),
    ),
    "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy": Kind(
        id="{vpcEndpointId}", replaces=("vpcEndpointId",), refs=(Ref("vpcEndpointId", ENDPOINT, "endpoint", holds=False, part=True),),
        rules=(Policy("policy", "resource", 20480, compact=False, source=_ENDPOINT_POLICY),),
        actions=describes("ec2", "ModifyVpcEndpoint DescribeVpcEndpoints", "DescribeVpcEndpoints", "ModifyVpcEndpoint", "ModifyVpcEndpoint"),
    ),
    "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation": Kind(
        id="a-{vpcEndpointId}{number}", replaces=("vpcEndpointId", "routeTableId"), one_network=True,
        refs=(Ref("vpcEndpointId", ENDPOINT, "endpoint", holds=False, part=True), Ref("routeTableId", ROUTE_TABLE, "table", holds=False)),
        world=(Distinct(("vpcEndpointId", "routeTableId"), report("eksctl-io/eksctl #2510", "2021-09-06"), code="RouteAlreadyExists"),),
        actions=describes("ec2", "ModifyVpcEndpoint", "DescribeVpcEndpoints", "", "ModifyVpcEndpoint"),
    ),
    PREFIX_LIST: Kind(
        id="pl-{hex}", arn=EC2 + "prefix-list/{id}", outputs={"ownerId": "{account}", "version": 1}, changing=("version",),
        replaces=("addressFamily",), missing="InvalidPrefixListID.NotFound",
        rules=(
            OneOf("addressFamily", ("IPv4", "IPv6"), source=reference("ec2", "CreateManagedPrefixListRequest.AddressFamily")),
            Length("name", 1, 255, source=reference("ec2", "CreateManagedPrefixListRequest.PrefixListName")),
            Never("name", r"^com\.amazonaws", "it can't start with com.amazonaws", source=reference("ec2", "CreateManagedPrefixListRequest.PrefixListName")),
            Network("entries[*].cidr", version=0, cleared=True, source=provider("ec2/vpc_managed_prefix_list.go", "007fe432912e")),
        ),
        actions=describes("ec2", "CreateManagedPrefixList CreateTags DescribeManagedPrefixLists", "DescribeManagedPrefixLists GetManagedPrefixListEntries",
                          "ModifyManagedPrefixList CreateTags DeleteTags", "DeleteManagedPrefixList"),
    ),
    "aws:ec2/flowLog:FlowLog": Kind(
        id="fl-{hex}", arn=EC2 + "vpc-flow-log/{id}", outputs={"logFormat": "${{version}} ${{account-id}} ${{interface-id}} ${{srcaddr}} ${{dstaddr}}"},
        replaces=("deliverCrossAccountRole", "destinationOptions", "eniId", "iamRoleArn", "logDestination", "logDestinationType", "logFormat",
                  "maxAggregationInterval", "subnetId", "tagFieldSpecifications", "trafficType", "transitGatewayAttachmentId", "transitGatewayId", "vpcId"),
        refs=(vpc(holds=False, part=True), Ref("subnetId", SUBNET, "subnet", holds=False, part=True), role("iamRoleArn"),
              Ref("logDestination", (LOG_GROUP, BUCKET), "destination", holds=False, outside=r"arn:[^:]+:firehose:.*|arn:[^:]+:s3:::[^/]+/.*")),
        rules=(
            AtLeastOne(_LOGGED, source=sdk("aws:ec2/flowLog:FlowLog", "vpcId")), AtMostOne(_LOGGED, source=_FLOW_LOG),
            OneOf("trafficType", ("ACCEPT", "REJECT", "ALL"), source=model("ec2", "TrafficType")),
            Needs("vpcId", "trafficType", source=reference("ec2", "CreateFlowLogsRequest.TrafficType")),
            OneOf("logDestinationType", ("cloud-watch-logs", "s3", "kinesis-data-firehose"), source=model("ec2", "LogDestinationType")),
            OneOf("maxAggregationInterval", (60, 600), source=reference("ec2", "CreateFlowLogsRequest.MaxAggregationInterval")),
            Needs("logDestinationType", "iamRoleArn", ("cloud-watch-logs", None), source=reference("ec2", "CreateFlowLogsRequest.DeliverLogsPermissionArn")),
            Excludes("logDestinationType", "iamRoleArn", ("s3",), source=report("aws-samples/aws-secure-environment-accelerator #1111", "2023-02-22")),
        ),
        actions=describes("ec2", "CreateFlowLogs CreateTags DescribeFlowLogs logs:CreateLogDelivery iam:PassRole", "DescribeFlowLogs",
                          "CreateTags DeleteTags", "DeleteFlowLogs logs:DeleteLogDelivery"),
    ),
    DHCP_OPTIONS: Kind(
        id="dopt-{hex}", arn=EC2 + "dhcp-options/{id}", outputs={"ownerId": "{account}"},
        replaces=("domainName", "domainNameServers", "netbiosNameServers", "netbiosNodeType", "ntpServers"),
        actions=describes("ec2", "CreateDhcpOptions CreateTags", "DescribeDhcpOptions", "CreateTags DeleteTags", "DeleteDhcpOptions"),
    ),
    "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation": Kind(
        id="{dhcpOptionsId}-{vpcId}", refs=(Ref("dhcpOptionsId", DHCP_OPTIONS, "options"), vpc(holds=False, part=True)),
        actions=describes("ec2", "AssociateDhcpOptions", "DescribeVpcs", "AssociateDhcpOptions", "AssociateDhcpOptions"),
    ),
}  # fmt: skip
