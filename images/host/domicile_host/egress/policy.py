"""An environment's egress policy as Envoy reads it, and the check that refuses one which couldn't be kept.

`check` is called by the configuration before anything is provisioned; `connect_rules` and `request_rules` by the policy server.
Rules are known by name, as it stands in refusals and logs behind the session's id: `allow/<mode>/<host>:<port>`, for inspected hosts
also `allow/request/<host>:<port>#<n>`, and those in `names.DENIALS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from domicile_host.egress import names
from domicile_host.egress.envoy import (
    AUTHORITY,
    HTTP_RBAC,
    Json,
    all_of,
    any_of,
    begins,
    choose,
    equals,
    first,
    fits,
    header,
    literal,
    message,
    state,
    verdict,
)
from domicile_host.settings import EgressPolicy, EgressRule, HttpRule

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
UNSETTABLE_HEADERS = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive", "proxy-authorization"}
    | {"te", "trailer", "transfer-encoding", "upgrade", "via"}
)
PLAIN_HTTP_PORT = 80

_PATH = re.compile(r"/([A-Za-z0-9._~!$&'()*+,;=:@-]+/?)*")
_LABELS = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+"
_HIDDEN = r"[^?]*%(25|2[eEfF]|5[cC]|00)[^?]*(\?.*)?"
"""A path with an encoded `%`, dot, slash, backslash or NUL: what Envoy passes literally, an upstream may decode a second time."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a policy: where (as in `rules[2].host`), what stands there, what may, and what to do."""

    path: str
    value: str
    allowed: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.value} — allowed: {self.allowed}. {self.fix}"


# --- the check -------------------------------------------------------------------------------------------------------------


def check(policy: EgressPolicy) -> tuple[Problem, ...]:
    """Everything in `policy` that the proxy couldn't hold, beyond what the model's types refuse. Empty: it can be served."""
    return tuple(_problems(policy))


def _problems(policy: EgressPolicy) -> Iterator[Problem]:
    if not policy.resolvers:
        yield Problem("resolvers", "[]", "one IPv4 address or more", "Name the DNS servers that the proxy asks.")
    if not policy.how_to_ask.isprintable():
        yield Problem("how_to_ask", repr(policy.how_to_ask), "printable text in one line", "Remove line breaks and control characters.")
    seen: dict[tuple[str, int], int] = {}
    for index, rule in enumerate(policy.rules):
        where = f"rules[{index}]"
        earlier = seen.setdefault((rule.host, rule.port), index)
        if earlier != index:
            yield Problem(where, f"{rule.host}:{rule.port}", "each host and port once", f"Merge it with rules[{earlier}].")
        if rule.port == PLAIN_HTTP_PORT:
            yield Problem(f"{where}.port", "80", "a port that speaks TLS", "Plain HTTP isn't proxied; allow the host's HTTPS port.")
        yield from _inspection_problems(where, rule) if rule.mode == "inspect" else _tunnel_problems(where, rule)


def _tunnel_problems(where: str, rule: EgressRule) -> Iterator[Problem]:
    fix = "Set `mode: inspect`, or remove it: a tunnel leaves TLS closed."
    if rule.http:
        yield Problem(f"{where}.http", f"{len(rule.http)} rules", "none in mode `tunnel`", fix)
    if rule.credential:
        yield Problem(f"{where}.credential", rule.credential.name, "none in mode `tunnel`", fix)


def _inspection_problems(where: str, rule: EgressRule) -> Iterator[Problem]:
    if rule.host.startswith("*."):
        fix = "Name each host, or set `mode: tunnel`."
        yield Problem(f"{where}.host", rule.host, "an exact host in mode `inspect`", fix)
    if not rule.http:
        fix = "Add what may be asked, as in `{methods: [GET], paths: [/v1/]}`."
        yield Problem(f"{where}.http", "[]", "one rule or more in mode `inspect`", fix)
    for number, http in enumerate(rule.http):
        yield from _http_problems(f"{where}.http[{number}]", http)
    if rule.credential and rule.credential.header in UNSETTABLE_HEADERS:
        fix = "Use `authorization` or the API's own header."
        yield Problem(f"{where}.credential.header", rule.credential.header, "a header that carries a credential", fix)
    if rule.credential and not rule.credential.prefix.isprintable():
        fix = "Remove line breaks and control characters."
        yield Problem(f"{where}.credential.prefix", repr(rule.credential.prefix), "printable text", fix)


def _http_problems(where: str, http: HttpRule) -> Iterator[Problem]:
    for index, method in enumerate(http.methods):
        if method not in METHODS:
            yield Problem(f"{where}.methods[{index}]", method, ", ".join(METHODS), "Methods are written in capitals.")
    for index, path in enumerate(http.paths):
        if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
            fix = "Write it decoded and normalised, without query, as in `/v1/messages` or `/v1/`."
            yield Problem(f"{where}.paths[{index}]", path, "an absolute path of plain characters", fix)


# --- the rules -------------------------------------------------------------------------------------------------------------


def connect_rules(policy: EgressPolicy) -> Json:
    """Who may be dialled: CONNECT to an exact `host:port` first, then wildcards in the policy's order, else refused."""
    refused = verdict(names.HOST_NOT_ALLOWED, allow=False)
    authority = header(":authority")
    exact = {f"{rule.host}:{rule.port}": _allowed(rule) for rule in policy.rules if not rule.host.startswith("*.")}
    wildcards = [
        (fits(authority, f"{_LABELS}{literal(rule.host[2:])}:{rule.port}"), _allowed(rule))
        for rule in policy.rules
        if rule.host.startswith("*.")
    ]
    hosts = choose(authority, exact, first(wildcards, refused))
    tree = choose(header(":method"), {"CONNECT": hosts}, verdict(names.PLAIN_HTTP, allow=False))
    return message(HTTP_RBAC, **tree)


def request_rules(policy: EgressPolicy) -> Json:
    """What may be asked of inspected hosts, by the host that the tunnel was opened to."""
    refused = verdict(names.METHOD_OR_PATH, allow=False)
    hosts = {f"{rule.host}:{rule.port}": first(list(_requests(rule)), refused) for rule in policy.rules if rule.mode == "inspect"}
    return message(HTTP_RBAC, **choose(state(AUTHORITY), hosts, refused))


def _allowed(rule: EgressRule) -> Json:
    return verdict(f"allow/{rule.mode}/{rule.host}:{rule.port}", allow=True)


def _requests(rule: EgressRule) -> Iterator[tuple[Json, Json]]:
    yield fits(header(":path"), _HIDDEN), verdict(names.ENCODED_PATH, allow=False)
    for number, http in enumerate(rule.http):
        method = any_of(*(equals(header(":method"), method) for method in http.methods))
        path = any_of(*(_path(path) for path in http.paths))
        yield all_of(method, path), verdict(f"allow/request/{rule.host}:{rule.port}#{number}", allow=True)


def _path(path: str) -> Json:
    if path.endswith("/"):
        return begins(header(":path"), path)
    return fits(header(":path"), literal(path) + r"(\?.*)?")
