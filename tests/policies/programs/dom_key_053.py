"""DOM-KEY-053: Configuration maps hold no secret."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


def passing(at):
    k8s.core.v1.ConfigMap(at("map"), data={"level": "info", "key-file": "/run/secrets/key"})


def failing(at):
    k8s.core.v1.ConfigMap(at("map"), data={"api_token": "not-a-real-one"})


def unknown(at):
    k8s.core.v1.ConfigMap(at("map"), data=at.unknown)
