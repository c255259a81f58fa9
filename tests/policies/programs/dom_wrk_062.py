"""DOM-WRK-062: Sandboxes run on a runtime of their own kernel."""

from workload import deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("sandbox"))
    deployment(at("other"), pod(runtimeClassName=None), {"app.kubernetes.io/component": "dispatcher"})


def failing(at):
    deployment(at("web"), pod(runtimeClassName=None))
    deployment(at("runc"), pod(runtimeClassName="runc"))


def unknown(at):
    deployment(at("web"), pod(runtimeClassName=at.unknown))
