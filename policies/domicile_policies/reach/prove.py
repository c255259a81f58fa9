"""The whole proof of a stack. Called by the rule `DOM-EGR-100` and by tests."""

from __future__ import annotations

from domicile_policies.reach import kubernetes, local
from domicile_policies.reach.aws import prove as aws
from domicile_policies.reach.declared import Declared
from domicile_policies.reach.proof import Proof
from domicile_policies.reach.relations import Relations
from domicile_policies.resource import Stack


def prove(stack: Stack, declared: Declared) -> Proof:
    """Everything that sandboxes of the stack can reach, on every platform that it is on."""
    proof, relations = Proof(), Relations(stack)
    found = [
        aws.prove(stack, relations, declared, proof),
        local.prove(stack, declared, proof),
        kubernetes.prove(stack, declared, proof),
    ]
    if not any(found):
        proof.assume("the stack runs no sandboxes: there is nothing to start from", "parameter `sandboxes` or `pods` names what does")
    return proof
