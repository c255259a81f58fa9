"""The names that a stack's things bear in its account, and their ARNs: known before anything exists, so that policies can name them."""

from __future__ import annotations

from dataclasses import dataclass

from domicile.config import PerimeterConfig
from domicile.config.aws import Aws
from domicile.config.control_plane import ControlPlane

IMAGES = ("sandbox", "host", "egress")
"""Images that a region's machines run, each in a repository of its own."""

TUNNEL_IMAGES = ("cloudflared", "mcp-proxy")
"""Of tunnel hosts: others' images, copied."""


@dataclass(frozen=True)
class Names:
    """Names of one stack. `domicile-<stack>` begins each, so that two stacks share an account without meeting."""

    stack: str
    account: str
    region: str
    worker_role: str
    """ARN: the stack's own role, or the one brought along."""
    administrators: tuple[str, ...]
    """ARNs of the roles that administer."""
    watches: bool = False
    """Whether the stack has the function that watches the queue, and so that function's role."""
    listens: bool = False
    """Whether it has the function that webhooks come to."""
    tunnels: bool = False
    """Whether it has an MCP tunnel, and so its hosts' role."""
    workspace: str = ""
    """ARN of the workspace at Claude Platform on AWS; empty where an environment key opens the queue."""

    @classmethod
    def of(cls, config: PerimeterConfig, aws: Aws) -> Names:
        own = f"arn:aws:iam::{aws.account}:role/domicile-{config.stack}-worker-host"
        watches = aws.images is not None
        listens = watches and aws.scaling.webhook
        return cls(
            config.stack,
            aws.account,
            aws.region,
            aws.access.worker_role or own,
            aws.access.writers,
            watches,
            listens,
            aws.tunnel is not None,
            workspace_arn(config.control_plane, aws.account),
        )

    @property
    def prefix(self) -> str:
        return f"domicile-{self.stack}"

    def role(self, noun: str) -> str:
        """ARN of a role that the stack makes."""
        return f"arn:aws:iam::{self.account}:role/{self.prefix}-{noun}"

    @property
    def egress_role(self) -> str:
        return self.role("egress-proxy")

    @property
    def tunnel_role(self) -> str:
        return self.role("tunnel-host")

    @property
    def machine_roles(self) -> tuple[str, ...]:
        """ARNs of the roles of the machines that the stack has."""
        return (self.worker_role, self.egress_role, *((self.tunnel_role,) if self.tunnels else ()))

    def function(self, noun: str) -> str:
        return f"{self.prefix}-{noun}"

    def function_arn(self, noun: str) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.function(noun)}"

    def function_role(self, noun: str) -> str:
        return self.role(f"function-{noun}")

    @property
    def function_roles(self) -> tuple[str, ...]:
        """ARNs of the roles of the functions that the stack has; a role that it doesn't have stands in no policy."""
        had = {"watch": self.watches, "webhook": self.listens}
        return tuple(self.function_role(noun) for noun, there in had.items() if there)

    @property
    def root(self) -> str:
        """The account as a principal."""
        return f"arn:aws:iam::{self.account}:root"

    def bucket(self, noun: str) -> str:
        """At most 63 characters, as S3 asks: nouns have up to eight letters. Names are the world's, so the account stands in them."""
        return f"{self.prefix}-{noun}-{self.account}"

    def bucket_arn(self, noun: str) -> str:
        return f"arn:aws:s3:::{self.bucket(noun)}"

    @property
    def environment_key(self) -> str:
        return f"{self.prefix}/environment-key"

    def secret_arn(self, name: str) -> str:
        """Secrets Manager adds a hyphen and six characters to a secret's name; `?` stands for one each."""
        return f"arn:aws:secretsmanager:{self.region}:{self.account}:secret:{name}-??????"

    @property
    def signing_secret(self) -> str:
        """The secret with which the control plane signs webhooks."""
        return f"{self.prefix}/webhook-signing-secret"

    @property
    def tunnel_token(self) -> str:
        return f"{self.prefix}/tunnel/token"

    @property
    def tunnel_authority(self) -> str:
        return f"{self.prefix}/tunnel/authority"

    def credential(self, name: str) -> str:
        return f"{self.prefix}/credentials/{name}"

    def repository(self, image: str) -> str:
        return f"{self.prefix}/{image}"

    def repository_arn(self, image: str) -> str:
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{self.repository(image)}"

    @property
    def registry(self) -> str:
        """The host of the account's registry in this region."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com"

    def image(self, image: str, digest: str) -> str:
        """How a machine names an image: never by a tag."""
        return f"{self.registry}/{self.repository(image)}@{digest}"

    @property
    def repository_arns(self) -> tuple[str, ...]:
        return tuple(self.repository_arn(image) for image in IMAGES)

    @property
    def tunnel_repository_arns(self) -> tuple[str, ...]:
        """Of a stack that has a tunnel."""
        return tuple(self.repository_arn(image) for image in TUNNEL_IMAGES) if self.tunnels else ()

    def log_group(self, noun: str) -> str:
        return f"/domicile/{self.stack}/{noun}"

    def log_group_arn(self, noun: str) -> str:
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.log_group(noun)}"

    def group(self, noun: str) -> str:
        """An autoscaling group."""
        return f"{self.prefix}-{noun}"

    def group_arn(self, noun: str) -> str:
        """The identifier in the middle is AWS's own and isn't known before."""
        return f"arn:aws:autoscaling:{self.region}:{self.account}:autoScalingGroup:*:autoScalingGroupName/{self.group(noun)}"

    def service(self, name: str) -> str:
        """The name of an AWS service's VPC endpoint."""
        return f"com.amazonaws.{self.region}.{name}"

    @property
    def unmade_key(self) -> str:
        """Stands for the ARN of the stack's key in previews that can't know it (`aws.previewed`)."""
        return f"arn:aws:kms:{self.region}:{self.account}:key/00000000-0000-0000-0000-000000000000"

    @property
    def alarm_topic_arn(self) -> str:
        return f"arn:aws:sns:{self.region}:{self.account}:{self.prefix}-alarms"

    @property
    def layer_bucket_arn(self) -> str:
        """AWS's own bucket of image layers (ECR guide: VPC endpoints, minimum S3 permissions)."""
        return f"arn:aws:s3:::prod-{self.region}-starport-layer-bucket"


def workspace_arn(plane: ControlPlane, account: str) -> str:
    """Of a control plane that lets roles in (platform.claude.com, IAM actions for Claude Platform on AWS, 2026-08); else empty."""
    return f"arn:aws:aws-external-anthropic:{plane.region}:{account}:workspace/{plane.workspace_id}" if plane.kind == "aws" else ""
