"""What a worker host's machine is told: the same settings, services and packet filter as on one machine, in Ignition's form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domicile.aws import image_policy
from domicile.aws.ground import Ground
from domicile.aws.ignition import PROGRAM, MachineFile, configuration, once, timer
from domicile.config.aws import Images
from domicile.machine.identities import Identity
from domicile.network.aws.security_groups import EGRESS_PORT
from domicile.network.services import firewall_behind
from domicile.places import StackPlaces
from domicile.worker_hosts.aws.scripts import PROGRAMS, TEMPLATES, Host, image_key, machine_filter, programs
from domicile.worker_hosts.quadlet import LOGIN_UNIT, name, unit
from domicile.worker_hosts.services import Service, folders, services
from domicile.worker_hosts.settings import render
from domicile_host.egress import bootstrap
from domicile_host.image_signature import signed_name
from domicile_host.settings import AwsSecrets, BucketSink, HostSettings, SandboxImage, Signing, UpstreamProxy

NOUN = "worker-hosts"
SECCOMP = Path(__file__).resolve().parents[4] / "images" / "sandbox" / "seccomp.json"
PREPARE, NETWORK, ROLE, IMAGES, IN_SERVICE, ENGINE, DRILL, END = (
    f"domicile-{noun}.service"
    for noun in ("prepare", "network", "role", "images", "in-service", "container-engine", "drill", "end-of-life")
)
ROLE_MINUTES = 5
"""The role's credentials change some minutes before the old ones end (EC2 guide: IAM roles for EC2)."""


@dataclass(frozen=True)
class Told:
    """What is known when other rooms stand."""

    environment_id: str
    balancer: str
    """DNS name of the egress tier."""
    port: int = EGRESS_PORT
    """The environment's door there."""


def machine_configuration(ground: Ground, images: Images, told: Told) -> str:
    """The Ignition configuration of one worker host."""
    places = StackPlaces.of(ground.config.stack, {})
    settings, secrets = host_settings(ground, images, told, places)
    host = Host(ground.names, places, settings, secrets, int(ground.aws.alarms.drill_seconds))
    quadlets = {
        name(service): unit(
            service,
            ground.names.image(service.image, getattr(images, service.image)),
            network=f"ns:{places.namespace_path}",
            resolvers=settings.egress.resolvers,
            after=_needs(service),
            limits=("LimitNOFILE=65536",) if service.name == "egress" else (),
        )
        for service in services(settings, places.settings, places.egress_bootstrap)
    }
    files = (*_files(host, images), *_programs(host), *_brought_along(settings))
    return configuration(ground.names, NOUN, image_policy.policy(ground.names, images.signing_key), files, quadlets, _units(host))


def host_settings(ground: Ground, images: Images, told: Told, places: StackPlaces) -> tuple[HostSettings, AwsSecrets]:
    """As they are alike on every machine: `host` is put in by the machine itself."""
    names, run = ground.names, places.run
    secrets = AwsSecrets(
        url=f"https://secretsmanager.{names.region}.amazonaws.com",
        metrics_url=f"https://monitoring.{names.region}.amazonaws.com",
        metrics_namespace=names.metrics,
        region=names.region,
        role_file=run / "role" / "role.json",
        environment_key=None if names.workspace else names.environment_key,
        credentials=names.credential("").rstrip("/"),
        authority=run / "authority" / "authority.json",
    )
    signature = places.images / "sandbox.signature.json"
    settings = render(
        ground.config,
        places,
        SandboxImage(reference=signed_name("sandbox"), digest=images.sandbox, signature=signature, public_key=image_key()),
        secrets,
        environment_id=told.environment_id,
        upstream_proxy=UpstreamProxy(host=told.balancer, port=told.port, network=ground.aws.network.cidr),
        drain_seconds=int(ground.aws.hosts.drain_seconds),
        bucket=BucketSink(url=_bucket_url(ground), region=names.region, role_file=secrets.role_file),
        signing=_signing(ground, run),
    )
    return settings, secrets


def _signing(ground: Ground, run: Path) -> Signing | None:
    """At Claude Platform on AWS the machine's role opens the queue; the gateway has one of its own, taken by the dispatcher."""
    plane, names = ground.config.control_plane, ground.names
    if plane.region is None or plane.workspace_id is None:
        return None
    return Signing(
        region=plane.region,
        workspace_id=plane.workspace_id,
        role_file=run / "role" / "role.json",
        sessions_role=names.role("sessions"),
        sessions_role_file=run / "sessions-role" / "role.json",
        sts_url=f"https://sts.{names.region}.amazonaws.com",
        sts_region=names.region,
        private=ground.config.private_control_plane,
    )


def _bucket_url(ground: Ground) -> str:
    """By the region's own name: through the gateway endpoint. Of several environments each adds below a folder of its own."""
    folder = ground.names.folder(NOUN)
    return f"https://{ground.names.bucket('archive')}.s3.{ground.names.region}.amazonaws.com/{folder}".rstrip("/")


