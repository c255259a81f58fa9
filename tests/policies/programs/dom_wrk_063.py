"""DOM-WRK-063: AppArmor isn't switched off."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(security={"appArmorProfile": {"type": "Unconfined"}})))
    note = {"container.apparmor.security.beta.kubernetes.io/worker": "unconfined"}
    deployment(at("noted"), annotations=note)


def unknown(at):
    deployment(at("web"), pod(container(security={"appArmorProfile": {"type": at.unknown}})))
