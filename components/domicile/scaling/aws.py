"""The functions that make the fleet follow the work in one region, the policy that scales it, and the alarms. Called by `aws.region`."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from domicile.aws import function_policies, policies
from domicile.aws.alarms import Alarm, alarm
from domicile.aws.ground import Ground
from domicile.aws.machines import Settings
from domicile.aws.previewed import previewed
from domicile.aws.secret import secret
from domicile.egress_proxy.aws import Door
from domicile.network.aws import Network
from domicile.network.aws.security_groups import HTTPS, allow
from domicile.scaling.package import CA_FILE, code_hash, object_key, package

RUNTIME = "python3.13"
MEMORY_MIB, TIMEOUT_SECONDS = 256, 30
LOOK_SECONDS, LOOK_SECONDS_WITH_WEBHOOK = 60, 300


@dataclass(frozen=True)
class Code:
    """The functions' archive in the settings bucket."""

    bucket: pulumi.Input[str]
    key: pulumi.Input[str]
    hash: str


def stored(ground: Ground, settings: Settings, key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> Code:
    """The functions' code, which is the same for every environment."""
    content = package(ground.config.control_plane.ca_file)
    made = aws.s3.BucketObjectv2(
        "functions",
        bucket=settings.bucket,
        key=object_key(content),
        content_base64=base64.b64encode(content).decode(),
        content_type="application/zip",
        server_side_encryption="aws:kms",
        kms_key_id=key,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[settings])),
    )
    return Code(settings.bucket, made.key, code_hash(content))


