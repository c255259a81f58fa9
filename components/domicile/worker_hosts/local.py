"""A `local` worker host: its services as podman containers in the perimeter's network namespace."""

from __future__ import annotations

import hashlib

import pulumi

from domicile.machine.container import Container, Mount
from domicile.machine.container_engine import ContainerEngine
from domicile.machine.files import File, Folder, LogFile
from domicile.machine.identities import Identity
from domicile.machine.image import Image
from domicile.machine.sandboxes import Sandboxes
from domicile.places import StackPlaces
from domicile.worker_hosts.services import Service, folders, services
from domicile_host.settings import HostSettings


def build(
    places: StackPlaces,
    settings: HostSettings,
    images: dict[str, Image],
    bootstrap: File,
    needs: list[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> dict[str, Container]:
    """The four services, started after `needs`; a change of the settings starts those anew that read them."""
    engine = ContainerEngine("container-engine", socket=str(places.container_engine), runtime=settings.sandboxes.runtime, opts=opts)
    ground: list[pulumi.Resource] = [
        Folder(f"folder-{f.name}", path=str(f.path), uid=f.identity.uid, gid=f.identity.gid, mode=f.mode, retain=f.retain, opts=opts)
        for f in folders(settings)
    ]
    egress, path = Identity.EGRESS, str(settings.places.egress_log)
    ground.append(LogFile("egress-access-log", path=path, uid=egress.uid, gid=egress.gid, mode=0o660, opts=_after(opts, ground)))
    text = settings.model_dump_json(indent=1)
    file = File("settings", path=str(places.settings), content=text, opts=opts)
    sandboxes = Sandboxes("sandboxes", stack=places.stack, namespace_prefix=places.prefix, opts=_after(opts, needs))
    ready: list[pulumi.Resource] = [engine, *ground, file, bootstrap, sandboxes, *needs]
    made: dict[str, Container] = {}
    for service in services(settings, places.settings, places.egress_bootstrap):
        after = [*ready, *made.values(), images[service.image]]
        revision = hashlib.sha256(text.encode()).hexdigest()
        resolvers = [str(address) for address in settings.egress.resolvers]
        made[service.name] = _container(places, service, images[service.image], resolvers, revision, _after(opts, after))
    return made


def _container(
    places: StackPlaces, service: Service, image: Image, resolvers: list[str], revision: str, opts: pulumi.ResourceOptions
) -> Container:
    mounts = [
        *(Mount(path=path) for path in service.reads),
        *(Mount(path=path, writable=True) for path in service.writes),
        *(Mount(path=path, writable=True, shared=True) for path in service.shares_mounts),
    ]
    return Container(
        service.name,
        name=places.container(service.name),
        image=image.reference,
        command=list(service.command),
        user=service.identity.user,
        namespace=places.namespace,
        resolvers=resolvers,
        mounts=[mount.model_dump(mode="json") for mount in mounts],
        capabilities=list(service.capabilities),
        labels={"domicile.stack": places.stack, "domicile.service": service.name},
        memory_bytes=service.memory_bytes,
        stop_seconds=service.stop_seconds,
        handover=service.handover or None,
        ready=str(service.ready),
        ready_path=service.ready_path,
        revision=revision,
        opts=opts,
    )


def _after(opts: pulumi.ResourceOptions, resources: list[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=resources))
