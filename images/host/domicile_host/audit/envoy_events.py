"""What a line of Envoy's access log means as an event. Its fields are those of `domicile_host.egress.access_log`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from domicile_host.audit.event import Event, Outcome

_KEPT = (
    *("layer", "ev", "tunnel", "src", "method", "path", "code", "sni", "chost", "upstream"),
    *("up_bytes", "down_bytes", "ms", "flags", "details", "why", "upfail"),
)


def event_of(line: Mapping[str, Any], origin: Mapping[str, JsonValue]) -> Event:
    """The event of one line; `origin` says where the line stood, and goes into the detail."""
    fields = {key: value for key, value in line.items() if value not in (None, "", "-")}
    rule = str(fields.get("enforced") or fields.get("rule") or "")
    outcome = _outcome(fields, rule)
    detail: dict[str, JsonValue] = {key: fields[key] for key in _KEPT if key in fields}
    detail |= {"host": _host(fields), "rule": rule, "origin": dict(origin)}
    return Event(
        activity=_activity(str(fields.get("layer", ""))),
        outcome=outcome,
        reason="" if outcome == "allowed" else _reason(fields, rule),
        session_id=str(fields.get("session") or _session(rule)),
        time=_milliseconds(fields.get("ts")),
        detail=detail,
    )


def _activity(layer: str) -> str:
    if layer in ("inspect", "gateway"):
        return "egress.request"
    return "egress.tunnel" if layer.startswith("tunnel") else "egress.connect"


def _outcome(fields: Mapping[str, Any], rule: str) -> Outcome:
    layer, details = str(fields.get("layer", "")), f"{fields.get('details', '')} {fields.get('why', '')}"
    if "deny/" in rule or "access_denied" in details or layer.endswith("-listener"):
        return "refused"
    if layer == "tunnel":
        return "failure" if fields.get("upfail") or {"UF", "UH", "NR", "UPE"} & set(str(fields.get("flags", "")).split(",")) else "allowed"
    code = fields.get("code")
    if "via_upstream" in details or (isinstance(code, int) and 200 <= code < 300):
        return "allowed"
    return "refused" if isinstance(code, int) and 400 <= code < 500 else "failure"


def _reason(fields: Mapping[str, Any], rule: str) -> str:
    """The rule that refused; where none did, Envoy's own words."""
    if "deny/" in rule:
        return rule[rule.index("deny/") :]
    words = [str(fields[key]) for key in ("details", "why", "upfail", "flags") if key in fields]
    return "; ".join(words) or "no filter chain takes such a connection"


def _session(rule: str) -> str:
    """The session in a rule's id: `<session>/allow/…`, `<session>/deny/…`."""
    session, _, rest = rule.partition("/")
    return session if rest.startswith(("allow/", "deny/")) and session != "-" else ""


def _host(fields: Mapping[str, Any]) -> str:
    return str(fields.get("authority") or fields.get("chost") or fields.get("sni") or "")


def _milliseconds(stamp: object) -> int | None:
    try:
        return round(datetime.fromisoformat(str(stamp)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
