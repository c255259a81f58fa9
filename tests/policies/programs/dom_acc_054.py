"""DOM-ACC-054: Service accounts give their token to nobody by themselves."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


def passing(at):
    k8s.core.v1.ServiceAccount(at("dispatcher"), automount_service_account_token=False)


def failing(at):
    k8s.core.v1.ServiceAccount(at("dispatcher"), automount_service_account_token=None)


def unknown(at):
    k8s.core.v1.ServiceAccount(at("dispatcher"), automount_service_account_token=at.unknown)
