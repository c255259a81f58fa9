"""Ways out of Kubernetes' workloads: denied by default, and open only to what is named."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from domicile_policies.kubernetes import pods
from domicile_policies.network.kubernetes import POLICY, governs, selected, unbound, wide
from domicile_policies.resource import Resource, Stack
from domicile_policies.rule import Asked, Violation, rule, stack_rule

_OUT = ("SOC2:CC6.7", "ISO27001:A.8.23", "NIST:SC-7(5)", "NIST:AC-4")
_METADATA = ("169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23")


@stack_rule(
    "DOM-EGR-050", "Every workload is denied what goes out by default.", severity="critical", controls=_OUT,
    why="A pod that no egress policy selects reaches all that its node reaches: the internet, the metadata service, its neighbours.",
    fix="Declare a NetworkPolicy in the workload's namespace that selects it, with policyTypes that have Egress.",
)  # fmt: skip
def bound_out(stack: Stack, asked: Asked) -> Iterator[Violation]:
    yield from unbound(stack, "Egress")


@rule(
    "DOM-EGR-051", "No policy lets anything go anywhere.", POLICY, severity="critical", controls=_OUT,
    why="An egress rule without `to`, or to every address or namespace, takes the denial back for all that the policy selects.",
    fix="Name in `to` the pods that may be called: for sandboxes the egress proxy's and no other.",
)  # fmt: skip
def no_open_egress(resource: Resource, asked: Asked) -> Iterator[Violation]:
    yield from wide(resource, "egress", "to")


@rule(
    "DOM-EGR-052", "No policy reaches a cloud's metadata.", POLICY, severity="critical",
    controls=("SOC2:CC6.1", "ISO27001:A.8.3", "NIST:SC-7", "NIST:AC-6"),
    why="The metadata service gives the node's role to whoever asks from the node's network.",
    fix="Take 169.254.0.0/16 and fd00:ec2::/32 out of the block by `except`, or name a narrower block.",
)  # fmt: skip
def no_metadata(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for at, _ in resource.items("spec.egress"):
        for peer, _ in resource.items(f"{at}.to"):
            block = resource.get(f"{peer}.ipBlock.cidr")
            spared = resource.get(f"{peer}.ipBlock.except", [])
            if block and (open_to := [each for each in _METADATA if _within(each, block) and not any(_within(each, s) for s in spared)]):
                yield Violation(f"{peer}.ipBlock", f"has {', '.join(open_to)} in it")


def _within(address: str, block: str) -> bool:
    """False for a block of the other family, and for a text that is none (the API server refuses that)."""
    try:
        return ip_address(address) in ip_network(block, strict=False)
    except ValueError:
        return False


@stack_rule(
    "DOM-EGR-053", "Sandboxes go out through the egress proxy alone.", severity="critical", controls=(*_OUT, "NIST:SC-7(8)"),
    why="Whatever else a sandbox reaches is a way out that no allowlist judges and no record tells of: DNS too.",
    fix="In policies that select sandboxes, let `to` name the egress proxy's pods by podSelector, and nothing by ipBlock.",
    parameters={
        "sandbox": {"type": "string", "pattern": "^[^=]+=[^=]*$", "default": "app.kubernetes.io/component=sandbox"},
        "proxy": {"type": "string", "pattern": "^[^=]+=[^=]*$", "default": "app.kubernetes.io/component=egress-proxy"},
    },
)  # fmt: skip
def through_proxy(stack: Stack, asked: Asked) -> Iterator[Violation]:
    (label, _, sandbox), (key, _, proxy) = (asked.parameters[name].partition("=") for name in ("sandbox", "proxy"))
    sandboxes = [each for each in pods(stack) if each.labels().get(label) == sandbox]
    for policy in stack.of(POLICY):
        if governs(policy, "Egress") and any(selected(policy, each) for each in sandboxes):
            yield from _beside_proxy(policy, key, proxy)


def _beside_proxy(policy: Resource, key: str, proxy: str) -> Iterator[Violation]:
    for at, _ in policy.items("spec.egress"):
        if not policy.get(f"{at}.to"):
            yield Violation(f"{at}.to", "is absent or empty, which means everybody", policy)
        for peer, _ in policy.items(f"{at}.to"):
            if policy.get(f"{peer}.podSelector.matchLabels", {}).get(key) != proxy:
                yield Violation(peer, f"is not the egress proxy ({key}={proxy})", policy)
