"""DOM-EGR-052: No policy reaches a cloud's metadata."""

from workload import policy

UNKNOWN = "undecided"


def passing(at):
    policy(at("range"), egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}])
    spared = {"cidr": "169.0.0.0/8", "except": ["169.254.0.0/16"]}
    policy(at("spared"), egress=[{"to": [{"ipBlock": spared}]}])


def failing(at):
    policy(at("metadata"), egress=[{"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}])


def unknown(at):
    policy(at("later"), egress=[{"to": [{"ipBlock": {"cidr": at.unknown}}]}])
