"""Amazon VPC: networks, subnets, routes, gateways, endpoints, flow logs. Its packet filters are `vpc_filters`."""

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
from .vocabulary import (
    EC2,
    describes,
    guide,
    moto,
    prefix_list,
    provider,
    reference,
    report,
    role,
    schema,
    sdk,
    security_groups,
    subnets,
    vpc,
)

_SIZE = reference("ec2", "CreateSubnet")
_ROUTE_TABLE = provider("ec2/vpc_route_table.go", "022092419b7c")
_ROUTE = provider("ec2/vpc_route.go", "0128541e0711")
_FLOW_LOG = provider("ec2/vpc_flow_log.go", "00a35305dc1b")
_GATEWAYS = guide("AWS PrivateLink, Gateway endpoints")  # of S3, directory buckets apart
_ENDPOINT_POLICY = guide("AWS PrivateLink, AWS PrivateLink quotas")  # white space counts
_ENDPOINT_OF = ("serviceName", "serviceNetworkArn", "resourceConfigurationArn")
_LOGGED = ("vpcId", "subnetId", "eniId", "transitGatewayId", "transitGatewayAttachmentId", "regionalNatGatewayId")
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
              prefix_list("destinationPrefixListId")),
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
    "aws:ec2/defaultRouteTable:DefaultRouteTable": Kind(
        id="{defaultRouteTableId}", arn=EC2 + "route-table/{id}", replaces=("defaultRouteTableId",), one_network=True,
        outputs={"ownerId": "{account}", "vpcId": "{ref[vpc][id]}"},
        refs=(Ref("defaultRouteTableId", ROUTE_TABLE, "vpc", holds=False, part=True), *_route_refs("routes[*].")),
        actions=describes("ec2", "DescribeRouteTables DeleteRoute CreateRoute CreateTags", "DescribeRouteTables",
                          "CreateRoute ReplaceRoute DeleteRoute CreateTags DeleteTags", ""),
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
