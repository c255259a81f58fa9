"""Who worker hosts are in one region. Called by `aws.assemble`. The fleet itself isn't in this version."""

from __future__ import annotations

import pulumi

from domicile.aws import policies
from domicile.aws.ground import Ground


class WorkerIdentity(pulumi.ComponentResource):
    """The worker hosts' role, with what their services need and no more, unless one was brought along."""

    profile: pulumi.Output[str]
    """ARN of the instance profile."""

    def __init__(self, name: str, ground: Ground, key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("domicile:aws:WorkerIdentity", name, None, opts)
        existing = ground.aws.access.worker_instance_profile
        if existing:
            self.profile = pulumi.Output.from_input(existing)
        else:
            policy = key.apply(lambda arn: policies.worker_host(ground.names, arn, ground.config.credential_names))
            description = "worker hosts: secrets, images, settings, archive, metrics"
            self.profile = ground.machine_role("worker-host", description, policy, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"profile": self.profile})
