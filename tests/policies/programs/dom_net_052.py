"""DOM-NET-052: No policy lets everybody in."""

from workload import policy

UNKNOWN = "undecided"


def passing(at):
    policy(at("from-gateway"), ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "gateway"}}}]}])


def failing(at):
    policy(at("everybody"), ingress=[{}])
    policy(at("anywhere"), ingress=[{"from": [{"namespaceSelector": {}}]}])
    policy(at("world"), ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}])


def unknown(at):
    policy(at("later"), ingress=[{"from": [{"ipBlock": {"cidr": at.unknown}}]}])