class Scaling(pulumi.ComponentResource):
    """The watching function on its schedule, the target tracking by its metrics, the alarms on them; with a webhook its address."""

    address: pulumi.Output[str] | None = None
    """Where the control plane's webhooks go, to be registered at its Console."""

    def __init__(
        self, name: str, ground: Ground, network: Network, door: Door, code: Code | Settings, key: pulumi.Output[str],
        topic: pulumi.Output[str], environment: pulumi.Output[str], group: pulumi.Input[str] | None, opts: pulumi.ResourceOptions,
    ) -> None:  # fmt: skip
        super().__init__("domicile:aws:Scaling", name, None, opts)
        self._ground, self._network, self._key, self._topic = ground, network, key, topic
        self._below = pulumi.ResourceOptions(parent=self)
        self._code = code if isinstance(code, Code) else stored(ground, code, key, self._below)
        webhook = ground.aws.scaling.webhook
        self._seconds = LOOK_SECONDS_WITH_WEBHOOK if webhook else LOOK_SECONDS
        self._watch(door, environment)
        if webhook:
            self.address = self._listen()
        if group is not None:
            self._track(group)
        for wanted in alarms(ground, self._seconds):
            alarm(ground, topic, wanted, self._below)
        self.register_outputs({"address": self.address})

    def _watch(self, door: Door, environment: pulumi.Output[str]) -> None:
        """Through the egress tier, as worker hosts go; a schedule that overlaps itself runs once."""
        ground, names, plane = self._ground, self._ground.names, self._ground.config.control_plane
        private = ground.config.private_control_plane
        said = "the function that watches the queue: to AWS endpoints and the egress tier, from nobody"
        groups = self._groups("watch", said, None if private else door)
        told: dict[str, pulumi.Input[str]] = {
            "STACK": ground.config.stack,
            "ENVIRONMENT_ID": environment,
            "CONTROL_PLANE_URL": plane.url,
            "CA_FILE": f"/var/task/{CA_FILE}" if plane.ca_file else "",
            "PROXY": "" if private else door.balancer.apply(lambda host: f"{host}:{door.port}"),
            **_identity(ground),
            "NAMESPACE": names.metrics,
            "GROUP": names.group("worker-hosts"),
            "HOST_CAPACITY": str(ground.config.worker_host.capacity),
            "HOST_LIFETIME_SECONDS": str(int(ground.aws.hosts.lifetime_seconds)),
        }
        policy = previewed(self._key, names.unmade_key).apply(lambda arn: function_policies.watch(names, arn))
        function = self._function("watch", "publishes the work queue's numbers and wakes the first worker host", policy, groups, told)
        rate = "rate(1 minute)" if self._seconds == 60 else f"rate({self._seconds // 60} minutes)"
        rule = aws.cloudwatch.EventRule(
            ground.noun("watch"),
            name=names.function("watch"),
            description="looks at the work queue",
            schedule_expression=rate,
            opts=self._below,
        )
        retry = {"maximum_retry_attempts": 0}
        aws.cloudwatch.EventTarget(ground.noun("watch"), rule=rule.name, arn=function.arn, retry_policy=retry, opts=self._below)
        self._permit("watch", function, "events.amazonaws.com", rule.arn)

    def _listen(self) -> pulumi.Output[str]:
        """One path and one method; whoever calls more often than sessions begin is turned away before the function."""
        names, noun = self._ground.names, self._ground.noun
        signing = self._signing_secret()
        groups = self._groups("webhook", "the function that webhooks come to: to AWS endpoints, from nobody")
        policy = previewed(self._key, names.unmade_key).apply(lambda arn: function_policies.webhook(names, arn))
        told: dict[str, pulumi.Input[str]] = {"SIGNING_SECRET": signing.name, "GROUP": names.group("worker-hosts")}
        function = self._function("webhook", "verifies the control plane's webhooks and wakes the first worker host", policy, groups, told)
        api = aws.apigatewayv2.Api(noun("webhook"), name=names.function("webhook"), protocol_type="HTTP", opts=self._below)
        integration = aws.apigatewayv2.Integration(
            noun("webhook"),
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_uri=function.invoke_arn,
            payload_format_version="2.0",
            timeout_milliseconds=TIMEOUT_SECONDS * 1000,
            opts=self._below,
        )
        target = integration.id.apply(lambda found: f"integrations/{found}")
        aws.apigatewayv2.Route(noun("webhook"), api_id=api.id, route_key="POST /webhook", target=target, opts=self._below)
        log = self._ground.log_group("webhook-access", self._key, self._below)
        shown = {
            "requestId": "$context.requestId",
            "ip": "$context.identity.sourceIp",
            "status": "$context.status",
            "at": "$context.requestTime",
        }
        aws.apigatewayv2.Stage(
            noun("webhook"),
            api_id=api.id,
            name="$default",
            auto_deploy=True,
            access_log_settings={"destination_arn": log.arn, "format": json.dumps(shown)},
            default_route_settings={"throttling_burst_limit": 20, "throttling_rate_limit": 10.0},
            opts=self._below,
        )
        self._permit("webhook", function, "apigateway.amazonaws.com", api.execution_arn.apply(lambda arn: f"{arn}/*/POST/webhook"))
        address: pulumi.Output[str] = api.api_endpoint.apply(lambda found: f"{found}/webhook")
        return address

    def _signing_secret(self) -> aws.secretsmanager.Secret:
        """Made empty: the Console shows its value once, and `domicile key --webhook` puts it in."""
        names, endpoint = self._ground.names, self._network.endpoints.secrets
        said = "the secret with which the control plane signs webhooks, as the Console shows it once"
        readers = (names.function_role("webhook"),)
        return secret("webhook-signing-secret", names.signing_secret, said, self._ground, self._key, endpoint, self._below, readers=readers)

    def _function(
        self, noun: str, description: str, policy: pulumi.Input[str], groups: list[pulumi.Output[str]], told: dict[str, pulumi.Input[str]]
    ) -> aws.lambda_.Function:
        """In the worker subnets, which have no route out; one call at a time; logs where the stack's logs are."""
        ground, names = self._ground, self._ground.names
        role = ground.role(names.function_role_noun(noun), description, policies.trust("lambda.amazonaws.com", names), policy, self._below)
        log = ground.log_group(noun, self._key, self._below)
        return aws.lambda_.Function(
            ground.noun(noun),
            name=names.function(noun),
            description=description,
            role=role,
            runtime=RUNTIME,
            handler=f"function.{noun}.handler",
            s3_bucket=self._code.bucket,
            s3_key=self._code.key,
            source_code_hash=self._code.hash,
            memory_size=MEMORY_MIB,
            timeout=TIMEOUT_SECONDS,
            reserved_concurrent_executions=1,
            environment={"variables": told},
            vpc_config={"subnet_ids": list(self._network.vpc.worker_subnets), "security_group_ids": groups},
            logging_config={"log_format": "JSON", "log_group": log.name},
            opts=self._below,
        )

    def _groups(self, noun: str, description: str, door: Door | None = None) -> list[pulumi.Output[str]]:
        """Of a stack that serves one environment a group of the function's own. A function of one of several goes where that environment's
        machines go, or only where all machines go."""
        if self._ground.environment:
            return list(door.groups) if door else [self._network.groups.workers]
        group = self._security_group(noun, description)
        if door:
            allow(f"{noun}-to-balancer", group, self._network.groups.balancers[1], door.port, self._below)
        return [group]

    def _security_group(self, noun: str, description: str) -> pulumi.Output[str]:
        name = f"{self._ground.names.prefix}-{noun}"
        made = aws.ec2.SecurityGroup(
            noun, name=name, description=description, vpc_id=self._network.vpc.id, tags={"Name": name}, opts=self._below
        )
        allow(f"{noun}-to-endpoints", made.id, self._network.groups.endpoints, HTTPS, self._below)
        identity: pulumi.Output[str] = made.id
        return identity

    def _permit(self, noun: str, function: aws.lambda_.Function, service: str, source: pulumi.Input[str]) -> None:
        aws.lambda_.Permission(
            self._ground.noun(noun),
            statement_id=f"call-{noun}",
            action="lambda:InvokeFunction",
            function=function.name,
            principal=service,
            source_arn=source,
            source_account=self._ground.names.account,
            opts=self._below,
        )

    def _track(self, group: pulumi.Input[str]) -> None:
        """Without the metric CloudWatch has no data, and the group holds what it has."""
        metric = {
            "namespace": self._ground.names.metrics,
            "metric_name": "HostLoadPercent",
            "statistic": "Average",
            "metric_dimensions": [{"name": "Stack", "value": self._ground.config.stack}],
        }
        aws.autoscaling.Policy(
            self._ground.noun("load"),
            name="load",
            autoscaling_group_name=group,
            policy_type="TargetTrackingScaling",
            target_tracking_configuration={
                "customized_metric_specification": metric,
                "target_value": float(self._ground.aws.scaling.busy_percent),
            },
            opts=self._below,
        )


