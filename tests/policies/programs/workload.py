"""A workload that keeps every rule, and what a fixture changes in it. Names within are those of manifests."""

import pulumi_kubernetes as k8s

DIGEST = "sha256:" + "1" * 64
LABELS = {"app.kubernetes.io/component": "sandbox"}
SECURITY = {
    "runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
LIMITS = {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "2Gi"}


def container(security=None, **changes):
    """One container; `security` is laid over its security context. None takes a property away."""
    made = {
        "name": "worker", "image": f"registry.example/sandbox@{DIGEST}", "imagePullPolicy": "Always",
        "securityContext": given({**SECURITY, **(security or {})}), "resources": {"limits": LIMITS}, **changes,
    }  # fmt: skip
    return given(made)


def pod(*containers, **changes):
    """A pod's spec of these containers, or of one that keeps every rule."""
    made = {
        "containers": list(containers) or [container()], "automountServiceAccountToken": False, "enableServiceLinks": False,
        "runtimeClassName": "gvisor", **changes,
    }  # fmt: skip
    return given(made)


def given(properties):
    return {key: value for key, value in properties.items() if value is not None}


def template(spec=None, labels=None, annotations=None):
    return {"metadata": given({"labels": LABELS if labels is None else labels, "annotations": annotations}), "spec": spec or pod()}


def deployment(name, spec=None, labels=None, namespace="sandboxes", annotations=None):
    chosen = {"matchLabels": LABELS if labels is None or not isinstance(labels, dict) else labels}
    metadata = {"name": name, "namespace": namespace}
    return k8s.apps.v1.Deployment(
        name, metadata=given(metadata), spec={"selector": chosen, "template": template(spec, labels, annotations)}
    )


def cron_job(name, spec):
    job = {"template": template({**spec, "restartPolicy": "Never"})}
    return k8s.batch.v1.CronJob(
        name, metadata={"name": name, "namespace": "sandboxes"}, spec={"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}
    )


def one_pod(name, spec):
    return k8s.core.v1.Pod(name, metadata={"name": name, "namespace": "sandboxes", "labels": LABELS}, spec=spec)


def policy(name, types=("Ingress", "Egress"), selector=None, namespace="sandboxes", **rules):
    """A network policy; it denies what no rule allows."""
    spec = {"podSelector": {} if selector is None else selector, "policyTypes": list(types), **rules}
    return k8s.networking.v1.NetworkPolicy(name, metadata={"name": name, "namespace": namespace}, spec=spec)
