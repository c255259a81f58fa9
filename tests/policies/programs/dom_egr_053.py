"""DOM-EGR-053: Sandboxes go out through the egress proxy alone."""

from workload import deployment, policy

UNKNOWN = "undecided"
ALONE = True


def passing(at):
    deployment(at("pool"))
    proxy = {"podSelector": {"matchLabels": {"app.kubernetes.io/component": "egress-proxy"}}}
    policy(at("out"), egress=[{"to": [proxy]}])


def failing(at):
    deployment(at("pool"))
    dns = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    policy(at("names"), egress=[{"to": [dns], "ports": [{"port": 53, "protocol": "UDP"}]}])


def unknown(at):
    deployment(at("pool"))
    policy(at("out"), egress=[{"to": [{"podSelector": {"matchLabels": at.unknown}}]}])
