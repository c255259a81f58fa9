"""Names that bootstrap and policy server must agree on: what is sent over ADS, and the rules that refuse."""

from __future__ import annotations

SESSIONS = "sessions"
"""RBAC: which session a source address belongs to. The only resource that changes when sessions come and go."""

CONNECTS = "connects"
"""RBAC: hosts and ports that may be dialled."""

REQUESTS = "requests"
"""RBAC: methods and paths that may be asked of inspected hosts."""

UNKNOWN_SESSION = "deny/unknown-session"
PLAIN_HTTP = "deny/plain-http"
HOST_NOT_ALLOWED = "deny/host-not-allowed"
SNI_IS_NOT_CONNECT_HOST = "deny/sni-is-not-connect-host"
HOST_IS_NOT_SNI = "deny/host-is-not-sni"
METHOD_OR_PATH = "deny/method-or-path"
ENCODED_PATH = "deny/encoded-path"

DENIALS = (UNKNOWN_SESSION, PLAIN_HTTP, HOST_NOT_ALLOWED, SNI_IS_NOT_CONNECT_HOST, HOST_IS_NOT_SNI, METHOD_OR_PATH, ENCODED_PATH)


def leaf(host: str) -> str:
    """The certificate that an inspected host shows to sandboxes."""
    return f"leaf/{host}"


def credential(name: str) -> str:
    """The value of an injected credential."""
    return f"credential/{name}"