def _identity(ground: Ground) -> dict[str, pulumi.Input[str]]:
    """With what the watching function asks the control plane: the environment key's secret, or a workspace that lets its role in."""
    plane = ground.config.control_plane
    if plane.region is None or plane.workspace_id is None:
        return {"KEY_SECRET": ground.names.environment_key}
    return {"KEY_SECRET": "", "WORKSPACE_ID": plane.workspace_id, "WORKSPACE_REGION": plane.region}


OLD_KEY = Alarm("old-key", "An old version of the environment key is still read.", "OldKeyVersionUsed", 0.0, period_seconds=3600, periods=1)
DRAIN_HOURS = 6


def key_drain(drain_seconds: float) -> Alarm:
    """Hosts are replaced in two or three rounds, each of which takes a start and a drain. Nobody can make the number smaller than the
    function says it: the largest counts."""
    text = "Worker hosts from before the environment key's current version are still there, or nobody says so."
    most = 3 * drain_seconds
    return Alarm("key-drain", text, "KeyDrainSeconds", most, period_seconds=3600, periods=DRAIN_HOURS, silence="breaching")


DRILL_SPARE_SECONDS = 1800
"""For a host's start, its timer's spread and the drill itself."""


def alarms(ground: Ground, look_seconds: int) -> tuple[Alarm, ...]:
    """On what the watching function publishes, each `look_seconds`. That it publishes nothing is the first alarm's matter."""
    each, oldest = look_seconds, ground.aws.alarms.oldest_item_seconds
    return (
        Alarm("nobody-polls", "Work waits or hosts have room, and no worker polls; or the queue can't be read.", "NobodyPolls", 0.0,
              period_seconds=each, periods=5, statistic="Minimum", silence="breaching"),
        Alarm("oldest-item", "A work item waits longer than it should.", "OldestItemAgeSeconds", oldest, period_seconds=each, periods=2),
        Alarm("pending-stuck", "Claimed items aren't taken up.", "WorkPending", 0.0, period_seconds=each, periods=10, statistic="Minimum"),
        Alarm("at-maximum", "The fleet is as large as it may be.", "AtMaximum", 0.0, period_seconds=each, periods=15, statistic="Minimum"),
        Alarm("drill-failed", "A worker host's drill failed: its sandboxes may be less confined than promised.", "DrillFailed", 0.0,
              period_seconds=300, periods=1),
        Alarm("drill-missing", "A worker host has held no drill that passed.", "DrillAgeSeconds",
              2 * float(ground.aws.alarms.drill_seconds) + DRILL_SPARE_SECONDS, period_seconds=300, periods=1),
        *(() if ground.names.workspace else (OLD_KEY, key_drain(float(ground.aws.hosts.drain_seconds)))),
    )  # fmt: skip
