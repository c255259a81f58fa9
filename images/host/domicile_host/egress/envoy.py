"""Envoy's configuration language in a few words: the shapes that listeners, clusters and policies are made of.

Everything is plain JSON, so that provisioning can render it without Envoy's protocol packages. Field names and types are those
of the v3 API as shipped in Envoy 1.40.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

TYPE = "type.googleapis.com/"
HTTP_RBAC = "envoy.extensions.filters.http.rbac.v3.RBAC"

ADS: Json = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "2s"}
"""Served by the dispatcher. A listener waits this long for its first policy, then opens without one and refuses everything."""


def message(kind: str, /, **fields: Any) -> Json:
    """A protobuf `Any` of type `kind`."""
    return {"@type": TYPE + kind, **fields}


def extension(name: str, kind: str, /, **fields: Any) -> Json:
    """A named extension (filter, access log, transport socket, matcher input …) and its configuration."""
    return {"name": name, "typed_config": message(kind, **fields)}


def discovered(name: str) -> Json:
    """An HTTP filter whose RBAC rules come over ADS under `name`."""
    return {"name": name, "config_discovery": {"config_source": ADS, "type_urls": [TYPE + HTTP_RBAC]}}


# --- matching ------------------------------------------------------------------------------------------------------------


def verdict(rule: str, *, allow: bool) -> Json:
    """The end of a matcher: what is done, under which rule's name."""
    return {"action": extension("envoy.filters.rbac.action", "envoy.config.rbac.v3.Action", name=rule, action="ALLOW" if allow else "DENY")}


def header(name: str) -> Json:
    return extension(name, "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name)


def state(key: str) -> Json:
    return extension(key, "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput", key=key)


def choose(what: Json, cases: Mapping[str, Json], otherwise: Json) -> Json:
    """Looks `what` up among `cases`; each outcome is a `verdict` or a nested matcher."""
    if not cases:
        return {"matcher": {"on_no_match": otherwise}}
    return {"matcher": {"matcher_tree": {"input": what, "exact_match_map": {"map": dict(cases)}}, "on_no_match": otherwise}}


def first(cases: Sequence[tuple[Json, Json]], otherwise: Json) -> Json:
    """The outcome of the first predicate that holds."""
    if not cases:
        return {"matcher": {"on_no_match": otherwise}}
    matchers = [{"predicate": predicate, "on_match": outcome} for predicate, outcome in cases]
    return {"matcher": {"matcher_list": {"matchers": matchers}, "on_no_match": otherwise}}


def equals(what: Json, value: str) -> Json:
    return {"single_predicate": {"input": what, "value_match": {"exact": value}}}


def begins(what: Json, value: str) -> Json:
    return {"single_predicate": {"input": what, "value_match": {"prefix": value}}}


def fits(what: Json, expression: str) -> Json:
    """The whole of `what` fits an RE2 expression."""
    return {"single_predicate": {"input": what, "value_match": {"safe_regex": {"google_re2": {}, "regex": expression}}}}


def all_of(*predicates: Json) -> Json:
    return predicates[0] if len(predicates) == 1 else {"and_matcher": {"predicate": list(predicates)}}


def any_of(*predicates: Json) -> Json:
    return predicates[0] if len(predicates) == 1 else {"or_matcher": {"predicate": list(predicates)}}


def where(expression: str) -> Json:
    """An access log's (or refusal's) filter: a CEL expression over the finished request."""
    kind = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    return {"extension_filter": extension("envoy.access_loggers.extension_filters.cel", kind, expression=expression)}


def literal(text: str) -> str:
    """`text` as an RE2 expression that fits only itself."""
    return re.sub(r"([^A-Za-z0-9_/-])", r"\\\1", text)


# --- filter state: what one layer knows and hands to the next -------------------------------------------------------------

SOURCE = "egress.source"
TUNNEL = "egress.tunnel"
SESSION = "egress.session"
RULE = "egress.rule"
AUTHORITY = "egress.authority"
SNI_AUTHORITY = "egress.sni_authority"
DYNAMIC_HOST = "envoy.upstream.dynamic_host"

DECIDED = "%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%"
"""The rule by which the last RBAC filter decided."""


def known(key: str) -> str:
    """The formatter that prints filter state `key`."""
    return f"%FILTER_STATE({key}:PLAIN)%"


RULE_ID = f"{known(SESSION)}/{DECIDED}"
"""`<session>/allow/<mode>/<host>:<port>` or `<session>/deny/<why>`; the session is `-` for an address that has none."""


def remember(key: str, text: str, *, factory: str = "envoy.string", shared: bool = True) -> Json:
    """Puts `text` (a format string) under `key`; `shared` hands it to the internal listener behind the next cluster."""
    value = {"text_format_source": {"inline_string": text}}
    return {"object_key": key, "factory_key": factory, "format_string": value, "shared_with_upstream": "ONCE" if shared else "NONE"}


def plain(text: str) -> str:
    """`text` for a place where Envoy looks for format operators."""
    return text.replace("%", "%%")
