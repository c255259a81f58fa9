"""DOM-WRK-051: Containers have user and group ids of their own."""

from workload import container, cron_job, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(security={"runAsGroup": None})))
    cron_job(at("low"), pod(container(security={"runAsUser": 1000})))


def unknown(at):
    deployment(at("web"), pod(container(security={"runAsUser": at.unknown})))