def _needs(service: Service) -> tuple[str, ...]:
    more = {"dispatcher": (ROLE, ENGINE, IMAGES, IN_SERVICE), "shipper": (ROLE,)}
    return (PREPARE, NETWORK, *more.get(service.name, ()))


def _files(host: Host, images: Images) -> Iterator[MachineFile]:
    settings, places = host.settings, host.places
    yield MachineFile(f"{TEMPLATES}/settings.json", settings.model_dump_json(indent=1))
    yield MachineFile(f"{TEMPLATES}/bootstrap.json", json.dumps(bootstrap.render(settings), indent=1))
    yield MachineFile(f"{TEMPLATES}/services.nft", firewall_behind(_proxy(settings), settings))
    yield MachineFile(f"{TEMPLATES}/machine.nft", machine_filter(places))
    yield MachineFile(str(image_key()), images.signing_key)
    yield MachineFile(str(places.seccomp_profile), SECCOMP.read_text())
    yield MachineFile("/etc/tmpfiles.d/domicile.conf", _folders(host))


def _proxy(settings: HostSettings) -> UpstreamProxy:
    if settings.upstream_proxy is None:
        raise ValueError("a region's worker host has no way out of its own")
    return settings.upstream_proxy


def _folders(host: Host) -> str:
    """tmpfiles.d(5): the same folders as on one machine, at each start."""
    settings, places, egress, shipper = host.settings, host.places, Identity.EGRESS, Identity.SHIPPER
    lines = [f"d {path} 0755 root root" for path in (places.home, places.images, places.egress)]
    lines.append(f"d {settings.places.container_engine.parent} 0700 root root")
    lines.append(f"d {settings.audit.archive} 0750 {shipper.uid} {shipper.gid}")
    lines += [f"d {folder.path} {folder.mode:04o} {folder.identity.uid} {folder.identity.gid}" for folder in folders(settings)]
    lines.append(f"f {settings.places.egress_log} 0660 {egress.uid} {egress.gid}")
    return "\n".join(lines) + "\n"


def _programs(host: Host) -> tuple[MachineFile, ...]:
    return tuple(MachineFile(PROGRAMS + noun, text, PROGRAM) for noun, text in programs(host).items())


def _brought_along(settings: HostSettings) -> tuple[MachineFile, ...]:
    """CA certificates that the configuration names: files of whoever applies the stack, at the same path."""
    paths = (settings.control_plane.ca_file, settings.egress.upstream_ca_file, *(sink.ca_file for sink in settings.audit.sinks))
    return tuple(MachineFile(str(path), path.read_text()) for path in dict.fromkeys(paths) if path is not None)


def _units(host: Host) -> dict[str, str]:
    return {
        PREPARE: once("settings", PROGRAMS + "prepare"),
        NETWORK: once("network", PROGRAMS + "network"),
        ROLE: once("role's credentials", PROGRAMS + "role"),
        "domicile-role-again.service": _plain("role's credentials, again", "Type=oneshot", PROGRAMS + "role"),
        "domicile-role-again.timer": timer(
            "role's credentials, again", f"OnBootSec={ROLE_MINUTES}min", f"OnUnitActiveSec={ROLE_MINUTES}min"
        ),
        DRILL: _plain("drill", "Type=oneshot\nTimeoutStartSec=30min", PROGRAMS + "drill"),
        DRILL.replace(".service", ".timer"): timer(
            "drill", "OnBootSec=15min", f"OnUnitActiveSec={host.drill_seconds}s", "RandomizedDelaySec=10min"
        ),
        IMAGES: once("sandbox image", PROGRAMS + "images", after=(LOGIN_UNIT,)),
        IN_SERVICE: once("place in the group", PROGRAMS + "in-service"),
        ENGINE: _engine(host.settings),
        END: _plain("end of life", "Type=exec\nRestart=on-failure\nRestartSec=5", PROGRAMS + "end-of-life", wanted=True),
    }


def _engine(settings: HostSettings) -> str:
    """Podman's API for the dispatcher. Its end takes no sandbox along: they are the next one's to find."""
    command = f"/usr/bin/podman --runtime {settings.sandboxes.runtime} system service --time 0 unix://{settings.places.container_engine}"
    return _plain("container engine", "Type=exec\nDelegate=yes\nKillMode=process\nRestart=always\nRestartSec=1", command, wanted=True)


def _plain(description: str, kind: str, command: str, *, wanted: bool = False) -> str:
    install = "\n[Install]\nWantedBy=multi-user.target\n" if wanted else ""
    wants = "Wants=network-online.target\nAfter=network-online.target"
    return f"[Unit]\nDescription=Domicile {description}\n{wants}\n\n[Service]\n{kind}\nExecStart={command}\n{install}"
