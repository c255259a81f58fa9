"""S8: the manifest has a line for each thing of an applied region that keeps or passes data, and the ways into it by Session Manager."""

import json

import pytest

from domicile.config import residency_manifest

REGION = "ap-northeast-1"
LINES = {
    ("Key", "key"): "environment_key.key",
    ("Secret", "environment-key"): "environment_key.secret",
    ("Secret", "hec"): "environment_key.credentials",
    ("Secret", "webhook-signing-secret"): "scaling.webhook_secret",
    ("Secret", "tunnel-token"): "mcp_tunnel.secrets",
    ("Secret", "tunnel-authority"): "mcp_tunnel.secrets",
    ("Bucket", "archive"): "siem_sink.archive",
    ("Bucket", "access"): "siem_sink.access_log",
    ("Bucket", "settings"): "machines.settings",
    ("LogGroup", "flow-log"): "network.flow_logs",
    ("LogGroup", "queries-log"): "network.query_logs",
    ("LogGroup", "worker-hosts-log"): "hosts.logs",
    ("LogGroup", "egress-proxies-log"): "proxies.logs",
    ("LogGroup", "tunnel-hosts-log"): "mcp_tunnel.logs",
    ("LogGroup", "watch-log"): "scaling.logs",
    ("LogGroup", "webhook-log"): "scaling.logs",
    ("LogGroup", "webhook-access-log"): "scaling.logs",
    ("Function", "watch"): "scaling.functions",
    ("Function", "webhook"): "scaling.functions",
    ("Api", "webhook"): "scaling.webhook_address",
    ("Topic", "alarms"): "alarms.topic",
    **{(kind, image): "sandbox_image.registry" for kind in ("Repository", "PushedImage") for image in ("sandbox", "host", "egress")},
    **{("Repository", image): "mcp_tunnel.registry" for image in ("cloudflared", "mcp-proxy")},
}
"""Which line speaks of a thing that keeps data or takes it in."""

TYPES = {type_ for type_, _ in LINES}
OF_MACHINES = {"Group", "LaunchTemplate", "LoadBalancer", "NatGateway", "VpcEndpoint", "Subnet"}
"""What data passes in the stack's zones."""

CARRIES_NONE = {
    "Alias", "DefaultSecurityGroup", "Deployment", "Eip", "EventRule", "EventTarget", "FlowLog", "InstanceProfile", "Integration",
    "InternetGateway", "LifecycleHook", "LifecyclePolicy", "Listener", "LogResourcePolicy", "MetricAlarm", "Permission", "Policy",
    "RepositoryPolicy", "Role", "RolePolicy", "Route", "RouteTable", "RouteTableAssociation", "SecretPolicy", "SecurityGroup",
    "SecurityGroupEgressRule", "SecurityGroupIngressRule", "Stage", "TargetGroup", "TopicPolicy", "Vpc", "VpcEndpointRouteTableAssociation",
}  # fmt: skip
"""Settings of the others, rules between them, and names."""


def kind(thing):
    return thing.token.rpartition(":")[2]


def test_each_thing_that_keeps_or_passes_data_has_a_line_in_the_manifest(whole):
    told = {entry["path"]: entry for entry in outputs(whole.region)["residency"]["properties"]}
    things = whole.region.rehearsal.cloud.things()
    kept = {(kind(thing), thing.name) for thing in things if kind(thing) in TYPES}
    assert {LINES[thing] for thing in kept} <= set(told)
    endpoints = {thing.name for thing in things if kind(thing) == "VpcEndpoint"}
    assert {path.removeprefix("network.endpoints.") for path in told if path.startswith("network.endpoints.")} == endpoints
    zones = {thing.properties["availabilityZone"] for thing in things if kind(thing) == "Subnet"}
    assert {path.removeprefix("network.zones.") for path in told if path.startswith("network.zones.")} == zones
    rest = {kind(thing) for thing in things} - TYPES - OF_MACHINES - CARRIES_NONE
    assert not [each for each in rest if not each.startswith(("Bucket", "Resolver"))]


def test_the_manifest_has_no_line_for_what_a_region_hasnt(whole, tokyo):
    """Beside what isn't there on purpose: replicas and backups."""
    for region in (whole.region, tokyo):
        things = {LINES[kind(thing), thing.name] for thing in region.rehearsal.cloud.things() if kind(thing) in TYPES}
        manifest = residency_manifest(region.config(), region.name)
        lines = {entry.path for entry in manifest.properties if entry.path in set(LINES.values())}
        assert lines - {"environment_key.credentials"} == things


def outputs(region):
    resources = json.loads(region.state())["checkpoint"]["latest"]["resources"]
    return next(found["outputs"] for found in resources if found["type"] == "pulumi:pulumi:Stack")


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    """A stack whose machines may be looked into."""
    from .conftest import up_with

    with pytest.MonkeyPatch.context() as patch:
        return up_with("tokyo", tmp_path_factory.mktemp("visited"), patch, network={"sessionManager": True})


def test_session_managers_endpoints_have_names_that_resolve_rights_and_a_line(visited, tokyo):
    services = ("ssm", "ssmmessages")
    names = set(visited.one("ResolverFirewallDomainList", "allowed")["domains"])
    assert {f"{service}.{REGION}.amazonaws.com" for service in services} <= names
    paths = {entry.path for entry in residency_manifest(visited.config(), "tokyo").properties}
    assert {f"network.endpoints.{service}" for service in services} <= paths
    for noun in ("worker-host", "egress-proxy"):
        session = visited.policy("RolePolicy", noun)["Session"]
        assert session["Action"] == visited.policy("VpcEndpoint", "ssmmessages")["Session"]["Action"]
        assert "Session" not in tokyo.policy("RolePolicy", noun)
    assert not names_of(tokyo, services)


def names_of(region, services):
    names = region.one("ResolverFirewallDomainList", "allowed")["domains"]
    return [name for name in names if name.partition(".")[0] in services]
