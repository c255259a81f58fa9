"""DOM-KEY-050: Secrets don't hold their values in the stack."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


def passing(at):
    k8s.core.v1.Secret(at("filled-later"), type="Opaque")


def failing(at):
    k8s.core.v1.Secret(at("key"), string_data={"key": "not-a-real-one"})


def unknown(at):
    k8s.core.v1.Secret(at("key"), string_data={"key": at.unknown})
