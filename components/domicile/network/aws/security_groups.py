"""Who may open a connection to whom inside the VPC. A group starts without any rule; each one is made here, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from domicile.aws.ground import Ground
from domicile.aws.names import numbered
from domicile.config.environments import FIRST_PORT, LAST_PORT

HTTPS = 443
EGRESS_PORT = 3128
"""Where the egress tier listens, as the proxy on each host does."""

HEALTH_PORT = 8081
"""Where an egress proxy answers the balancer's health checks."""


@dataclass(frozen=True)
class SecurityGroups:
    """Ids. DNS and the clock at link-local addresses are AWS's own and pass no security group (VPC guide: security groups)."""

    workers: pulumi.Output[str]
    balancers: Mapping[int, pulumi.Output[str]]
    """By egress tier."""
    proxies: pulumi.Output[str]
    endpoints: pulumi.Output[str]

    @classmethod
    def build(cls, ground: Ground, vpc: pulumi.Input[str], opts: pulumi.ResourceOptions) -> SecurityGroups:
        """worker hosts → endpoints, worker hosts → balancer → proxies → endpoints. What leaves the proxies is the egress room's rule.

        Of several environments none reaches a balancer by this: each has a group of its own for its own port there.
        """

        def group(noun: str, description: str) -> pulumi.Output[str]:
            made = aws.ec2.SecurityGroup(
                noun,
                name=f"{ground.names.prefix}-{noun}",
                description=description,
                vpc_id=vpc,
                tags={"Name": f"{ground.names.prefix}-{noun}"},
                opts=opts,
            )
            identity: pulumi.Output[str] = made.id
            return identity

        groups = cls(
            group("worker-hosts", "worker hosts: to AWS endpoints and the egress tier, from nobody"),
            {
                tier: group(numbered("egress-balancer", tier), "door of the egress tier: from worker hosts and the watching function")
                for tier in ground.config.tiers
            },
            group("egress-proxies", "egress proxies: from their balancer only"),
            group("endpoints", "AWS endpoints: from machines of this stack only"),
        )
        allow("workers-to-endpoints", groups.workers, groups.endpoints, HTTPS, opts)
        several = bool(ground.config.environments)
        for tier, balancer in groups.balancers.items():
            if not several:
                allow("workers-to-balancer", groups.workers, balancer, EGRESS_PORT, opts)
            doors, last = (FIRST_PORT, LAST_PORT) if several else (EGRESS_PORT, EGRESS_PORT)
            allow(numbered("balancer-to-proxies", tier), balancer, groups.proxies, doors, opts, last=last)
            allow(numbered("balancer-checks-proxies", tier), balancer, groups.proxies, HEALTH_PORT, opts)
        allow("proxies-to-endpoints", groups.proxies, groups.endpoints, HTTPS, opts)
        return groups

    def let_workers_reach_s3(self, prefix_list: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        """S3 of this region through the gateway endpoint, which has no group of its own; its policy says which buckets."""
        for noun, group in (("workers", self.workers), ("proxies", self.proxies)):
            self.let_reach_s3(noun, group, prefix_list, opts)

    def let_reach_s3(self, noun: str, group: pulumi.Input[str], prefix_list: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        """One group of machines."""
        aws.vpc.SecurityGroupEgressRule(
            f"{noun}-to-s3",
            security_group_id=group,
            prefix_list_id=prefix_list,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            description="S3 through the gateway endpoint",
            opts=opts,
        )


def allow(
    name: str, source: pulumi.Input[str], target: pulumi.Input[str], port: int, opts: pulumi.ResourceOptions, *, last: int = 0
) -> None:
    """One TCP port, or all up to `last`, from one group to another: out of the one, into the other."""
    aws.vpc.SecurityGroupEgressRule(
        name,
        security_group_id=source,
        referenced_security_group_id=target,
        ip_protocol="tcp",
        from_port=port,
        to_port=last or port,
        description=name,
        opts=opts,
    )
    aws.vpc.SecurityGroupIngressRule(
        name,
        security_group_id=target,
        referenced_security_group_id=source,
        ip_protocol="tcp",
        from_port=port,
        to_port=last or port,
        description=name,
        opts=opts,
    )
