"""DOM-EGR-051: No policy lets anything go anywhere."""

from workload import policy

UNKNOWN = "undecided"


def passing(at):
    policy(at("to-proxy"), egress=[{"to": [{"podSelector": {"matchLabels": {"app": "proxy"}}}]}])


def failing(at):
    policy(at("anywhere"), egress=[{"ports": [{"port": 443}]}])
    policy(at("world"), egress=[{"to": [{"ipBlock": {"cidr": "::/0"}}]}])


def unknown(at):
    policy(at("later"), egress=[{"to": at.unknown}])
