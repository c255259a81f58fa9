"""The guards of a region, read from the cloud on disk after the stack is up."""

import ipaddress
import json

import pytest

ACCOUNT = "123456789012"
WATCH = f"arn:aws:iam::{ACCOUNT}:role/domicile-tokyo-function-watch"
WORKER = f"arn:aws:iam::{ACCOUNT}:role/domicile-tokyo-worker-host"


def properties(tokyo, type_):
    return [(thing.name, thing.properties) for thing in tokyo.things(type_)]


def test_worker_subnets_are_in_two_zones_with_no_route_but_the_vpcs_own(tokyo):
    table = tokyo.one("RouteTable", "workers")
    subnets = {name: found for name, found in properties(tokyo, "Subnet") if name.startswith("worker-")}
    assert {found["availabilityZone"] for found in subnets.values()} == {"ap-northeast-1a", "ap-northeast-1c"}
    assert not any(found.get("mapPublicIpOnLaunch") for found in subnets.values())
    bound = {found["subnetId"]: found["routeTableId"] for _, found in properties(tokyo, "RouteTableAssociation")}
    workers = tokyo.rehearsal.cloud.thing("RouteTable", "workers").id
    assert {bound[tokyo.rehearsal.cloud.thing("Subnet", name).id] for name in subnets} == {workers}
    assert not table.get("routes")
    assert workers not in {found["routeTableId"] for _, found in properties(tokyo, "Route")}


def test_every_default_way_out_goes_through_nat_in_the_egress_tier(tokyo):
    out = dict(properties(tokyo, "Route"))
    assert set(out) == {"public", "ap-northeast-1a", "ap-northeast-1c"}
    assert all(out[zone].get("natGatewayId") and not out[zone].get("gatewayId") for zone in out if zone != "public")


def test_worker_hosts_talk_to_endpoints_s3_and_the_egress_tier_only(tokyo):
    workers = tokyo.rehearsal.cloud.thing("SecurityGroup", "worker-hosts").id
    rules = {name: found for name, found in properties(tokyo, "SecurityGroupEgressRule") if found["securityGroupId"] == workers}
    assert {(name, found["fromPort"], found["toPort"]) for name, found in rules.items()} == {
        ("workers-to-endpoints", 443, 443),
        ("workers-to-balancer", 3128, 3128),
        ("workers-to-s3", 443, 443),
    }
    assert not any(found.get("cidrIpv4") or found.get("cidrIpv6") for found in rules.values())


def test_nobody_opens_a_connection_to_a_worker_host(tokyo):
    workers = tokyo.rehearsal.cloud.thing("SecurityGroup", "worker-hosts").id
    assert not [name for name, found in properties(tokyo, "SecurityGroupIngressRule") if found["securityGroupId"] == workers]


def test_no_security_group_has_rules_of_its_own_beside_the_named_ones(tokyo):
    for _, found in properties(tokyo, "SecurityGroup") + properties(tokyo, "DefaultSecurityGroup"):
        assert not found.get("ingress")
        assert not found.get("egress")


def test_only_the_proxies_dial_out_and_only_at_ports_that_are_allowed(tokyo):
    proxies = tokyo.rehearsal.cloud.thing("SecurityGroup", "egress-proxies").id
    outside = [found for _, found in properties(tokyo, "SecurityGroupEgressRule") if found.get("cidrIpv4")]
    assert {(found["securityGroupId"], found["cidrIpv4"], found["fromPort"], found["toPort"]) for found in outside} == {
        (proxies, "0.0.0.0/0", 443, 443)
    }


