"""DOM-ACC-056: What an admission policy refuses is refused."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


def passing(at):
    k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
        at("no-paths"), spec={"policyName": "no-paths", "validationActions": ["Deny"]}
    )


def failing(at):
    k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
        at("no-paths"), spec={"policyName": "no-paths", "validationActions": ["Warn"]}
    )


def unknown(at):
    k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
        at("no-paths"), spec={"policyName": "no-paths", "validationActions": at.unknown}
    )
