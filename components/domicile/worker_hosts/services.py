"""The worker host's four services, described once; each platform's file renders them in its own form.

What a service may touch is all here: its user, its capabilities, and the paths that it sees. Nothing else is mounted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from domicile.machine.identities import Identity
from domicile_host.egress.bootstrap import command as envoy_command
from domicile_host.settings import AwsSecrets, BucketSink, HostSettings, OpenBaoSecrets


@dataclass(frozen=True)
class Service:
    """One service. Paths are the same inside and outside of its container."""

    name: str
    image: str
    command: tuple[str, ...]
    identity: Identity
    reads: tuple[Path, ...]
    writes: tuple[Path, ...]
    memory_bytes: int
    ready: Path
    ready_path: str = "/healthz"
    capabilities: tuple[str, ...] = ()
    shares_mounts: tuple[Path, ...] = ()
    """Paths below which the service makes mounts that the machine shall see."""
    stop_seconds: int = 15
    handover: str = ""
    """The signal at which the service ends at once and leaves its work to the one that replaces it."""


@dataclass(frozen=True)
class FolderPlace:
    """A folder that must be there before the services start."""

    name: str
    path: Path
    identity: Identity
    mode: int
    retain: bool = False
    """Kept when the stack is destroyed: records that the archive doesn't hold yet are not the stack's to delete."""


def folders(settings: HostSettings) -> tuple[FolderPlace, ...]:
    """Where the services meet and keep things. Group bits count only for services that the folder is mounted into."""
    places, audit = settings.places, settings.audit
    root, gateway, egress, shipper = Identity.DISPATCHER, Identity.GATEWAY, Identity.EGRESS, Identity.SHIPPER
    return (
        FolderPlace("gateway-sandbox", places.gateway_sandbox.parent, gateway, 0o750),
        FolderPlace("gateway-control", places.gateway_control.parent, gateway, 0o750),
        FolderPlace("egress-ads", places.ads.parent, root, 0o750),
        FolderPlace("egress-admin", places.envoy_admin.parent, egress, 0o750),
        FolderPlace("egress-log", places.egress_log.parent, egress, 0o2770),
        FolderPlace("dispatcher-status", places.dispatcher_status.parent, root, 0o750),
        FolderPlace("shipper-status", places.shipper_status.parent, shipper, 0o750),
        FolderPlace("shipper-secrets", places.shipper_secrets, root, 0o750),
        FolderPlace("ledger", places.ledger.parent, root, 0o700),
        FolderPlace("sandbox", settings.sandboxes.ca_bundle.parent, root, 0o755),
        FolderPlace("journal", audit.journal, shipper, 0o2770, retain=True),
        FolderPlace("journal-dispatcher", audit.journal / "dispatcher", root, 0o2770, retain=True),
        FolderPlace("journal-gateway", audit.journal / "gateway", gateway, 0o2770, retain=True),
        FolderPlace("journal-egress", audit.journal / "egress", shipper, 0o2770, retain=True),
        FolderPlace("cursors", audit.cursors, shipper, 0o700),
        *_folders_of_secrets(settings),
    )


def _folders_of_secrets(settings: HostSettings) -> tuple[FolderPlace, ...]:
    if not isinstance(settings.secrets, AwsSecrets):
        return ()
    sessions = settings.signing.sessions_role_file.parent if settings.signing else None
    return (
        *((FolderPlace("sessions-role", sessions, Identity.DISPATCHER, 0o750),) if sessions else ()),
        FolderPlace("role", settings.secrets.role_file.parent, Identity.DISPATCHER, 0o750),
        FolderPlace("authority", settings.secrets.authority.parent, Identity.DISPATCHER, 0o700),
    )


def services(settings: HostSettings, settings_file: Path, bootstrap: Path) -> tuple[Service, ...]:
    """In the order of their start; they are removed in the opposite one, the shipper when nobody writes records any more.

    The dispatcher binds sessions at the gateway, and Envoy takes its policy from the dispatcher.
    """
    return (
        _shipper(settings, settings_file),
        _gateway(settings, settings_file),
        _dispatcher(settings, settings_file),
        _egress(settings, bootstrap),
    )


def _gateway(settings: HostSettings, settings_file: Path) -> Service:
    places = settings.places
    return Service(
        name="gateway",
        image="host",
        command=_program("gateway", settings_file),
        identity=Identity.GATEWAY,
        reads=(settings_file, *_sessions_role(settings), *_files(settings.control_plane.ca_file)),
        writes=(places.gateway_sandbox.parent, places.gateway_control.parent, settings.audit.journal / "gateway"),
        memory_bytes=512 << 20,
        ready=places.gateway_control,
    )


def _dispatcher(settings: HostSettings, settings_file: Path) -> Service:
    """The one service with power over the host: podman's API, and namespaces and links. It reads no byte that a sandbox wrote."""
    places, sandboxes = settings.places, settings.sandboxes
    return Service(
        name="dispatcher",
        image="host",
        command=_program("dispatcher", settings_file),
        identity=Identity.DISPATCHER,
        capabilities=("NET_ADMIN", "SYS_ADMIN"),
        reads=(
            settings_file,
            *_of_secrets(settings),
            sandboxes.image.signature,
            sandboxes.image.public_key,
            sandboxes.seccomp_profile,
            places.container_engine.parent,
            places.gateway_control.parent,
            *_files(settings.control_plane.ca_file, settings.egress.upstream_ca_file),
        ),
        writes=(
            places.ads.parent,
            places.dispatcher_status.parent,
            places.shipper_secrets,
            *((settings.secrets.authority.parent,) if isinstance(settings.secrets, AwsSecrets) else ()),
            *_sessions_role(settings),
            places.ledger.parent,
            sandboxes.ca_bundle.parent,
            settings.audit.journal / "dispatcher",
        ),
        shares_mounts=(places.network_namespaces,),
        memory_bytes=1 << 30,
        ready=places.dispatcher_status,
        stop_seconds=45 + sandboxes.drain_seconds,
        handover="HUP",
    )


