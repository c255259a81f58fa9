"""The attacker's table: single changes to the Tokyo stack that open a way, half a way, or hide one. Each must be found, and named.

A change is a function of `Changed`; beside it stands the resource that the finding's path must name, and the kind that it must be of.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from domicile_policies.resource import Unknown

from .snapshots import Changed

ANYONE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})


class Mutation(NamedTuple):
    change: Callable[[Changed], None]
    named: str
    kind: str


TABLE: dict[str, Mutation] = {}


def mutation(named: str, kind: str = "open") -> Callable[[Callable[[Changed], None]], Callable[[Changed], None]]:
    def note(change: Callable[[Changed], None]) -> Callable[[Changed], None]:
        TABLE[change.__name__] = Mutation(change, named, kind)
        return change

    return note


def _route(at: Changed, target: str, lean: tuple[str, str] | None = None, value: str = "", cidr: str = "0.0.0.0/0") -> None:
    inputs: dict[str, Any] = {"destinationCidrBlock": cidr, **({target: value} if value else {})}
    leans = {"routeTableId": ("RouteTable", "workers"), **({target: lean} if lean else {})}
    at.add("aws:ec2/route:Route", "extra", inputs, **leans)


def _egress(at: Changed, group: str, **rule: Any) -> None:
    at.add("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "extra", rule, securityGroupId=("SecurityGroup", group))


def _ingress(at: Changed, group: str, **rule: Any) -> None:
    at.add("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "extra", rule, securityGroupId=("SecurityGroup", group))


def machine_file(at: Changed, noun: str, path: str, change: Callable[[str], str]) -> None:
    """Change a file of a machine's configuration, and the hash that leads to it."""
    stored, template = at.inputs("BucketObjectv2", noun), at.inputs("LaunchTemplate", noun)
    content = json.loads(stored["content"])
    file = next(each for each in content["storage"]["files"] if each["path"].endswith(path))
    head, _, body = file["contents"]["source"].partition("base64,")
    text = change(base64.b64decode(body).decode())
    file["contents"]["source"] = f"{head}base64,{base64.b64encode(text.encode()).decode()}"
    stored["content"] = json.dumps(content)
    if isinstance(template.get("userData"), str):
        pointer = json.loads(base64.b64decode(template["userData"]))
        pointer["ignition"]["config"]["replace"]["verification"]["hash"] = (
            "sha512-" + hashlib.sha512(stored["content"].encode()).hexdigest()
        )
        template["userData"] = base64.b64encode(json.dumps(pointer).encode()).decode()


def _settings(at: Changed, change: Callable[[dict[str, Any]], None]) -> None:
    def rewrite(text: str) -> str:
        settings = json.loads(text)
        change(settings)
        return json.dumps(settings)

    machine_file(at, "worker-hosts", "/settings.json", rewrite)


def _tier(at: Changed, change: Callable[[dict[str, Any]], None]) -> None:
    def rewrite(text: str) -> str:
        bootstrap = json.loads(text)
        change(bootstrap)
        return json.dumps(bootstrap)

    machine_file(at, "egress-proxies", "/envoy.json", rewrite)


def _door(bootstrap: dict[str, Any]) -> dict[str, Any]:
    listener = next(each for each in bootstrap["static_resources"]["listeners"] if each["name"] == "door")
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


# --- security groups ---------------------------------------------------------------------------------------------------------


@mutation("extra")
def workers_group_opened_to_everywhere(at):
    _egress(at, "worker-hosts", cidrIpv4="0.0.0.0/0", ipProtocol="-1")


@mutation("extra", "one-lock")
def workers_group_opened_to_one_address_outside(at):
    _egress(at, "worker-hosts", cidrIpv4="198.51.100.7/32", ipProtocol="tcp", fromPort=443, toPort=443)


@mutation("extra", "one-lock")
def workers_group_opened_to_ipv6(at):
    _egress(at, "worker-hosts", cidrIpv6="::/0", ipProtocol="-1")


@mutation("worker-hosts")
def workers_group_opened_inline(at):
    at.inputs("SecurityGroup", "worker-hosts")["egress"] = [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}]