def test_every_endpoint_has_a_closed_policy_and_a_private_name(tokyo):
    found = dict(properties(tokyo, "VpcEndpoint"))
    assert set(found) == {"autoscaling", "ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "s3", "secretsmanager", "sts"}
    for name, endpoint in found.items():
        statements = tokyo.policy("VpcEndpoint", name)
        assert all("Condition" in statement or sid == "ImageLayers" for sid, statement in statements.items()), name
        assert name == "s3" or endpoint["privateDnsEnabled"]


def test_the_dns_firewall_allows_what_is_needed_blocks_the_rest_and_fails_closed(tokyo):
    domains = set(tokyo.one("ResolverFirewallDomainList", "allowed")["domains"])
    assert {
        "api.anthropic.com",
        "secretsmanager.ap-northeast-1.amazonaws.com",
        f"{ACCOUNT}.dkr.ecr.ap-northeast-1.amazonaws.com",
    } <= domains
    assert not [name for name in domains if "*" in name]
    rules = {found["action"]: found for _, found in properties(tokyo, "ResolverFirewallRule")}
    assert rules["ALLOW"]["priority"] < rules["BLOCK"]["priority"]
    assert tokyo.one("ResolverFirewallDomainList", "anything")["domains"] == ["*"]
    assert tokyo.one("ResolverFirewallConfig", "closed")["firewallFailOpen"] == "DISABLED"


def test_logs_are_encrypted_and_kept_for_more_than_a_year(tokyo):
    groups = dict(properties(tokyo, "LogGroup"))
    assert {"flow-log", "queries-log"} <= set(groups)
    assert all(found["retentionInDays"] >= 365 and found["kmsKeyId"] for found in groups.values())
    assert tokyo.one("FlowLog", "flow")["trafficType"] == "ALL"


def test_the_archive_is_locked_versioned_encrypted_private_and_its_accesses_logged(tokyo):
    assert tokyo.one("Bucket", "archive")["objectLockEnabled"] is True
    lock = tokyo.one("BucketObjectLockConfiguration", "archive")["rule"]["defaultRetention"]
    assert (lock["mode"], lock["years"]) == ("COMPLIANCE", 7)
    assert tokyo.one("BucketVersioning", "archive")["versioningConfiguration"]["status"] == "Enabled"
    default = tokyo.one("BucketServerSideEncryptionConfiguration", "archive")["rules"][0]["applyServerSideEncryptionByDefault"]
    assert default["sseAlgorithm"] == "aws:kms"
    assert default["kmsMasterKeyId"] == tokyo.one("Key", "key")["arn"]
    public = tokyo.one("BucketPublicAccessBlock", "archive")
    assert all(public[name] for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"))
    assert tokyo.one("BucketLogging", "archive")["targetPrefix"] == "archive/"
    assert {"TlsOnly", "WrittenByWorkersOnly", "OwnKeyOnly"} <= set(tokyo.policy("BucketPolicy", "archive"))


def test_image_tags_never_move_and_images_are_scanned_and_encrypted(tokyo):
    for _, found in properties(tokyo, "Repository"):
        assert found["imageTagMutability"] == "IMMUTABLE"
        assert found["imageScanningConfiguration"]["scanOnPush"] is True
        assert found["encryptionConfigurations"][0]["encryptionType"] == "KMS"
    assert {name for name, _ in properties(tokyo, "RepositoryPolicy")} == {"sandbox", "host", "egress"}


def test_the_environment_key_is_guarded_by_its_own_policy(tokyo):
    endpoint = tokyo.rehearsal.cloud.thing("VpcEndpoint", "secretsmanager").id
    statements = tokyo.policy("SecretPolicy", "environment-key")
    assert statements["ReadThroughEndpointOnly"]["Condition"]["StringNotEquals"]["aws:SourceVpce"] == endpoint
    assert statements["ReadByNoOther"]["Condition"]["StringNotEquals"]["aws:PrincipalArn"] == [WORKER, WATCH]
    assert not tokyo.one("Secret", "environment-key").get("replicas")


def test_the_roles_that_policies_name_belong_to_machines_and_functions_of_this_stack(tokyo):
    """A role of that name made by somebody else would have what the policies grant: the stack makes it before any machine runs."""
    roles = {found["arn"]: found for _, found in properties(tokyo, "Role")}
    for arn, service in ((WORKER, "ec2"), (WORKER.replace("worker-host", "egress-proxy"), "ec2"), (WATCH, "lambda")):
        trust = json.loads(roles[arn]["assumeRolePolicy"])["Statement"]
        assert [found["Principal"] for found in trust] == [{"Service": f"{service}.amazonaws.com"}]


def test_silence_about_the_keys_age_is_an_alarm(tokyo):
    alarm = tokyo.one("MetricAlarm", "key-age")
    assert alarm["treatMissingData"] == "breaching"
    assert alarm["alarmActions"]


def test_everything_taggable_says_whose_it_is(tokyo):
    tagged = tokyo.one("Vpc", "vpc")["tagsAll"]
    assert (tagged["domicile:stack"], tagged["domicile:jurisdiction"]) == ("tokyo", "jp")


@pytest.mark.parametrize("kind", ["worker-", "egress-", "public-"])
def test_subnets_of_a_kind_share_no_address_with_others(tokyo, kind):
    networks = {name: ipaddress.ip_network(found["cidrBlock"]) for name, found in properties(tokyo, "Subnet")}
    mine = [network for name, network in networks.items() if name.startswith(kind)]
    others = [network for name, network in networks.items() if not name.startswith(kind)]
    assert mine
    assert not [1 for a in mine for b in others if a.overlaps(b)]
