"""DOM-WRK-091: Only what makes sandboxes reaches the container engine."""

from local_host import service

UNKNOWN = "undecided"


def passing(at):
    service(at("one"), mounts=[{"path": "/var/lib/domicile/local/journal"}])
    service(at("dispatcher"), mounts=[{"path": "/run/domicile/local/podman"}], labels={"domicile.service": "dispatcher"})


def failing(at):
    service(at("gateway"), mounts=[{"path": "/run/domicile/local/podman"}], labels={"domicile.service": "gateway"})


def unknown(at):
    service(at("later"), mounts=at.unknown)
