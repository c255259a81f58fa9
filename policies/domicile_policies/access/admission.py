"""Admission in a Kubernetes cluster: what judges objects refuses them when it can't."""

from __future__ import annotations

from collections.abc import Iterator

from domicile_policies.resource import Resource
from domicile_policies.rule import Asked, Violation, rule

_GROUP = "kubernetes:admissionregistration.k8s.io/*"
_CONTROLS = ("SOC2:CC8.1", "ISO27001:A.8.32", "NIST:CM-3", "NIST:CM-5")


@rule(
    "DOM-ACC-055", "Admission fails closed.", f"{_GROUP}:ValidatingWebhookConfiguration", f"{_GROUP}:MutatingWebhookConfiguration",
    f"{_GROUP}:ValidatingAdmissionPolicy", f"{_GROUP}:MutatingAdmissionPolicy", severity="high", controls=_CONTROLS,
    why="With failurePolicy Ignore it is enough to make the webhook slow, and everything is let in.",
    fix="Set failurePolicy: Fail, or leave it out: that is what v1 takes.",
)  # fmt: skip
def fails_closed(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if resource.get("spec.failurePolicy", "Fail") != "Fail":
        yield Violation("spec.failurePolicy", "isn't Fail")
    for at, _ in resource.items("webhooks"):
        if resource.get(f"{at}.failurePolicy", "Fail") != "Fail":
            yield Violation(f"{at}.failurePolicy", "isn't Fail")


@rule(
    "DOM-ACC-056", "What an admission policy refuses is refused.", f"{_GROUP}:ValidatingAdmissionPolicyBinding", severity="high",
    controls=_CONTROLS,
    why="A binding that only warns or audits lets in what the policy is against.",
    fix="Put Deny among spec.validationActions.",
)  # fmt: skip
def denies(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if "Deny" not in resource.get("spec.validationActions", []):
        yield Violation("spec.validationActions", "doesn't have Deny")
