"""Workloads on Kubernetes: a pod gives what runs in it nothing of the node, of the cluster, or of another pod.

Anchors: Kubernetes' Pod Security Standards (profile restricted), kyverno's pod-security policies, checkov's CKV_K8S checks. Each rule reads
pods in whatever carries them, with init and ephemeral containers.
"""

from __future__ import annotations

from collections.abc import Iterator

from domicile_policies.kubernetes import CARRIERS, pod
from domicile_policies.resource import Resource
from domicile_policies.rule import Asked, Violation, rule

_CONFINED = ("SOC2:CC6.1", "ISO27001:A.8.9", "NIST:AC-6", "NIST:CM-7")
_APART = ("SOC2:CC6.1", "ISO27001:A.8.22", "NIST:SC-39", "NIST:SC-4")
_BOUNDED = ("ISO27001:A.8.6", "NIST:SC-6", "NIST:SC-5")


def _strings(*default: str) -> dict[str, object]:
    return {"type": "array", "items": {"type": "string"}, "default": list(default)}


@rule(
    "DOM-WRK-050", "Containers run as a user that isn't root.", *CARRIERS, severity="high", controls=_CONFINED,
    why="Root in a container is root on the node as soon as anything in between fails.",
    fix="Set securityContext.runAsNonRoot: true on the pod or on each container, and no runAsUser of 0.",
)  # fmt: skip
def non_root(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        path, value = container.secured("runAsNonRoot")
        if value is not True:
            yield Violation(path, "isn't true: the container may run as root")
        path, user = container.secured("runAsUser")
        if user == 0:
            yield Violation(path, "is 0, which is root")


@rule(
    "DOM-WRK-051", "Containers have user and group ids of their own.", *CARRIERS, severity="medium", controls=_CONFINED,
    why="Without runAsGroup a process has group 0; low ids are those of the node's own users and services.",
    fix="Set securityContext.runAsUser and runAsGroup to an id that nothing on the node has: 65532.",
    parameters={"lowest": {"type": "integer", "minimum": 1, "default": 10000}},
)  # fmt: skip
def own_ids(resource: Resource, asked: Asked) -> Iterator[Violation]:
    lowest = asked.parameters["lowest"]
    for container in pod(resource).containers():
        for name in ("runAsUser", "runAsGroup"):
            path, value = container.secured(name)
            if value is None or value < lowest:
                yield Violation(path, f"is absent or below {lowest}")


@rule(
    "DOM-WRK-052", "Root file systems are read-only.", *CARRIERS, severity="high", controls=(*_CONFINED, "NIST:SI-7"),
    why="What breaks into a container can't replace its programs or leave some of its own.",
    fix="Set securityContext.readOnlyRootFilesystem: true, and mount emptyDir volumes where it must write.",
)  # fmt: skip
def read_only(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        if container.get("securityContext.readOnlyRootFilesystem") is not True:
            yield Violation(f"{container.path}.securityContext.readOnlyRootFilesystem", "isn't true")


@rule(
    "DOM-WRK-053", "No process gains rights.", *CARRIERS, severity="high", controls=_CONFINED,
    why="A setuid program would give back what the pod's security context takes away.",
    fix="Set securityContext.allowPrivilegeEscalation: false on each container; it is true unless said otherwise.",
)  # fmt: skip
def no_escalation(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        if container.get("securityContext.allowPrivilegeEscalation") is not False:
            yield Violation(f"{container.path}.securityContext.allowPrivilegeEscalation", "isn't false")


@rule(
    "DOM-WRK-054", "No container is privileged.", *CARRIERS, severity="critical", controls=_APART,
    why="A privileged container has the node's devices and every capability: it is the node.",
    fix="Remove securityContext.privileged, and windowsOptions.hostProcess, which is the same on Windows.",
)  # fmt: skip
def not_privileged(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        if container.get("securityContext.privileged"):
            yield Violation(f"{container.path}.securityContext.privileged", "is true")
        path, value = container.secured("windowsOptions.hostProcess")
        if value:
            yield Violation(path, "is true")


@rule(
    "DOM-WRK-055", "All capabilities are dropped.", *CARRIERS, severity="high", controls=_CONFINED,
    why="The default set lets a container forge packets, change owners and make device nodes; a sandbox's address must not be forged.",
    fix="Set securityContext.capabilities.drop: [ALL] on each container and add none.",
    parameters={"allowed": _strings()},
)  # fmt: skip
def no_capabilities(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        path = f"{container.path}.securityContext.capabilities"
        if "ALL" not in container.get("securityContext.capabilities.drop", []):
            yield Violation(f"{path}.drop", "doesn't have ALL")
        for at, name in container.items("securityContext.capabilities.add"):
            if name not in asked.parameters["allowed"]:
                yield Violation(at, f"adds {name}; allowed: {', '.join(asked.parameters['allowed']) or 'none'}")


@rule(
    "DOM-WRK-056", "System calls are filtered.", *CARRIERS, severity="high", controls=_APART,
    why="Without a seccomp profile every call of the node's kernel is open to what runs in the pod.",
    fix="Set securityContext.seccompProfile.type: RuntimeDefault or Localhost on the pod.",
)  # fmt: skip
def seccomp(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        path, value = container.secured("seccompProfile.type")
        if value not in ("RuntimeDefault", "Localhost"):
            yield Violation(path, "is neither RuntimeDefault nor Localhost")


@rule(
    "DOM-WRK-057", "Pods carry no service account's token.", *CARRIERS, severity="high",
    controls=("SOC2:CC6.1", "ISO27001:A.5.17", "NIST:AC-6", "NIST:IA-5"),
    why="The token opens the cluster's API to whatever runs in the pod; a sandbox holds no credential at all.",
    fix="Set automountServiceAccountToken: false, and project no serviceAccountToken. What must call the API gets a written exception.",
)  # fmt: skip
def no_token(resource: Resource, asked: Asked) -> Iterator[Violation]:
    found = pod(resource)
    if found.get("automountServiceAccountToken") is not False:
        yield Violation(found.at("automountServiceAccountToken"), "isn't false")
    for at, _ in found.items("volumes"):
        for source, _ in resource.items(f"{at}.projected.sources"):
            if resource.get(f"{source}.serviceAccountToken") is not None:
                yield Violation(f"{source}.serviceAccountToken", "projects a token into the pod")


@rule(
    "DOM-WRK-058", "Pods share no namespace of the node.", *CARRIERS, severity="critical", controls=_APART,
    why="With the node's network a pod passes every NetworkPolicy; with its processes or IPC it reads its neighbours' memory.",
    fix="Remove hostNetwork, hostPID and hostIPC.",
)  # fmt: skip
def no_host_namespaces(resource: Resource, asked: Asked) -> Iterator[Violation]:
    found = pod(resource)
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if found.get(name):
            yield Violation(found.at(name), "is true")


_VOLUMES = ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret")


@rule(
    "DOM-WRK-059", "Pods mount nothing of the node.", *CARRIERS, severity="critical", controls=_APART,
    why="A path of the node, above all a container socket, is a way onto the node and to every other pod on it.",
    fix="Use emptyDir, a claim or a projected volume in place of hostPath and of volumes of a cloud's or network's own kind.",
    parameters={"allowed": _strings(*_VOLUMES)},
)  # fmt: skip
def no_host_mounts(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for at, volume in pod(resource).items("volumes"):
        for kind in resource.get(at, volume):
            if kind != "name" and kind not in asked.parameters["allowed"]:
                yield Violation(f"{at}.{kind}", f"is a volume of kind {kind}; allowed: {', '.join(asked.parameters['allowed'])}")


@rule(
    "DOM-WRK-060", "Containers take no port of the node.", *CARRIERS, severity="high",
    controls=("SOC2:CC6.6", "ISO27001:A.8.20", "NIST:SC-7", "NIST:CM-7"),
    why="A hostPort is reached at the node's address, beside Services and most NetworkPolicies.",
    fix="Remove hostPort and hostIP; reach the pod through a Service of type ClusterIP.",
)  # fmt: skip
def no_host_ports(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        for at, _ in container.items("ports"):
            if resource.get(f"{at}.hostPort"):
                yield Violation(f"{at}.hostPort", "takes a port of the node")


@rule(
    "DOM-WRK-061", "Containers have limits.", *CARRIERS, severity="medium", controls=_BOUNDED,
    why="One session's runaway process would otherwise take processor, memory or disk from all others on its node.",
    fix="Set resources.limits for cpu, memory and ephemeral-storage on each container.",
    parameters={"resources": _strings("cpu", "memory", "ephemeral-storage")},
)  # fmt: skip
def limits(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        if container.short_lived:
            continue
        limited = container.get("resources.limits", {})
        for name in asked.parameters["resources"]:
            if limited.get(name) is None:
                yield Violation(f"{container.path}.resources.limits.{name}", "is absent")


_RUNTIMES = ("gvisor", "runsc", "kata", "kata-clh", "kata-fc", "kata-qemu")


@rule(
    "DOM-WRK-062", "Sandboxes run on a runtime of their own kernel.", *CARRIERS, severity="high", controls=_APART,
    why="An agent's code is a stranger's. On runc one fault of the shared kernel leads from a sandbox to the node.",
    fix="Set runtimeClassName to a class whose handler is gVisor or Kata; name other allowed classes in the parameter `allowed`.",
    parameters={
        "allowed": _strings(*_RUNTIMES),
        "label": {"type": "string", "pattern": "^[^=]+=[^=]*$", "default": "app.kubernetes.io/component=sandbox"},
    },
)  # fmt: skip
def runtime_class(resource: Resource, asked: Asked) -> Iterator[Violation]:
    found = pod(resource)
    key, _, value = asked.parameters["label"].partition("=")
    if found.labels().get(key) != value:
        return
    name = found.get("runtimeClassName")
    if name not in asked.parameters["allowed"]:
        said = f"is {name}" if name else "is absent"
        yield Violation(found.at("runtimeClassName"), f"{said}; allowed: {', '.join(asked.parameters['allowed'])}")


@rule(
    "DOM-WRK-063", "AppArmor isn't switched off.", *CARRIERS, severity="medium", controls=_APART,
    why="Nodes with AppArmor confine containers by default; Unconfined takes that away.",
    fix="Remove appArmorProfile.type: Unconfined and the annotation that says the same.",
)  # fmt: skip
def apparmor(resource: Resource, asked: Asked) -> Iterator[Violation]:
    found = pod(resource)
    for container in found.containers():
        path, value = container.secured("appArmorProfile.type")
        if value == "Unconfined":
            yield Violation(path, "is Unconfined")
    for name, value in resource.get(f"{found.metadata}.annotations", {}).items():
        if name.startswith("container.apparmor.security.beta.kubernetes.io/") and value == "unconfined":
            yield Violation(f"{found.metadata}.annotations", f"{name} is unconfined")


@rule(
    "DOM-WRK-064", "Namespaces refuse pods that aren't confined.", "kubernetes:core/v1:Namespace", severity="high",
    controls=("SOC2:CC8.1", "ISO27001:A.8.9", "NIST:CM-6", "NIST:CM-7"),
    why="What this pack doesn't see (a pod made by hand, by an operator, by a chart) is then judged by the cluster itself.",
    fix="Label the namespace pod-security.kubernetes.io/enforce: restricted.",
    parameters={"allowed": _strings("restricted")},
)  # fmt: skip
def pod_security(resource: Resource, asked: Asked) -> Iterator[Violation]:
    value = resource.get("metadata.labels", {}).get("pod-security.kubernetes.io/enforce")
    if value not in asked.parameters["allowed"]:
        yield Violation("metadata.labels", f"pod-security.kubernetes.io/enforce isn't {' or '.join(asked.parameters['allowed'])}")


@rule(
    "DOM-WRK-065", "Every object is one that can be judged.", "kubernetes:helm.sh/*:Release", "kubernetes:*List", "kubernetes:*Patch",
    severity="high", controls=("SOC2:CC8.1", "ISO27001:A.8.32", "NIST:CM-3"),
    why="A Helm Release is rendered by the provider, a Patch changes what is elsewhere, a List holds many: none shows its pods here.",
    fix="Use helm.v4.Chart, whose objects are resources of the stack, and declare objects one by one and whole.",
)  # fmt: skip
def judged(resource: Resource, asked: Asked) -> Iterator[Violation]:
    yield Violation("", f"{resource.type.rpartition(':')[2]} hides what it deploys from these rules")


_SYSCTLS = (
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
)  # fmt: skip


@rule(
    "DOM-WRK-066", "Pods change nothing of the kernel that others share.", *CARRIERS, severity="medium", controls=_APART,
    why="An unsafe sysctl changes the node for all pods, and an unmasked /proc shows and lets write what is the kernel's.",
    fix="Remove the sysctl, or set it on the nodes; remove procMount: Unmasked.",
    parameters={"allowed": _strings(*_SYSCTLS)},
)  # fmt: skip
def kernel(resource: Resource, asked: Asked) -> Iterator[Violation]:
    found = pod(resource)
    for at, _ in found.items("securityContext.sysctls"):
        if (name := resource.get(f"{at}.name")) not in asked.parameters["allowed"]:
            yield Violation(at, f"{name} is no safe sysctl")
    for container in found.containers():
        if container.get("securityContext.procMount", "Default") != "Default":
            yield Violation(f"{container.path}.securityContext.procMount", "isn't Default")


@rule(
    "DOM-WRK-067", "Workloads lie in a namespace of their own.", *CARRIERS, severity="medium",
    controls=("ISO27001:A.8.22", "NIST:SC-7", "NIST:SC-2"),
    why="Policies, quotas and rights are given by namespace; in default or kube-system they are everybody's.",
    fix="Set metadata.namespace to a namespace that this stack makes.",
    parameters={"refused": _strings("default", "kube-system", "kube-public", "kube-node-lease")},
)  # fmt: skip
def own_namespace(resource: Resource, asked: Asked) -> Iterator[Violation]:
    made = resource.sources("metadata") or ()
    if not resource.known("metadata.namespace") and any(each.type == "kubernetes:core/v1:Namespace" for each in made):
        return
    name = resource.get("metadata.namespace") or resource.provider.get("namespace") or "default"
    if name in asked.parameters["refused"]:
        yield Violation("metadata.namespace", f"is {name}")


@rule(
    "DOM-WRK-068", "Pods aren't told of the cluster's services.", *CARRIERS, severity="low", controls=("ISO27001:A.8.12", "NIST:CM-7"),
    level="advisory",
    why="Each service of the namespace is otherwise written into every container's environment: a map for whoever gets in.",
    fix="Set enableServiceLinks: false.",
)  # fmt: skip
def no_service_links(resource: Resource, asked: Asked) -> Iterator[Violation]:
    found = pod(resource)
    if found.get("enableServiceLinks") is not False:
        yield Violation(found.at("enableServiceLinks"), "isn't false")


@rule(
    "DOM-WRK-069", "Containers of a pod don't see each other's processes.", *CARRIERS, severity="medium", controls=_APART,
    why="With one process namespace a sandbox could read a sidecar's memory and environment through /proc.",
    fix="Remove shareProcessNamespace.",
)  # fmt: skip
def processes_apart(resource: Resource, asked: Asked) -> Iterator[Violation]:
    found = pod(resource)
    if found.get("shareProcessNamespace"):
        yield Violation(found.at("shareProcessNamespace"), "is true")
