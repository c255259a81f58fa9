"""Every guard that the components of a region set, each taken away once: what is changed, and which rules may say so.

A row names a resource by the last part of its type and its name, a property of its registered inputs, and what that becomes. Rows that
take a statement out of a policy, or its condition, or change a file of a machine, do so in the text as it is registered.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from reach.snapshots import Changed

ELSEWHERE = "arn:aws:sns:us-east-1:123456789012:alarms"
OPEN = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class Mutation(NamedTuple):
    kind: str
    of: str
    what: str
    prop: str
    """The top-level property that is changed; `*` for the resource itself."""
    change: Callable[[Changed], None]
    rules: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.of}-{self.what}"


def put(kind: str, of: str, path: str, value: Any, *rules: str) -> Mutation:
    """A property becomes this value; None takes it away."""

    def change(at: Changed) -> None:
        steps = [int(index) if index else name for name, index in _STEP.findall(path)]
        inside: Any = at.inputs(kind, of)
        for step in steps[:-1]:
            inside = inside[step] if isinstance(step, int) else inside.setdefault(step, {})
        if value is None:
            del inside[steps[-1]]
        else:
            inside[steps[-1]] = value

    return Mutation(kind, of, path if value is None else f"{path}={str(value)[:40]}", _top(path), change, rules)


def lost(kind: str, of: str, *rules: str) -> Mutation:
    """The resource isn't made at all."""
    return Mutation(kind, of, "lost", "*", lambda at: at.drop(kind, of), rules)


def unsaid(kind: str, of: str, sid: str, *rules: str, path: str = "policy") -> Mutation:
    """A statement is left out of a policy."""

    def change(at: Changed) -> None:
        document = json.loads(at.inputs(kind, of)[path])
        kept = [each for each in document["Statement"] if each["Sid"] != sid]
        assert len(kept) < len(document["Statement"]), f"{kind} {of} has no statement {sid}"
        at.inputs(kind, of)[path] = json.dumps({**document, "Statement": kept})

    return Mutation(kind, of, f"without-{sid}", path, change, rules)


def said(kind: str, of: str, sid: str, *rules: str, path: str = "policy", **changes: Any) -> Mutation:
    """A statement says something else: `Condition=None` takes its condition away."""

    def change(at: Changed) -> None:
        document = json.loads(at.inputs(kind, of)[path])
        [statement] = (each for each in document["Statement"] if each["Sid"] == sid)
        for key, value in changes.items():
            assert statement.get(key) != value, f"{sid} says that already"
            statement.pop(key, None)
            if value is not None:
                statement[key] = value
        at.inputs(kind, of)[path] = json.dumps(document)

    what = "-".join(f"{key}={str(value)[:40]}" for key, value in changes.items())
    return Mutation(kind, of, f"{sid}-{what}", path, change, rules)


def told(of: str, path: str, old: str, new: str, *rules: str) -> Mutation:
    """A file of a machine says something else."""

    def change(at: Changed) -> None:
        stored = at.inputs("BucketObjectv2", of)
        content = json.loads(stored["content"])
        [file] = (each for each in content["storage"]["files"] if each["path"].endswith(path))
        text = base64.b64decode(file["contents"]["source"].partition("base64,")[2]).decode()
        assert re.search(old, text), f"{path} has no {old}"
        body = base64.b64encode(re.sub(old, new, text).encode()).decode()
        file["contents"]["source"] = f"data:;base64,{body}"
        stored["content"] = json.dumps(content)

    return Mutation("BucketObjectv2", of, f"{path}-{old[:30]}", "content", change, rules)


def more(kind: str, of: str, what: str, prop: str, change: Callable[[Changed], None], *rules: str) -> Mutation:
    """Anything else."""
    return Mutation(kind, of, what, prop, change, rules)


def _top(path: str) -> str:
    return re.split(r"[.\[]", path)[0]


def leaning(kind: str, of: str, prop: str, target: tuple[str, str], *rules: str) -> Mutation:
    """A property is made from another resource."""
    return Mutation(kind, of, f"{prop}-of-{target[1]}", prop, lambda at: at.lean(kind, of, prop, target), rules)