def _sessions_role(settings: HostSettings) -> tuple[Path, ...]:
    """The one role that the gateway is given; the machine's it never sees."""
    return (settings.signing.sessions_role_file.parent,) if settings.signing else ()


def _of_secrets(settings: HostSettings) -> tuple[Path, ...]:
    """Where the dispatcher finds its login to the secrets manager, and the secrets manager if it is on this machine."""
    match settings.secrets:
        case OpenBaoSecrets(role_id_file=login, socket=socket):
            return (login.parent, socket.parent)
        case AwsSecrets(role_file=login, ca_file=ca):
            return (login.parent, *_files(ca))


def _egress(settings: HostSettings, bootstrap: Path) -> Service:
    places = settings.places
    return Service(
        name="egress",
        image="egress",
        command=tuple(envoy_command(bootstrap)),
        identity=Identity.EGRESS,
        reads=(bootstrap, places.gateway_sandbox.parent, places.ads.parent, *_files(settings.egress.upstream_ca_file)),
        writes=(places.envoy_admin.parent, places.egress_log.parent),
        memory_bytes=1 << 30,
        ready=places.envoy_admin,
        ready_path="/server_info",
    )


def _shipper(settings: HostSettings, settings_file: Path) -> Service:
    places, audit = settings.places, settings.audit
    roles = tuple(sink.role_file.parent for sink in audit.sinks if isinstance(sink, BucketSink))
    return Service(
        name="shipper",
        image="host",
        command=_program("shipper", settings_file),
        identity=Identity.SHIPPER,
        reads=(settings_file, places.shipper_secrets, *roles, *_files(*(sink.ca_file for sink in audit.sinks))),
        writes=(audit.journal, audit.archive, audit.cursors, places.egress_log.parent, places.shipper_status.parent),
        memory_bytes=512 << 20,
        ready=places.shipper_status,
    )


def _program(service: str, settings_file: Path) -> tuple[str, ...]:
    return (service, str(settings_file))


def _files(*paths: Path | None) -> tuple[Path, ...]:
    return tuple(path for path in paths if path is not None)
