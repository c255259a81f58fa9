"""What a worker host is told: the one contract between provisioning (`domicile`) and running (`domicile_host`).

Provisioning renders one `HostSettings` as JSON; each of the host's four services reads that file, whose path is its
first argument. It holds names and places of secrets, never a secret. All paths are absolute and the same inside a
service's container and on the host, because the dispatcher names host paths to the container engine.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Hostname = Annotated[str, Field(pattern=r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$")]


class Settings(BaseModel):
    """A frozen model that refuses fields it doesn't know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # most are only ever parts of another, which has their checks


class ControlPlane(Settings):
    """Where the work queue and the sessions are."""

    url: str = Field(description="base URL, without a trailing slash")
    ca_file: Path | None = Field(None, description="CA certificates that the endpoint's certificate must lead to; unset: the system's")
    polls_per_minute: int = Field(120, ge=6, le=600, description="upper bound of queue polls; a 429 slows further")


class OpenBaoSecrets(Settings):
    """How the dispatcher reads secrets: OpenBao on a Unix socket, as an AppRole that can read what is named here only."""

    kind: Literal["openbao"] = "openbao"
    socket: Path = Field(description="OpenBao's listener")
    role_id_file: Path
    secret_id_file: Path
    mount: str = Field("domicile", description="the KV v2 engine")
    environment_key: str = Field("environment-key", description="secret whose field `value` is the environment key")
    egress_ca: str = Field("egress-ca", description="secret with fields `certificate` and `key` (PEM): the inspecting proxy's CA")
    credentials: str = Field("credentials", description="folder of injected credentials: `<folder>/<name>`, field `value`")