def _unmasked(at: Changed) -> None:
    stored = at.inputs("BucketObjectv2", "worker-hosts")
    content = json.loads(stored["content"])
    content["systemd"]["units"] = [each for each in content["systemd"]["units"] if each["name"] != "sshd.service"]
    stored["content"] = json.dumps(content)


def _unhashed(at: Changed) -> None:
    template = at.inputs("LaunchTemplate", "worker-hosts")
    pointer = json.loads(base64.b64decode(template["userData"]))
    del pointer["ignition"]["config"]["replace"]["verification"]
    template["userData"] = base64.b64encode(json.dumps(pointer).encode()).decode()


def _public(at: Changed) -> None:
    """The worker subnets' table gets a route to the internet."""
    kind = "aws:ec2/route:Route"
    leans = {"routeTableId": ("RouteTable", "workers"), "gatewayId": ("InternetGateway", "internet")}
    at.add(kind, "extra", {"destinationCidrBlock": "0.0.0.0/0"}, **leans)


def _tag_of_image(at: Changed) -> None:
    at.inputs("LaunchTemplate", "worker-hosts")["imageId"] = "resolve:ssm:/newest"


def _for_anybody(at: Changed) -> None:
    permission = at.inputs("Permission", "webhook")
    permission["principal"] = "*"
    del permission["sourceArn"], permission["sourceAccount"]


