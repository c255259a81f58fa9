"""DOM-NET-054: Every policy selects something."""

from workload import LABELS, deployment, policy

UNKNOWN = "undecided"
ALONE = True


def passing(at):
    deployment(at("web"))
    policy(at("all"))
    policy(at("some"), selector={"matchLabels": LABELS})


def failing(at):
    deployment(at("web"))
    policy(at("mistyped"), selector={"matchLabels": {"app.kubernetes.io/component": "sandbx"}})


def unknown(at):
    deployment(at("web"), labels=at.unknown)
    policy(at("some"), selector={"matchLabels": LABELS})
