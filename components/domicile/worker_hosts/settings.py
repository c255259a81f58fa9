"""Renders a stack's configuration into the `HostSettings` of its worker host: one description for every platform's form of a host."""

from __future__ import annotations

from domicile.config import PerimeterConfig
from domicile.places import StackPlaces
from domicile_host.settings import (
    Audit,
    AwsSecrets,
    BucketSink,
    ControlPlane,
    EgressPolicy,
    HostSettings,
    Limits,
    Network,
    OpenBaoSecrets,
    Places,
    Sandboxes,
    SandboxImage,
    Signing,
    UpstreamProxy,
)


def render(
    config: PerimeterConfig,
    places: StackPlaces,
    sandbox: SandboxImage,
    secrets: OpenBaoSecrets | AwsSecrets,
    *,
    environment_id: str = "",
    upstream_proxy: UpstreamProxy | None = None,
    drain_seconds: int = 0,
    bucket: BucketSink | None = None,
    signing: Signing | None = None,
) -> HostSettings:
    """The settings of a host of the stack. The stand-in and the hosts around it have CAs of their own.

    `environment_id`: of an environment that the stack keeps; default: the configured one.
    """
    control_plane, egress = config.control_plane, config.egress
    plane_ca, upstream_ca = (places.control_plane_ca, places.outside_ca) if config.is_stand_in else (None, None)
    return HostSettings(
        stack=config.stack,
        host=config.worker_host.name,
        environment_id=environment_id or config.only_environment.id,
        control_plane=ControlPlane(
            url=control_plane.url, ca_file=control_plane.ca_file or plane_ca, polls_per_minute=control_plane.polls_per_minute
        ),
        signing=signing,
        secrets=secrets,
        sandboxes=Sandboxes(
            image=sandbox,
            runtime=config.worker_host.runtime,
            seccomp_profile=places.seccomp_profile,
            ca_bundle=places.ca_bundle,
            limits=Limits.model_validate(config.worker_host.limits.model_dump(by_alias=False)),
            capacity=config.worker_host.capacity,
            warm=config.worker_host.warm,
            drain_seconds=drain_seconds,
        ),
        network=Network.model_validate(config.network.model_dump(by_alias=False)),
        egress=EgressPolicy.model_validate(
            egress.model_dump(by_alias=False) | {"upstream_ca_file": egress.upstream_ca_file or upstream_ca}
        ),
        upstream_proxy=upstream_proxy,
        audit=Audit(
            content=config.audit.content,
            journal=places.journal,
            archive=places.archive,
            cursors=places.cursors,
            sinks=(*config.audit.model_dump(by_alias=False)["sinks"], *((bucket,) if bucket else ())),
        ),
        places=_places(places),
    )


def openbao(places: StackPlaces) -> OpenBaoSecrets:
    """The secrets manager of a `local` host."""
    from domicile.environment_key.local import CREDENTIALS, EGRESS_CA, ENVIRONMENT_KEY, MOUNT  # here: other hosts have no use for it

    return OpenBaoSecrets(
        socket=places.secrets_socket,
        role_id_file=places.role_id,
        secret_id_file=places.secret_id,
        mount=MOUNT,
        environment_key=ENVIRONMENT_KEY,
        egress_ca=EGRESS_CA,
        credentials=CREDENTIALS,
    )


def _places(places: StackPlaces) -> Places:
    return Places(
        container_engine=places.container_engine,
        gateway_sandbox=places.gateway_sandbox,
        gateway_control=places.gateway_control,
        ads=places.ads,
        envoy_admin=places.envoy_admin,
        egress_log=places.egress_log,
        dispatcher_status=places.dispatcher_status,
        shipper_status=places.shipper_status,
        shipper_secrets=places.shipper_secrets,
        ledger=places.ledger,
    )