class AwsSecrets(Settings):
    """How the dispatcher reads secrets: AWS Secrets Manager in one region, signed with the credentials of the machine's own role.

    A value is the secret's string itself. The inspecting CA is no secret of the region: each host makes one for itself.
    """

    kind: Literal["aws-secrets-manager"] = "aws-secrets-manager"
    url: str = Field(description="the endpoint in the VPC, without a trailing slash")
    region: str = Field(description="what calls are signed for", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    role_file: Path = Field(
        description="the role's credentials as JSON, kept fresh by the machine: `AccessKeyId`, `SecretAccessKey`, `Token`"
    )
    environment_key: str | None = Field(description="name of the secret whose string is the environment key; none where a role signs")
    credentials: str = Field(description="what the names of injected credentials begin with: `<credentials>/<name>`")
    metrics_url: str | None = Field(
        None, description="CloudWatch's endpoint in the VPC, told the age of the key and the sessions served; unset: nobody is"
    )
    metrics_namespace: str = Field("Domicile", description="of what CloudWatch is told", pattern=r"^[A-Za-z0-9/-]{1,255}$")
    authority: Path = Field(description="where this host keeps the CA that it made, in memory only")
    ca_file: Path | None = Field(None, description="CA certificates that the endpoint's certificate must lead to; unset: the system's")


class Signing(Settings):
    """Claude Platform on AWS: requests are signed with roles' credentials; there is no environment key, and items' tokens aren't used."""

    region: str = Field(description="where the workspace is, which is what requests are signed for", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    workspace_id: str = Field(description="the workspace that every request names", pattern=r"^wrkspc_[A-Za-z0-9]+$")
    role_file: Path = Field(description="the machine's role, with which the dispatcher works the queue")
    sessions_role: str = Field(description="ARN of the role that opens sessions and nothing else: the dispatcher takes it for the gateway")
    sessions_role_file: Path = Field(description="that role's credentials, in memory only: dispatcher writes, gateway reads")
    sts_url: str = Field(description="where that role is taken: STS in the VPC, without a trailing slash")
    sts_region: str = Field(description="the machine's own region, which STS is asked for", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    private: bool = Field(True, description="reached through its endpoint in the VPC, past the region's second door")
    ca_file: Path | None = Field(None, description="CA certificates that STS's certificate must lead to; unset: the system's")


SecretsManager = Annotated[OpenBaoSecrets | AwsSecrets, Field(discriminator="kind")]


class SandboxImage(Settings):
    """The image that sandboxes run: pinned by digest, refused without its signature."""

    reference: str = Field(description="name of the image in the host's container store, without tag or digest")
    digest: Digest
    signature: Path = Field(description="the image's signature as `domicile_images` writes it")
    public_key: Path = Field(description="PEM of the ECDSA P-256 key that must have signed it")


class Limits(Settings):
    """What one session may use."""

    memory_bytes: int = Field(1 << 30, ge=64 << 20)
    cpus: float = Field(1.0, gt=0)
    pids: int = Field(256, ge=16)
    workspace_bytes: int = Field(512 << 20, ge=1 << 20)
    tmp_bytes: int = Field(256 << 20, ge=1 << 20)
    open_files: int = Field(4096, ge=64)
    session_seconds: int = Field(8 * 3600, ge=10, description="from claim to the end, whatever the session does")
    idle_seconds: float = Field(60.0, ge=0.5, description="how long an idle session (end of turn) keeps its sandbox")


class Sandboxes(Settings):
    """How sandboxes are made."""

    image: SandboxImage
    runtime: Literal["runc", "crun", "runsc", "kata"] = "runc"
    seccomp_profile: Path
    ca_bundle: Path = Field(
        description="where the dispatcher writes the CA certificates that a sandbox trusts: the system's and the proxy's own"
    )
    limits: Limits = Limits()
    capacity: int = Field(8, ge=1, le=1000, description="sessions served at once")
    warm: int = Field(2, ge=0, le=100, description="sandboxes kept ready beside the live ones")
    drain_seconds: int = Field(0, ge=0, le=7200, description="after SIGTERM, how long sessions may go on before their workers are stopped")


class Network(Settings):
    """The host's own network namespace, in which its services run and where each sandbox's link ends."""

    sandbox_range: IPv4Network = Field(IPv4Network("100.96.0.0/16"), description="addresses of the sandboxes' ends of the links")
    proxy_address: IPv4Address = Field(IPv4Address("100.96.0.1"), description="the one address a sandbox can reach")
    egress_port: int = Field(3128, description="the egress proxy")
    gateway_port: int = Field(8080, description="the way to the session gateway, through the egress proxy")


class Credential(Settings):
    """A credential that the proxy adds to requests of an inspected host; the sandbox never sees it."""

    name: Name = Field(description="the secret below `credentials` in the secrets manager")
    header: str = Field("authorization", pattern=r"^[a-z0-9-]+$")
    prefix: str = Field("", description="put before the value, as in `Bearer `")


class HttpRule(Settings):
    """Methods and paths allowed at an inspected host."""

    methods: tuple[str, ...] = Field(min_length=1)
    paths: tuple[str, ...] = Field(min_length=1, description="a path, or a prefix that ends in `/`")


class EgressRule(Settings):
    """One allowed host. `tunnel` leaves TLS end to end; `inspect` opens it and holds each request to `http`."""

    host: Hostname
    port: int = Field(443, ge=1, le=65535)
    mode: Literal["tunnel", "inspect"] = "tunnel"
    http: tuple[HttpRule, ...] = ()
    credential: Credential | None = None


class EgressPolicy(Settings):
    """The allowlist of one environment; what it doesn't name is refused."""

    rules: tuple[EgressRule, ...] = ()
    resolvers: tuple[IPv4Address, ...] = Field(description="DNS servers that the proxy asks; sandboxes have none")
    upstream_ca_file: Path | None = Field(None, description="CA certificates for inspected hosts; unset: the system's")
    how_to_ask: str = Field("ask the owner of this environment's egress policy to allow it", description="ends each refusal")


class UpstreamProxy(Settings):
    """The region's second door, where alone is a route out: this host's proxy and services reach the outside through it, by CONNECT."""

    host: Hostname
    port: int = Field(3128, ge=1, le=65535)
    network: IPv4Network = Field(description="where its addresses lie; this host's packet filter allows no other")

    @property
    def url(self) -> str:
        """As HTTP clients take it."""
        return f"http://{self.host}:{self.port}"


class OtlpSink(Settings):
    """OpenTelemetry over HTTP, JSON."""

    kind: Literal["otlp"] = "otlp"
    name: Name
    url: str = Field(description="base URL; `/v1/logs` is added")
    headers_from: Name | None = Field(None, description="credential whose value is sent as `authorization`")
    ca_file: Path | None = None


class SplunkHecSink(Settings):
    """Splunk's HTTP event collector."""

    kind: Literal["splunk-hec"] = "splunk-hec"
    name: Name
    url: str = Field(description="base URL; `/services/collector/event` is added")
    token_from: Name = Field(description="credential whose value is the HEC token")
    index: str | None = None
    acknowledge: bool = Field(True, description="ask for indexer acknowledgement and wait for it")
    ca_file: Path | None = None


ARCHIVE_BUCKET: Final = "archive-bucket"
"""The name of a region's own sink; a team's can't bear it."""


class BucketSink(Settings):
    """The region's archive: a locked S3 bucket that this host's role may add to, and neither read nor change."""

    kind: Literal["s3"] = "s3"
    name: Name = ARCHIVE_BUCKET
    url: str = Field(description="the bucket's endpoint, without a trailing slash; `/records/…` is added")
    region: str = Field(description="what requests are signed for", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    role_file: Path = Field(description="the role's credentials as JSON, kept fresh by the machine")
    ca_file: Path | None = None


Sink = Annotated[OtlpSink | SplunkHecSink | BucketSink, Field(discriminator="kind")]


class Audit(Settings):
    """Where records go, and how much of a tool call they hold."""

    content: Literal["digest", "full", "none"] = Field(
        "digest", description="tool inputs and outputs as SHA-256 and size, whole, or not at all"
    )
    journal: Path = Field(description="folder of the journals, one folder a source")
    archive: Path = Field(description="folder of the retained archive")
    cursors: Path = Field(description="folder of the sinks' durable cursors")
    sinks: tuple[Sink, ...] = ()


class Places(Settings):
    """Where the services meet. Each socket's folder is mounted into those containers only that are named."""

    container_engine: Path = Field(description="podman's API socket: dispatcher")
    gateway_sandbox: Path = Field(description="the gateway's listener for sandboxes: gateway, Envoy")
    gateway_control: Path = Field(description="the gateway's listener for bindings: gateway, dispatcher")
    ads: Path = Field(description="the dispatcher's ADS server: dispatcher, Envoy")
    envoy_admin: Path = Field(description="Envoy's admin interface: Envoy")
    egress_log: Path = Field(description="Envoy's access log (JSON lines): Envoy writes, shipper reads")
    dispatcher_status: Path = Field(description="health, metrics, status: dispatcher, operator")
    shipper_status: Path = Field(description="health, metrics, status: shipper, operator")
    shipper_secrets: Path = Field(description="folder of the sinks' credentials (tmpfs): dispatcher writes, shipper reads")
    ledger: Path = Field(description="the dispatcher's ledger of sessions in hand")
    network_namespaces: Path = Field(Path("/run/netns"), description="where named network namespaces are: dispatcher")


class HostSettings(Settings):
    """Everything a worker host is told."""

    stack: Name
    host: Name = Field(description="this worker host's name: the worker id at the control plane, the source of audit records")
    environment_id: str = Field(pattern=r"^env_[A-Za-z0-9_-]+$")
    control_plane: ControlPlane
    signing: Signing | None = Field(None, description="unset: the environment key opens the queue, each item's token its session")
    secrets: SecretsManager
    sandboxes: Sandboxes
    network: Network = Network()
    egress: EgressPolicy
    upstream_proxy: UpstreamProxy | None = Field(None, description="unset: this host has a route out by itself")
    audit: Audit
    places: Places

    @property
    def proxy_url(self) -> str | None:
        """The HTTP proxy of this host's own services."""
        return self.upstream_proxy.url if self.upstream_proxy else None

    @property
    def control_plane_proxy(self) -> str | None:
        """The HTTP proxy on the way to the control plane."""
        return None if self.signing and self.signing.private else self.proxy_url


def load(path: Path) -> HostSettings:
    """Reads the settings file. Raises `pydantic.ValidationError` for what doesn't fit and `OSError` for what isn't there."""
    return HostSettings.model_validate_json(path.read_bytes())
