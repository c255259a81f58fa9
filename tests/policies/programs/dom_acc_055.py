"""DOM-ACC-055: Admission fails closed."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


HOOK = {
    "name": "judge.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
    "clientConfig": {"service": {"name": "judge", "namespace": "judges"}},
}  # fmt: skip


def passing(at):
    k8s.admissionregistration.v1.ValidatingWebhookConfiguration(at("judge"), webhooks=[{**HOOK, "failurePolicy": "Fail"}])


def failing(at):
    k8s.admissionregistration.v1.ValidatingWebhookConfiguration(at("judge"), webhooks=[{**HOOK, "failurePolicy": "Ignore"}])


def unknown(at):
    k8s.admissionregistration.v1.ValidatingWebhookConfiguration(at("judge"), webhooks=[{**HOOK, "failurePolicy": at.unknown}])
