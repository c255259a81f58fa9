"""What every room of an AWS stack stands on: the configuration, the names, and the provider of one account and region."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws

from domicile.aws import policies
from domicile.aws.names import EVERY, Names
from domicile.config import PerimeterConfig
from domicile.config.aws import Aws


@dataclass(frozen=True)
class Ground:
    """Handed to every room."""

    config: PerimeterConfig
    aws: Aws
    names: Names

    @classmethod
    def of(cls, config: PerimeterConfig) -> Ground:
        """Of a checked configuration of platform `aws`."""
        if config.aws is None:
            raise ValueError("a configuration of platform aws")
        return cls(config, config.aws, Names.of(config, config.aws))

    @property
    def environments(self) -> tuple[Ground, ...]:
        """What each environment's rooms stand on; of a stack that serves one, the same."""
        if not self.config.environments:
            return (self,)
        return tuple(Ground(each, each.aws or self.aws, self.names.for_environment(name)) for name, each in self.config.served.items())

    @property
    def tags(self) -> dict[str, str]:
        own = {"domicile:stack": self.config.stack, "domicile:jurisdiction": self.config.jurisdiction}
        return {**self.aws.tags, **own, **({"domicile:environment": self.environment} if self.environment else {})}

    @property
    def environment(self) -> str:
        """Whose ground this is in a stack with several environments; empty for what is no environment's own."""
        return "" if self.names.environment == EVERY else self.names.environment

    def noun(self, noun: str) -> str:
        """A resource's logical name, for the engine: things of several environments have the same parents' types."""
        return f"{self.environment}/{noun}" if self.environment else noun

    def provider(self, opts: pulumi.ResourceOptions) -> pulumi_aws.Provider:
        """The only provider of the stack: credentials of any other account are refused, everything is tagged."""
        return pulumi_aws.Provider(
            "aws",
            region=self.names.region,
            allowed_account_ids=[self.names.account],
            default_tags={"tags": self.tags},
            opts=opts,
        )

    def role(self, noun: str, description: str, trust: str, policy: pulumi.Input[str], opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        """The ARN of a role: one with one policy of its own, under the permissions boundary, or the one that was brought along."""
        if brought := self.names.brought.get(noun):
            return pulumi.Output.from_input(brought)
        arn: pulumi.Output[str] = self._make(noun, description, trust, policy, opts).arn
        return arn

    def machine_role(self, noun: str, description: str, policy: pulumi.Input[str], opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        """A role for machines; the ARN of its instance profile. It is there before any machine: policies name it by its ARN, and
        whoever could make a role of that name in the account would have what they grant."""
        if brought := self.aws.access.profile(noun):
            return pulumi.Output.from_input(brought)
        role = self._make(noun, description, policies.trust("ec2.amazonaws.com", self.names), policy, opts)
        profile = pulumi_aws.iam.InstanceProfile(self.noun(noun), name=self.names.called(noun), role=role.name, opts=opts)
        arn: pulumi.Output[str] = profile.arn
        return arn

    def _make(
        self, noun: str, description: str, trust: str, policy: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> pulumi_aws.iam.Role:
        role = pulumi_aws.iam.Role(
            self.noun(noun),
            name=self.names.called(noun),
            description=description,
            assume_role_policy=trust,
            permissions_boundary=self.aws.access.permissions_boundary,
            opts=opts,
        )
        pulumi_aws.iam.RolePolicy(self.noun(noun), name="least", role=role.name, policy=policy, opts=opts)
        return role

    def log_group(self, noun: str, key: pulumi.Input[str], opts: pulumi.ResourceOptions) -> pulumi_aws.cloudwatch.LogGroup:
        """A log group encrypted with the stack's key, kept as long as the configuration says."""
        return pulumi_aws.cloudwatch.LogGroup(
            self.noun(f"{noun}-log"),
            name=self.names.log_group(noun),
            kms_key_id=key,
            retention_in_days=self.aws.retention.log_days,
            opts=opts,
        )
