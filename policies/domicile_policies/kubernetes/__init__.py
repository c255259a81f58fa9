"""Kubernetes: the rules of every concern but the pods' own, which are in `workloads`. One file a concern; `objects` reads the objects."""

from domicile_policies.kubernetes import access, admission, egress, images, keys, network

__all__ = ["access", "admission", "egress", "images", "keys", "network"]
