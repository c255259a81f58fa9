"""Key custody in one region: the stack's encryption key, the environment key's secret, and who hears when either changes.

The environment key's value never passes through Pulumi: the secret is made empty, and `domicile key` fills it.
Called by `aws.region`.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.alarms import Alarm, alarm
from domicile.aws.ground import Ground
from domicile.aws.secret import DELETION_DAYS, secret

CHANGES = ("DeleteSecret", "PutResourcePolicy", "PutSecretValue", "RotateSecret", "UpdateSecret", "UpdateSecretVersionStage")
"""Calls that change a secret's value, its policy, or remove it."""


class EncryptionKey(pulumi.ComponentResource):
    """The customer managed key of everything in the stack: its own, or the one brought along. Single-region, rotated yearly.

    It is kept when the stack is destroyed and the archive stays: without it the archive could not be read.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, ground: Ground, opts: pulumi.ResourceOptions) -> None:
        super().__init__("domicile:aws:EncryptionKey", name, None, opts)
        existing = ground.aws.access.encryption_key
        if existing:
            self.arn = pulumi.Output.from_input(existing)
        else:
            below = pulumi.ResourceOptions(parent=self, retain_on_delete=ground.config.retain.archive)
            key = aws.kms.Key(
                "key",
                description=f"Domicile {ground.config.stack}: everything that this stack keeps",
                policy=policies.encryption_key(ground.names),
                enable_key_rotation=True,
                multi_region=False,
                deletion_window_in_days=DELETION_DAYS,
                opts=below,
            )
            alias = f"alias/{ground.names.prefix}"  # not kept: the stack's next key needs the name
            aws.kms.Alias("key", name=alias, target_key_id=key.key_id, opts=pulumi.ResourceOptions(parent=self))
            self.arn = key.arn
        self.register_outputs({"arn": self.arn})


class EnvironmentKey(pulumi.ComponentResource):
    """The secrets of one environment: the key of its queue, and the credentials that the configuration names."""

    arn: pulumi.Output[str] | None = None
    """The key's; None where a role opens the queue, and there is no key to keep."""

    def __init__(
        self,
        name: str,
        ground: Ground,
        key: pulumi.Output[str],
        endpoint: pulumi.Output[str],
        topic: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("domicile:aws:EnvironmentKey", name, None, opts)
        self._ground, names, below = ground, ground.names, pulumi.ResourceOptions(parent=self)
        if not names.workspace:
            readers = (names.worker_role, *((names.function_role("watch"),) if names.watches else ()))
            said = "the environment key, as the Console shows it once"
            self.arn = secret("environment-key", names.environment_key, said, ground, key, endpoint, below, readers=readers).arn
            self._tell_of_age(topic)
        for credential in ground.config.credential_names:
            secret(credential, names.credential(credential), f"the credential {credential}", ground, key, endpoint, below)
        self._tell_of_changes(topic)
        self.register_outputs({"arn": self.arn})

    def _tell_of_changes(self, topic: pulumi.Output[str]) -> None:
        """For somebody to look at; needs CloudTrail in the account, the only source of Secrets Manager's events. The rolling drain after a
        new version doesn't wait for it: the function that watches the queue sees versions by itself (`scaling.function.drain`)."""
        names, below = self._ground.names, pulumi.ResourceOptions(parent=self)
        pattern = {
            "source": ["aws.secretsmanager"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {
                "eventName": list(CHANGES),
                "requestParameters": {"secretId": [{"wildcard": f"*{names.prefix}/{names.folder('worker-hosts')}*"}]},
            },
        }
        rule = aws.cloudwatch.EventRule(
            self._ground.noun("key-changed"),
            name=names.called("key-changed"),
            description="a secret of this stack has a new version, another policy, or is removed",
            event_pattern=json.dumps(pattern),
            opts=below,
        )
        aws.cloudwatch.EventTarget(self._ground.noun("key-changed"), rule=rule.name, arn=topic, opts=below)

    def _tell_of_age(self, topic: pulumi.Output[str]) -> None:
        """Dispatchers report the age of the version that they use. Silence is an alarm too: nobody vouches for the key then."""
        age = Alarm(
            "key-age", "The environment key is due for rotation, or nobody reports its age.", "EnvironmentKeyAgeSeconds",
            self._ground.aws.alarms.key_age_seconds, period_seconds=3600, periods=6, silence="breaching",
        )  # fmt: skip
        alarm(self._ground, topic, age, pulumi.ResourceOptions(parent=self))