@mutation("extra")
def workers_group_opened_by_a_classic_rule(at):
    rule = {"type": "egress", "protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}
    at.add("aws:ec2/securityGroupRule:SecurityGroupRule", "extra", rule, securityGroupId=("SecurityGroup", "worker-hosts"))


@mutation("workers-to-endpoints")
def workers_rule_turned_from_a_group_to_the_vpc(at):
    rule = at.inputs("SecurityGroupEgressRule", "workers-to-endpoints")
    del rule["referencedSecurityGroupId"]
    rule["cidrIpv4"] = "10.64.0.0/16"


@mutation("extra", "undecided")
def workers_group_opened_to_a_group_outside_the_stack(at):
    _egress(at, "worker-hosts", referencedSecurityGroupId="sg-0123456789abcdef0", ipProtocol="tcp", fromPort=443, toPort=443)


@mutation("worker-hosts")
def workers_in_the_egress_tiers_group(at):
    at.lean("LaunchTemplate", "worker-hosts", "networkInterfaces", ("SecurityGroup", "egress-proxies"))


@mutation("worker-hosts", "undecided")
def workers_in_another_group_beside(at):
    at.inputs("LaunchTemplate", "worker-hosts")["networkInterfaces"][0]["securityGroups"].append("sg-0123456789abcdef0")


@mutation("worker-hosts")
def workers_in_the_default_group_that_someone_opened(at):
    at.inputs("DefaultSecurityGroup", "nobody")["egress"] = [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}]
    del at.inputs("LaunchTemplate", "worker-hosts")["networkInterfaces"][0]["securityGroups"]