NETWORK = [
    *(
        row
        for fleet in ("worker-hosts", "egress-proxies")
        for row in (
            put("LaunchTemplate", fleet, "networkInterfaces[0].associatePublicIpAddress", "true", "DOM-NET-001"),
            put("LaunchTemplate", fleet, "networkInterfaces[0].associatePublicIpAddress", None, "DOM-NET-001"),
            put("LaunchTemplate", fleet, "networkInterfaces", None, "DOM-NET-001"),
            put("LaunchTemplate", fleet, "metadataOptions", None, "DOM-NET-008"),
            put("LaunchTemplate", fleet, "metadataOptions.httpTokens", "optional", "DOM-NET-008"),
            put("LaunchTemplate", fleet, "metadataOptions.httpPutResponseHopLimit", 2, "DOM-NET-008"),
            put("LaunchTemplate", fleet, "metadataOptions.httpProtocolIpv6", "enabled", "DOM-NET-008"),
            put("LaunchTemplate", fleet, "metadataOptions.instanceMetadataTags", "enabled", "DOM-NET-008"),
        )
    ),
    put("Subnet", "worker-ap-northeast-1a", "mapPublicIpOnLaunch", True, "DOM-NET-002"),
    put("Subnet", "worker-ap-northeast-1a", "availabilityZone", "us-east-1a", "DOM-RES-003"),
    put("LoadBalancer", "egress", "internal", False, "DOM-NET-005"),
    put("LoadBalancer", "egress", "securityGroups", None, "DOM-NET-005"),
    put("SecurityGroupIngressRule", "workers-to-balancer", "cidrIpv4", "0.0.0.0/0", "DOM-NET-006"),
    put("SecurityGroupIngressRule", "workers-to-balancer", "ipProtocol", "-1", "DOM-NET-007"),
    put("SecurityGroupIngressRule", "workers-to-endpoints", "toPort", 65535, "DOM-NET-007"),
    put("SecurityGroupIngressRule", "workers-to-endpoints", "fromPort", 0, "DOM-NET-007"),
    lost("DefaultSecurityGroup", "nobody", "DOM-NET-009"),
    put("DefaultSecurityGroup", "nobody", "ingress", [{"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}], "DOM-NET-010"),
    put("DefaultSecurityGroup", "nobody", "egress", [{"protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]}], "DOM-NET-010"),
    more("RouteTable", "workers", "with-a-route-out", "*", _public, "DOM-NET-011"),
    leaning("RouteTableAssociation", "worker-ap-northeast-1a", "routeTableId", ("RouteTable", "public"), "DOM-NET-011"),
    leaning("RouteTableAssociation", "egress-ap-northeast-1a", "routeTableId", ("RouteTable", "public"), "DOM-NET-012"),
    leaning("Group", "worker-hosts", "vpcZoneIdentifiers", ("Subnet", "egress-ap-northeast-1a"), "DOM-NET-011"),
    leaning("Function", "watch", "vpcConfig", ("Subnet", "public-ap-northeast-1a"), "DOM-NET-011", "DOM-NET-012"),
    put("Route", "webhook", "routeKey", "$default", "DOM-NET-015"),
    put("Stage", "webhook", "defaultRouteSettings", None, "DOM-NET-015"),
    put("Stage", "webhook", "accessLogSettings", None, "DOM-AUD-013"),
    put("Vpc", "vpc", "assignGeneratedIpv6CidrBlock", True, "DOM-NET-013"),
    put("Eip", "ap-northeast-1a", "instance", "i-0123456789abcdef0", "DOM-NET-003"),
]

EGRESS = [
    put("SecurityGroupEgressRule", "workers-to-endpoints", "ipProtocol", "-1", "DOM-EGR-001"),
    put("SecurityGroupEgressRule", "proxies-out-443", "toPort", 65535, "DOM-EGR-001"),
    put("SecurityGroupEgressRule", "proxies-out-443", "fromPort", 0, "DOM-EGR-001"),
    put("SecurityGroupEgressRule", "workers-to-endpoints", "cidrIpv4", "0.0.0.0/0", "DOM-EGR-002"),
    leaning("SecurityGroupEgressRule", "proxies-out-443", "securityGroupId", ("SecurityGroup", "worker-hosts"), "DOM-EGR-002"),
    leaning("LaunchTemplate", "worker-hosts", "networkInterfaces", ("SecurityGroup", "egress-proxies"), "DOM-EGR-002"),
    *(put("VpcEndpoint", each, "policy", None, "DOM-EGR-003") for each in ("s3", "autoscaling", "kms", "logs", "monitoring", "sts")),
    *(put("VpcEndpoint", each, "policy", OPEN, "DOM-EGR-003") for each in ("s3", "ecr.api", "ecr.dkr", "secretsmanager")),
    said("VpcEndpoint", "kms", "Use", "DOM-EGR-003", Condition=None),
    said("VpcEndpoint", "s3", "Archive", "DOM-EGR-004", Resource="*"),
    said("VpcEndpoint", "s3", "Archive", "DOM-EGR-004", Action="s3:*"),
    said("VpcEndpoint", "s3", "ImageLayers", "DOM-EGR-003", Action=["s3:GetObject", "s3:PutObject"]),
    said("VpcEndpoint", "secretsmanager", "Secrets", "DOM-EGR-004", Resource="*"),
    put("VpcEndpoint", "kms", "securityGroupIds", None, "DOM-EGR-005"),
    put("VpcEndpoint", "kms", "privateDnsEnabled", False, "DOM-EGR-005"),
    put("VpcEndpoint", "s3", "serviceName", "com.amazonaws.us-east-1.s3", "DOM-RES-003"),
    lost("ResolverFirewallRuleGroupAssociation", "names", "DOM-EGR-006"),
    lost("ResolverFirewallConfig", "closed", "DOM-EGR-007"),
    put("ResolverFirewallConfig", "closed", "firewallFailOpen", "ENABLED", "DOM-EGR-007"),
    lost("ResolverFirewallRule", "block", "DOM-EGR-008"),
    put("ResolverFirewallRule", "block", "action", "ALERT", "DOM-EGR-008", "DOM-EGR-009"),
    put("ResolverFirewallDomainList", "anything", "domains", ["example.com"], "DOM-EGR-008"),
    put("ResolverFirewallDomainList", "allowed", "domains", ["*.com"], "DOM-EGR-009"),
    leaning("ResolverFirewallRule", "allow", "firewallDomainListId", ("ResolverFirewallDomainList", "anything"), "DOM-EGR-009"),
    put("Function", "watch", "vpcConfig", None, "DOM-EGR-010"),
]

KEYS = [
    put("Key", "key", "enableKeyRotation", False, "DOM-KEY-001"),
    put("Key", "key", "deletionWindowInDays", 7, "DOM-KEY-002"),
    put("Key", "key", "multiRegion", True, "DOM-RES-004"),
    put("Key", "key", "policy", None, "DOM-KEY-003"),
    said("Key", "key", "Administer", "DOM-KEY-003", Condition=None),
    said("Key", "key", "Administer", "DOM-KEY-003", Action="kms:*"),
    said("Key", "key", "UseThroughServices", "DOM-KEY-003", "DOM-KEY-019", Condition=None),
    said("Key", "key", "UseThroughServices", "DOM-KEY-019",
         Condition={"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/one"}}),
    said("Key", "key", "GrantToRegistry", "DOM-KEY-003", "DOM-KEY-019", Condition=None),
    said("Key", "key", "GrantToDisks", "DOM-KEY-003", "DOM-KEY-019", Condition=None),
    said("Key", "key", "Logs", "DOM-ACC-007", Condition=None),
    said("Key", "key", "Alarms", "DOM-ACC-007", Condition=None),
    *(
        row
        for each in ("environment-key", "webhook-signing-secret")
        for row in (
            put("Secret", each, "kmsKeyId", None, "DOM-KEY-004"),
            put("Secret", each, "recoveryWindowInDays", 0, "DOM-KEY-014"),
            put("Secret", each, "replicas", [{"region": "us-east-1"}], "DOM-RES-005"),
            lost("SecretPolicy", each, "DOM-KEY-015"),
            put("SecretPolicy", each, "blockPublicPolicy", None, "DOM-KEY-016"),
            unsaid("SecretPolicy", each, "ReadByNoOther", "DOM-KEY-015"),
            unsaid("SecretPolicy", each, "ReadThroughEndpointOnly", "DOM-KEY-015"),
            unsaid("SecretPolicy", each, "WriteByNoOther", "DOM-KEY-015"),
            said("SecretPolicy", each, "WriteByNoOther", "DOM-KEY-015", Action="secretsmanager:PutSecretValue"),
            unsaid("SecretPolicy", each, "PolicyByNoOther", "DOM-KEY-015"),
            unsaid("SecretPolicy", each, "NeverElsewhere", "DOM-RES-010"),
        )
    ),
    *(put("LogGroup", each, "kmsKeyId", None, "DOM-KEY-005") for each in ("flow-log", "queries-log", "worker-hosts-log", "watch-log")),
    *(lost("BucketServerSideEncryptionConfiguration", each, "DOM-KEY-006") for each in ("archive", "settings", "access")),
    put("BucketServerSideEncryptionConfiguration", "archive", "rules[0].applyServerSideEncryptionByDefault.sseAlgorithm", "AES256",
        "DOM-KEY-006"),
    put("LaunchTemplate", "worker-hosts", "blockDeviceMappings[0].ebs.encrypted", "false", "DOM-KEY-007"),
    put("LaunchTemplate", "worker-hosts", "blockDeviceMappings[0].ebs.kmsKeyId", None, "DOM-KEY-007"),
    put("LaunchTemplate", "egress-proxies", "blockDeviceMappings", None, "DOM-KEY-007"),
    put("Repository", "sandbox", "encryptionConfigurations", None, "DOM-KEY-008"),
    put("Topic", "alarms", "kmsMasterKeyId", None, "DOM-KEY-009"),
    put("BucketObjectv2", "worker-hosts", "serverSideEncryption", "AES256", "DOM-KEY-011"),
    put("BucketObjectv2", "functions", "kmsKeyId", None, "DOM-KEY-011"),
    put("Function", "watch", "environment.variables.KEY", "sk-ant-" + "x" * 20, "DOM-KEY-013"),
    lost("MetricAlarm", "key-age", "DOM-KEY-017"),
    put("MetricAlarm", "key-age", "threshold", 400 * 86_400, "DOM-KEY-017"),
    put("MetricAlarm", "key-age", "treatMissingData", "notBreaching", "DOM-KEY-017", "DOM-AUD-011"),
    put("MetricAlarm", "key-age", "comparisonOperator", "LessThanThreshold", "DOM-KEY-017"),
    put("MetricAlarm", "key-age", "metricName", "Other", "DOM-KEY-017"),
    lost("EventRule", "key-changed", "DOM-KEY-018"),
    lost("EventTarget", "key-changed", "DOM-KEY-018"),
    put("EventRule", "key-changed", "eventPattern", json.dumps({"detail": {"eventName": ["PutSecretValue"]}}), "DOM-KEY-018"),
]  # fmt: skip

IMAGES = [
    put("Repository", "sandbox", "imageTagMutability", "MUTABLE", "DOM-IMG-001"),
    put("Repository", "host", "imageScanningConfiguration.scanOnPush", False, "DOM-IMG-002"),
    lost("RepositoryPolicy", "sandbox", "DOM-IMG-003"),
    unsaid("RepositoryPolicy", "sandbox", "PulledByMachinesOnly", "DOM-IMG-003"),
    unsaid("RepositoryPolicy", "egress", "PushedByAdministratorsOnly", "DOM-IMG-003"),
    told("egress-proxies", ".container", r"@sha256:[0-9a-f]{64}", ":latest", "DOM-IMG-004"),
    told("worker-hosts", "containers/policy.json", "sigstoreSigned", "insecureAcceptAnything", "DOM-IMG-005", "DOM-IMG-012"),
    told("worker-hosts", "containers/policy.json", '"type": "reject"', '"type": "insecureAcceptAnything"', "DOM-IMG-005"),
    more("LaunchTemplate", "worker-hosts", "settings-without-hash", "userData", _unhashed, "DOM-IMG-006"),
    more("LaunchTemplate", "worker-hosts", "image-by-name", "imageId", _tag_of_image, "DOM-IMG-007"),
    put("Function", "watch", "sourceCodeHash", None, "DOM-IMG-009"),
    put("LifecyclePolicy", "sandbox", "policy",
        json.dumps({"rules": [{"selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countNumber": 14}}]}), "DOM-IMG-010"),
    more("BucketObjectv2", "worker-hosts", "with-ssh", "content", _unmasked, "DOM-ACC-013"),
]  # fmt: skip

RECORDS = [
    lost("FlowLog", "flow", "DOM-AUD-001"),
    put("FlowLog", "flow", "trafficType", "ACCEPT", "DOM-AUD-002"),
    put("FlowLog", "flow", "maxAggregationInterval", 600, "DOM-AUD-002"),
    lost("ResolverQueryLogConfigAssociation", "queries", "DOM-AUD-003"),
    put("LogGroup", "flow-log", "retentionInDays", 30, "DOM-AUD-004"),
    put("LogGroup", "egress-proxies-log", "retentionInDays", None, "DOM-AUD-004"),
    put("BucketObjectLockConfiguration", "archive", "rule.defaultRetention.mode", "GOVERNANCE", "DOM-AUD-005"),
    put("BucketObjectLockConfiguration", "archive", "rule.defaultRetention", {"mode": "COMPLIANCE", "days": 30}, "DOM-AUD-005"),
    lost("BucketObjectLockConfiguration", "archive", "DOM-AUD-006"),
    put("Bucket", "archive", "objectLockEnabled", False, "DOM-AUD-006"),
    *(lost("BucketVersioning", each, "DOM-AUD-007") for each in ("archive", "settings", "access")),
    put("BucketVersioning", "archive", "versioningConfiguration.status", "Suspended", "DOM-AUD-007"),
    lost("BucketLogging", "archive", "DOM-AUD-008"),
    leaning("BucketLogging", "archive", "targetBucket", ("Bucket", "archive"), "DOM-AUD-008"),
    unsaid("BucketPolicy", "archive", "WrittenByWorkersOnly", "DOM-AUD-009"),
    unsaid("BucketPolicy", "archive", "OwnKeyOnly", "DOM-AUD-009"),
    unsaid("BucketPolicy", "archive", "NeverLoosened", "DOM-AUD-009"),
    unsaid("BucketPolicy", "archive", "NeverElsewhere", "DOM-RES-010"),
    put("BucketLifecycleConfiguration", "archive", "rules[0].expiration", {"days": 30}, "DOM-AUD-010"),
    *(put("MetricAlarm", each, "alarmActions", None, "DOM-AUD-011") for each in ("nobody-polls", "oldest-item", "old-key")),
    put("MetricAlarm", "nobody-polls", "treatMissingData", "notBreaching", "DOM-AUD-011"),
    put("MetricAlarm", "key-drain", "treatMissingData", "notBreaching", "DOM-AUD-011"),
    put("Function", "watch", "loggingConfig", None, "DOM-AUD-013"),
    put("TargetGroup", "egress", "preserveClientIp", "false", "DOM-AUD-014"),
    put("EventTarget", "key-changed", "arn", ELSEWHERE, "DOM-RES-007"),
    put("aws", "aws", "region", "us-east-1", "DOM-RES-001"),
    put("LogGroup", "flow-log", "region", "us-east-1", "DOM-RES-002"),
    told("worker-hosts", "/settings.json", r'"sinks": \[', '"sinks": [{"url": "https://http-intake.logs.datadoghq.com"}, ', "DOM-RES-009"),
]  # fmt: skip

ACCESS = [
    *(lost("BucketPublicAccessBlock", each, "DOM-ACC-009") for each in ("archive", "settings", "access")),
    *(
        put("BucketPublicAccessBlock", "archive", switch, False, "DOM-ACC-009")
        for switch in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    ),
    *(lost("BucketOwnershipControls", each, "DOM-ACC-010") for each in ("archive", "settings", "access")),
    put("BucketOwnershipControls", "archive", "rule.objectOwnership", "ObjectWriter", "DOM-ACC-010"),
    *(
        unsaid("BucketPolicy", each, sid, "DOM-ACC-011")
        for each in ("archive", "settings", "access") for sid in ("TlsOnly", "Tls12")
    ),
    *(lost("BucketPolicy", each, "DOM-ACC-011") for each in ("archive", "settings", "access")),
    unsaid("TopicPolicy", "alarms", "TlsOnly", "DOM-ACC-011"),
    said("TopicPolicy", "alarms", "Tell", "DOM-ACC-007", Condition=None),
    said("BucketPolicy", "access", "Deliver", "DOM-ACC-007", Condition=None),
    said("LogResourcePolicy", "queries", "Deliver", "DOM-ACC-007", path="policyDocument", Condition=None),
    unsaid("BucketPolicy", "settings", "WrittenByAdministratorsOnly", "DOM-ACC-018"),
    unsaid("BucketPolicy", "settings", "ReadByMachinesOnly", "DOM-ACC-018"),
    said("RolePolicy", "worker-host", "Secrets", "DOM-ACC-002", Action="secretsmanager:*"),
    said("RolePolicy", "worker-host", "Secrets", "DOM-ACC-002", Resource="*"),
    said("RolePolicy", "worker-host", "Archive", "DOM-ACC-003", Action=["s3:PutObject", "iam:PassRole"], Resource="*"),
    said("RolePolicy", "worker-host", "Decrypt", "DOM-KEY-019", Condition=None),
    said("RolePolicy", "worker-host", "Metrics", "DOM-ACC-017", Condition=None),
    said("RolePolicy", "egress-proxy", "Settings", "DOM-ACC-002", Resource=["arn:aws:s3:::*"]),
    unsaid("RolePolicy", "function-watch", "InterfacesNotByCode", "DOM-ACC-017"),
    said("Role", "worker-host", "Trust", "DOM-ACC-005", path="assumeRolePolicy", Principal={"AWS": "*"}),
    said("Role", "flow-logs", "Trust", "DOM-ACC-005", path="assumeRolePolicy", Condition=None),
    put("Permission", "watch", "sourceArn", None, "DOM-ACC-007"),
    more("Permission", "webhook", "for-anybody", "principal", _for_anybody, "DOM-ACC-006"),
    put("aws", "aws", "allowedAccountIds", None, "DOM-ACC-014"),
    put("Group", "worker-hosts", "maxInstanceLifetime", None, "DOM-ACC-016"),
    put("Bucket", "archive", "forceDestroy", True, "DOM-ACC-015"),
    put("LaunchTemplate", "worker-hosts", "keyName", "mine", "DOM-ACC-013"),
]  # fmt: skip

TABLE = {row.name: row for row in [*NETWORK, *EGRESS, *KEYS, *IMAGES, *RECORDS, *ACCESS]}
assert len(TABLE) == len([*NETWORK, *EGRESS, *KEYS, *IMAGES, *RECORDS, *ACCESS]), "a row stands twice"
