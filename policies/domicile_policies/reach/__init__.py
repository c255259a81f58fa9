"""The egress proof: from a stack's resources everything that a sandbox can reach, hop by hop, held against what is declared.

It is a walk over a small graph. Each module says what it takes for granted of AWS, Kubernetes or the worker host, and by which
published rule; whatever it can't decide is a finding, never silence. Where it can't look inside (an image, a kernel), it assumes,
and says so, with what guards the assumption.

    proof.py            what a proof says: ways that are allowed, findings, assumptions
    declared.py         the allowlist that it is held against
    relations.py        which resource a property names, by id or by what it is made from
    traffic.py          protocols, ports, networks
    aws/ inside/        how packets go in a VPC; what a machine's own configuration lets through
    kubernetes.py       NetworkPolicies
    prove.py            puts them together; rule.py makes it DOM-EGR-100
"""

from __future__ import annotations

from domicile_policies.reach.declared import Declared, declared
from domicile_policies.reach.proof import Proof
from domicile_policies.reach.prove import prove
from domicile_policies.reach.rule import PROOF_VARIABLE

__all__ = ["PROOF_VARIABLE", "Declared", "Proof", "declared", "prove"]
