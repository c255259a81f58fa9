"""The names that a stack's things bear in its account, and their ARNs: known before anything exists, so that policies can name them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domicile.aws.policy_document import METRICS
from domicile.config import PerimeterConfig
from domicile.config.aws import Aws
from domicile.config.control_plane import ControlPlane

IMAGES = ("sandbox", "host", "egress")
"""Images that a region's machines run, each in a repository of its own."""

TUNNEL_IMAGES = ("cloudflared", "mcp-proxy")
"""Of tunnel hosts: others' images, copied."""

EVERY = "*"
"""Stands for any environment in ARNs of policies that all share."""

OF_ENVIRONMENT = frozenset({"worker-host", "worker-hosts", "watch", "webhook"})
"""What each of several environments has for itself, by the nouns that shared policies name."""

ROLE_NAME = 64
"""IAM's limit, and Lambda's for functions: the shortest of those that a name with a stack's and an environment's must keep."""


def numbered(noun: str, tier: int) -> str:
    """What an egress tier has for itself, by name: the first one's needs no number."""
    return noun if tier == 1 else f"{noun}-{tier}"


@dataclass(frozen=True)
class Names:
    """Names of one stack. `domicile-<stack>` begins each, so that two stacks share an account without meeting.

    Of a stack with several environments `domicile-<stack>_<environment>` begins the names of what is one environment's own: no stack's
    name has an underscore.
    """

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
    visited: bool = False
    """Whether its machines can be looked into by Session Manager."""
    workspace: str = ""
    """ARN of the workspace at Claude Platform on AWS; empty where an environment key opens the queue."""
    tiers: tuple[int, ...] = (1,)
    """The egress tiers that it has, by number."""
    environment: str = ""
    """Whose names these are in a stack with several environments: one's, or those that all share (`EVERY`)."""
    brought: Mapping[str, str] = field(default_factory=dict)
    """ARNs of roles that the stack doesn't make, by its own names for them."""

    @classmethod
    def of(cls, config: PerimeterConfig, aws: Aws) -> Names:
        watches = aws.images is not None
        listens = watches and aws.scaling.webhook
        tunnels = aws.tunnel is not None
        workspace = workspace_arn(config.control_plane, aws.account)
        made = cls(
            config.stack, aws.account, aws.region, "", aws.access.writers, watches, listens, tunnels, aws.network.session_manager,
            workspace, config.tiers, brought=aws.access.brought,
        )  # fmt: skip
        return made.for_environment(EVERY if config.environments else "")

    def for_environment(self, environment: str) -> Names:
        """The names of one environment, or of all of them."""
        found = replace(self, environment=environment)
        return replace(found, worker_role=found.role("worker-host"))

    @property
    def prefix(self) -> str:
        return f"domicile-{self.stack}"

    def called(self, noun: str) -> str:
        """The name of a thing in the account: the environment's own, or the stack's."""
        if not self._is_environments(noun):
            return f"{self.prefix}-{noun}"
        return f"{self.prefix}_{self._label}-{noun}"

    def _is_environments(self, noun: str) -> bool:
        return self.environment not in ("", EVERY) or (self.environment == EVERY and noun in OF_ENVIRONMENT)

    @property
    def _label(self) -> str:
        """The environment's name, cut where a role's or function's would be too long, and made unique again by its hash."""
        room = ROLE_NAME - len(f"{self.prefix}_-worker-host")
        if len(self.environment) <= room:
            return self.environment
        return f"{self.environment[: room - 9]}-{hashlib.sha256(self.environment.encode()).hexdigest()[:8]}"

    def folder(self, noun: str) -> str:
        """What comes before the path of a thing, in secrets, logs and buckets."""
        return f"environments/{self.environment}/" if self._is_environments(noun) else ""

    @property
    def metrics(self) -> str:
        """The namespace of metrics. One environment's is its own: its hosts can tell nothing of another's."""
        return f"{METRICS}/{self.stack}/{self.environment}" if self.environment not in ("", EVERY) else METRICS

    def role(self, noun: str) -> str:
        """ARN of a role: the stack's own, or the one brought along."""
        return self.brought.get(noun) or f"arn:aws:iam::{self.account}:role/{self.called(noun)}"

    @property
    def egress_role(self) -> str:
        return self.role("egress-proxy")

    @property
    def proxies(self) -> tuple[str, ...]:
        """The fleets of egress proxies."""
        return tuple(numbered("egress-proxies", tier) for tier in self.tiers)

    @property
    def tunnel_role(self) -> str:
        return self.role("tunnel-host")

    @property
    def machine_roles(self) -> tuple[str, ...]:
        """ARNs of the roles of the machines that the stack has."""
        return (self.worker_role, self.egress_role, *((self.tunnel_role,) if self.tunnels else ()))

    def function(self, noun: str) -> str:
        return self.called(noun)

    def function_arn(self, noun: str) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.function(noun)}"

    def function_role(self, noun: str) -> str:
        return self.role(self.function_role_noun(noun))

    def function_role_noun(self, noun: str) -> str:
        """Of several environments the function's own: names with an environment's in them have no room for more."""
        return noun if self.environment else f"function-{noun}"

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
    def records(self) -> str:
        """ARN of the records that the worker hosts add to the archive."""
        return f"{self.bucket_arn('archive')}/{self.folder('worker-hosts')}records/*"

    def settings(self, noun: str) -> str:
        """ARN of what machines of a kind are told."""
        return f"{self.bucket_arn('settings')}/{self.folder(noun)}{noun}/*"

    @property
    def environment_key(self) -> str:
        return f"{self.prefix}/{self.folder('worker-hosts')}environment-key"

    def secret_arn(self, name: str) -> str:
        """Secrets Manager adds a hyphen and six characters to a secret's name; `?` stands for one each."""
        return f"arn:aws:secretsmanager:{self.region}:{self.account}:secret:{name}-??????"

    @property
    def signing_secret(self) -> str:
        """The secret with which the control plane signs webhooks."""
        return f"{self.prefix}/{self.folder('webhook')}webhook-signing-secret"

    @property
    def tunnel_token(self) -> str:
        return f"{self.prefix}/tunnel/token"

    @property
    def tunnel_authority(self) -> str:
        return f"{self.prefix}/tunnel/authority"

    def credential(self, name: str) -> str:
        return f"{self.prefix}/{self.folder('worker-hosts')}credentials/{name}"

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
        return f"/domicile/{self.stack}/{self.folder(noun)}{noun}"

    def log_group_arn(self, noun: str) -> str:
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.log_group(noun)}"

    def group(self, noun: str) -> str:
        """An autoscaling group."""
        return self.called(noun)

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
