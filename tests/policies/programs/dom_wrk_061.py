"""DOM-WRK-061: Containers have limits."""

from workload import container, cron_job, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(resources={"limits": {"cpu": "1"}})))
    cron_job(at("none"), pod(container(resources=None)))


def unknown(at):
    deployment(at("web"), pod(container(resources={"limits": at.unknown})))