@mutation("extra", "undecided")
def workers_group_opened_by_its_id_as_text(at):
    rule = {"securityGroupId": "sg-0123456789abcdef0", "cidrIpv4": "0.0.0.0/0", "ipProtocol": "-1"}
    at.add("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "extra", rule)


@mutation("extra", "undecided")
def workers_group_opened_by_an_id_that_nobody_knows(at):
    rule = {"securityGroupId": Unknown("securityGroupId"), "cidrIpv4": "0.0.0.0/0", "ipProtocol": "-1"}
    at.add("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "extra", rule)


@mutation("extra", "undecided")
def a_group_added_to_a_running_machines_interface(at):
    kind = "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
    at.add(kind, "extra", {"networkInterfaceId": "eni-0123456789abcdef0"}, securityGroupId=("SecurityGroup", "egress-proxies"))


# --- routes ------------------------------------------------------------------------------------------------------------------


@mutation("extra", "one-lock")
def nat_route_in_the_workers_table(at):
    _route(at, "natGatewayId", ("NatGateway", "ap-northeast-1a"))


@mutation("extra", "one-lock")
def internet_gateway_route_in_the_workers_table(at):
    _route(at, "gatewayId", ("InternetGateway", "internet"))


@mutation("extra", "undecided")
def route_in_the_workers_table_by_its_id_as_text(at):
    route = {"routeTableId": "rtb-0123456789abcdef0", "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat-0123456789abcdef0"}
    at.add("aws:ec2/route:Route", "extra", route)


@mutation("extra", "one-lock")
def peering_route_in_the_workers_table(at):
    _route(at, "vpcPeeringConnectionId", value="pcx-0123456789abcdef0", cidr="10.99.0.0/16")


@mutation("extra", "one-lock")
def transit_gateway_route_in_the_workers_table(at):
    _route(at, "transitGatewayId", value="tgw-0123456789abcdef0", cidr="10.0.0.0/8")


@mutation("workers", "one-lock")
def inline_route_in_the_workers_table(at):
    at.inputs("RouteTable", "workers")["routes"] = [{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-0123456789abcdef0"}]


@mutation("extra", "one-lock")
def workers_table_takes_up_a_vpns_routes(at):
    kind = "aws:ec2/vpnGatewayRoutePropagation:VpnGatewayRoutePropagation"
    at.add(kind, "extra", {"vpnGatewayId": "vgw-0123456789abcdef0"}, routeTableId=("RouteTable", "workers"))


@mutation("ap-northeast-1a", "one-lock")
def worker_subnet_moved_to_the_tiers_table(at):
    at.lean("RouteTableAssociation", "worker-ap-northeast-1a", "routeTableId", ("RouteTable", "egress-ap-northeast-1a"))


@mutation("worker-ap-northeast-1a", "undecided")
def worker_subnet_moved_to_a_table_outside_the_stack(at):
    at.inputs("RouteTableAssociation", "worker-ap-northeast-1a")["routeTableId"] = "rtb-0123456789abcdef0"
    at.lean("RouteTableAssociation", "worker-ap-northeast-1a", "routeTableId")


@mutation("worker-hosts", "one-lock")
def workers_launched_into_the_tiers_subnets(at):
    at.lean("Group", "worker-hosts", "vpcZoneIdentifiers", ("Subnet", "egress-ap-northeast-1a"), ("Subnet", "egress-ap-northeast-1c"))


@mutation("worker-hosts", "undecided")
def workers_launched_into_a_subnet_outside_the_stack(at):
    at.inputs("Group", "worker-hosts")["vpcZoneIdentifiers"].append("subnet-0123456789abcdef0")


@mutation("extra")
def route_and_group_opened_and_an_acl_that_refuses_something_else(at):
    _route(at, "natGatewayId", ("NatGateway", "ap-northeast-1a"))
    at.inputs("SecurityGroup", "worker-hosts")["egress"] = [
        {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["198.51.100.0/24"]}
    ]
    refuse = {"ruleNo": 90, "action": "deny", "protocol": "tcp", "cidrBlock": "0.0.0.0/0", "fromPort": 80, "toPort": 80}
    every = {"ruleNo": 100, "action": "allow", "protocol": "-1", "cidrBlock": "0.0.0.0/0", "fromPort": 0, "toPort": 0}
    subnets = [("Subnet", "worker-ap-northeast-1a"), ("Subnet", "worker-ap-northeast-1c")]
    at.add("aws:ec2/networkAcl:NetworkAcl", "acl", {"egress": [refuse, every], "ingress": [every]}, subnetIds=subnets)


# --- interfaces --------------------------------------------------------------------------------------------------------------


@mutation("worker-hosts", "one-lock")
def second_interface_with_a_public_address(at):
    second = {"deviceIndex": 1, "associatePublicIpAddress": "true"}
    at.inputs("LaunchTemplate", "worker-hosts")["networkInterfaces"].append(second)


@mutation("worker-hosts", "one-lock")
def subnet_gives_public_addresses_and_the_template_doesnt_say(at):
    del at.inputs("LaunchTemplate", "worker-hosts")["networkInterfaces"][0]["associatePublicIpAddress"]
    at.inputs("Subnet", "worker-ap-northeast-1a")["mapPublicIpOnLaunch"] = True


@mutation("worker-hosts", "one-lock")
def metadata_over_two_hops(at):
    at.inputs("LaunchTemplate", "worker-hosts")["metadataOptions"]["httpPutResponseHopLimit"] = 2


@mutation("worker-hosts", "one-lock")
def metadata_without_a_token(at):
    at.inputs("LaunchTemplate", "worker-hosts")["metadataOptions"]["httpTokens"] = "optional"


@mutation("watch")
def function_taken_out_of_the_vpc(at):
    del at.inputs("Function", "watch")["vpcConfig"]


@mutation("worker-hosts", "undecided")
def workers_launched_from_a_template_outside_the_stack(at):
    at.inputs("Group", "worker-hosts")["launchTemplate"] = {"id": "lt-0123456789abcdef0", "version": "1"}
    at.lean("Group", "worker-hosts", "launchTemplate")


@mutation("worker-hosts", "undecided")
def workers_launched_by_an_old_launch_configuration(at):
    del at.inputs("Group", "worker-hosts")["launchTemplate"]
    at.inputs("Group", "worker-hosts")["launchConfiguration"] = "lc"


# --- endpoints ---------------------------------------------------------------------------------------------------------------


@mutation("s3")
def s3_endpoint_for_anyone_on_anything(at):
    at.inputs("VpcEndpoint", "s3")["policy"] = ANYONE


@mutation("logs")
def endpoint_without_a_policy(at):
    del at.inputs("VpcEndpoint", "logs")["policy"]


@mutation("s3")
def s3_endpoint_opened_to_one_bucket_of_another(at):
    document = json.loads(at.inputs("VpcEndpoint", "s3")["policy"])
    document["Statement"][1]["Resource"] = ["arn:aws:s3:::somebodys-bucket/*"]
    at.inputs("VpcEndpoint", "s3")["policy"] = json.dumps(document)


@mutation("kms")
def endpoint_whose_condition_on_the_caller_is_gone(at):
    document = json.loads(at.inputs("VpcEndpoint", "kms")["policy"])
    document["Statement"][0].pop("Condition")
    document["Statement"][0]["Resource"] = "*"
    at.inputs("VpcEndpoint", "kms")["policy"] = json.dumps(document)


@mutation("execute-api")
def new_endpoint_to_execute_api(at):
    inputs = {
        "vpcEndpointType": "Interface", "serviceName": "com.amazonaws.ap-northeast-1.execute-api", "privateDnsEnabled": True,
        "policy": ANYONE,
    }  # fmt: skip
    subnets = [("Subnet", "worker-ap-northeast-1a")]
    at.add(
        "aws:ec2/vpcEndpoint:VpcEndpoint", "execute-api", inputs, subnetIds=subnets, securityGroupIds=("SecurityGroup", "endpoints"),
        vpcId=("Vpc", "vpc"),
    )  # fmt: skip


@mutation("theirs")
def new_endpoint_to_another_companys_service(at):
    service = "com.amazonaws.vpce.ap-northeast-1.vpce-svc-0123456789abcdef0"
    inputs = {"vpcEndpointType": "Interface", "serviceName": service}
    subnets = [("Subnet", "worker-ap-northeast-1a")]
    at.add("aws:ec2/vpcEndpoint:VpcEndpoint", "theirs", inputs, subnetIds=subnets, securityGroupIds=("SecurityGroup", "endpoints"))


@mutation("policy")
def endpoints_policy_replaced_by_a_resource_of_its_own(at):
    at.add("aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy", "policy", {"policy": ANYONE}, vpcEndpointId=("VpcEndpoint", "sts"))


# --- names -------------------------------------------------------------------------------------------------------------------


@mutation("vpc")
def dns_firewall_detached(at):
    at.drop("ResolverFirewallRuleGroupAssociation", "names")


@mutation("closed")
def dns_firewall_fails_open(at):
    at.inputs("ResolverFirewallConfig", "closed")["firewallFailOpen"] = "ENABLED"


@mutation("allowed")
def dns_firewall_allows_every_name(at):
    at.inputs("ResolverFirewallDomainList", "allowed")["domains"].append("*")


@mutation("allowed")
def dns_firewall_allows_a_zone_that_isnt_declared(at):
    at.inputs("ResolverFirewallDomainList", "allowed")["domains"].append("*.attacker.example")


@mutation("block")
def dns_firewall_blocks_only_one_zone(at):
    at.inputs("ResolverFirewallDomainList", "anything")["domains"] = ["*.bad.example"]


@mutation("block")
def dns_firewall_only_warns(at):
    at.inputs("ResolverFirewallRule", "block")["action"] = "ALERT"


@mutation("block")
def dns_firewall_blocks_questions_of_one_type_only(at):
    at.inputs("ResolverFirewallRule", "block")["qType"] = "A"


@mutation("forward")
def resolver_forwards_to_servers_outside(at):
    at.add("aws:route53/resolverRule:ResolverRule", "out", {"ruleType": "FORWARD", "domainName": "attacker.example"})
    kind = "aws:route53/resolverRuleAssociation:ResolverRuleAssociation"
    at.add(kind, "forward", {}, resolverRuleId=("ResolverRule", "out"), vpcId=("Vpc", "vpc"))


@mutation("tie", "undecided")
def another_rule_group_for_the_vpc_by_its_id_as_text(at):
    at.add("aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup", "first", {})
    kind = "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation"
    at.add(kind, "tie", {"vpcId": "vpc-0123456789abcdef0", "priority": 100}, firewallRuleGroupId=("ResolverFirewallRuleGroup", "first"))


# --- the door and what is behind it ------------------------------------------------------------------------------------------


@mutation("extra", "entrance")
def balancer_reachable_from_elsewhere(at):
    _ingress(at, "egress-balancer", cidrIpv4="10.0.0.0/8", ipProtocol="tcp", fromPort=3128, toPort=3128)


@mutation("egress", "entrance")
def balancer_made_public(at):
    at.inputs("LoadBalancer", "egress")["internal"] = False


@mutation("egress", "entrance")
def balancer_without_a_group(at):
    del at.inputs("LoadBalancer", "egress")["securityGroups"]


@mutation("extra", "entrance")
def tier_reachable_past_its_balancer(at):
    _ingress(at, "egress-proxies", cidrIpv4="10.64.0.0/16", ipProtocol="tcp", fromPort=3128, toPort=3128)


@mutation("egress-proxies")
def tiers_policy_widened_by_a_host(at):
    def widen(bootstrap):
        policies = next(f for f in _door(bootstrap)["http_filters"] if f["name"].endswith(".rbac"))["typed_config"]["rules"]["policies"]
        allowed = json.loads(json.dumps(next(iter(policies.values()))))
        allowed["permissions"][0]["header"]["string_match"]["safe_regex"]["regex"] = r"(?i:attacker\.example):443"
        policies["allow/attacker.example:443"] = allowed

    _tier(at, widen)


@mutation("egress-proxies")
def tiers_policy_widened_to_any_host(at):
    def widen(bootstrap):
        rules = next(f for f in _door(bootstrap)["http_filters"] if f["name"].endswith(".rbac"))["typed_config"]["rules"]
        rules["policies"]["allow/any"] = {"permissions": [{"any": True}], "principals": [{"any": True}]}

    _tier(at, widen)


@mutation("egress-proxies")
def tiers_policy_widened_to_a_pattern(at):
    def widen(bootstrap):
        policies = next(f for f in _door(bootstrap)["http_filters"] if f["name"].endswith(".rbac"))["typed_config"]["rules"]["policies"]
        first = next(iter(policies.values()))
        first["permissions"][0]["header"]["string_match"]["safe_regex"]["regex"] = "(?i:.*):443"

    _tier(at, widen)


@mutation("egress-proxies")
def tiers_allowlist_removed(at):
    def remove(bootstrap):
        door = _door(bootstrap)
        door["http_filters"] = [f for f in door["http_filters"] if not f["name"].endswith(".rbac")]

    _tier(at, remove)


@mutation("egress-proxies", "one-lock")
def tier_dials_private_addresses(at):
    def open_up(bootstrap):
        text = json.dumps(bootstrap).replace('"resolved_address_filter"', '"forgotten"')
        bootstrap.clear()
        bootstrap.update(json.loads(text))

    _tier(at, open_up)


@mutation("extra", "one-lock")
def tiers_group_opened_to_every_port(at):
    _egress(at, "egress-proxies", cidrIpv4="0.0.0.0/0", ipProtocol="-1")


@mutation("egress-proxies", "undecided")
def tiers_user_data_made_opaque(at):
    at.inputs("LaunchTemplate", "egress-proxies")["userData"] = base64.b64encode(b"#!/bin/sh\nexec /usr/bin/proxy --open\n").decode()


@mutation("extra", "undecided")
def another_machine_behind_the_balancer(at):
    at.add("aws:ec2/instance:Instance", "extra", {}, subnetId=("Subnet", "egress-ap-northeast-1a"),
           vpcSecurityGroupIds=[("SecurityGroup", "egress-proxies")])  # fmt: skip
    kind = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
    at.add(kind, "tie", {"port": 3128}, targetGroupArn=("TargetGroup", "egress"), targetId=("Instance", "extra"))


# --- inside the host ---------------------------------------------------------------------------------------------------------


@mutation("worker-hosts")
def hosts_policy_widened_beyond_the_declared(at):
    _settings(at, lambda settings: settings["egress"]["rules"].append({"host": "attacker.example", "port": 443}))


@mutation("worker-hosts", "one-lock")
def host_without_its_second_door(at):
    _settings(at, lambda settings: settings.pop("upstream_proxy"))


@mutation("worker-hosts")
def hosts_proxy_dials_elsewhere(at):
    def rewrite(text: str) -> str:
        bootstrap = json.loads(text)
        for cluster in bootstrap["static_resources"]["clusters"]:
            if cluster["name"] == "upstream-proxy":
                socket = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
                socket["address"] = "proxy.attacker.example"
        return json.dumps(bootstrap)

    machine_file(at, "worker-hosts", "/bootstrap.json", rewrite)


@mutation("worker-hosts")
def packet_filter_lets_sandboxes_reach_the_namespace(at):
    rule = 'iifname "sb*" tcp dport 22 accept\n        counter name refused_input'
    machine_file(at, "worker-hosts", "/services.nft", lambda text: text.replace("counter name refused_input\n", rule + "\n", 1))


@mutation("worker-hosts")
def packet_filter_passes_packets_on(at):
    change = ("hook forward priority filter; policy drop", "hook forward priority filter; policy accept")
    machine_file(at, "worker-hosts", "/services.nft", lambda text: text.replace(*change))


@mutation("worker-hosts", "one-lock")
def packet_filter_lets_the_proxy_dial_anything(at):
    change = ("chain egress {\n", "chain egress {\n        meta nfproto ipv4 accept\n")
    machine_file(at, "worker-hosts", "/services.nft", lambda text: text.replace(*change))


@mutation("worker-hosts", "one-lock")
def machines_filter_passes_everything_on(at):
    change = ("hook forward priority filter; policy drop", "hook forward priority filter; policy accept")
    machine_file(at, "worker-hosts", "/machine.nft", lambda text: text.replace(*change))


@mutation("worker-hosts", "undecided")
def hosts_user_data_made_opaque(at):
    at.inputs("LaunchTemplate", "worker-hosts")["userData"] = base64.b64encode(b"#!/bin/sh\n").decode()


@mutation("worker-hosts", "undecided")
def machines_filter_removed(at):
    stored = at.inputs("BucketObjectv2", "worker-hosts")
    content = json.loads(stored["content"])
    files = content["storage"]["files"]
    content["storage"]["files"] = [each for each in files if not each["path"].endswith("/machine.nft")]
    stored["content"] = json.dumps(content)
    at.lean("LaunchTemplate", "worker-hosts", "userData", ("BucketObjectv2", "worker-hosts"))
    at.inputs("LaunchTemplate", "worker-hosts")["userData"] = Unknown("userData")
