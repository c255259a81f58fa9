"""Names of what the policy server sends over ADS; Envoy's bootstrap asks for each by name."""

from __future__ import annotations

SESSIONS = "sessions"
"""RBAC: which session a source address belongs to. The only resource that changes when sessions come and go."""

CONNECTS = "connects"
"""RBAC: hosts and ports that may be dialled."""

REQUESTS = "requests"
"""RBAC: methods and paths that may be asked of inspected hosts."""

UNKNOWN_SESSION = "deny/unknown-session"


def leaf(host: str) -> str:
    """The certificate that an inspected host shows to sandboxes."""
    return f"leaf/{host}"


def credential(name: str) -> str:
    """The value of an injected credential."""
    return f"credential/{name}"
