"""`aws.iam.getPolicyDocument`: the provider works it out itself, with no call to AWS, so the double can too, to the character.

As terraform-provider-aws does it (internal/service/iam/policy_document_data_source.go at 04e9356d7f06, policy_model.go at 084fd7bc4c3c;
internal/create/hashcode.go at 05bc3741f031 for the id; read 2026-11-22): one value stands alone, sets lose what is there twice and go in reverse
order, a later statement takes the place of an earlier one with its Sid, `&{` becomes `${`. Only the order in which the provider's sets
give several principals of one type, or several conditions on one key, isn't followed: they stay as they were given.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable
from functools import reduce
from typing import Any

from ..cloud import Properties
from ..kinds import Place
from ..world import Refused

_VERSIONS = ("2008-10-17", "2012-10-17")
_AS_THEY_ARE = ("Action", "NotAction", "Resource", "NotResource")
_ESCAPED = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}  # what Go's encoder writes so
_ORDER = ("Sid", "Effect", *_AS_THEY_ARE, "Principal", "NotPrincipal", "Condition")

Principals = list[tuple[str, Any]]
Conditions = list[tuple[str, str, list[str]]]


def policy_document(args: Properties, place: Place) -> Properties:
    """The document as `json` and `minifiedJson`; Refused for what the provider refuses."""
    version = args.get("version") or _VERSIONS[-1]
    if version not in _VERSIONS:
        raise _refused(f"version {version!r} is none of {', '.join(_VERSIONS)}")
    before = [_read(t, "sourcePolicyDocuments", i) for i, t in enumerate(args.get("sourcePolicyDocuments") or ()) if t]
    after = [_read(t, "overridePolicyDocuments", i) for i, t in enumerate(args.get("overridePolicyDocuments") or ()) if t]
    own: Properties = {
        "Version": version,
        "Id": args.get("policyId") or "",
        "Statement": [_own(s, version) for s in args.get("statements") or ()],
    }
    _unique((s for document in before for s in document["Statement"]), "sourcePolicyDocuments")
    _unique(own["Statement"], "statements")
    merged: Properties = reduce(_merge, (*before, own, *after), {"Version": "", "Id": "", "Statement": []})
    merged["Statement"] = [_written(s) for s in merged["Statement"]]
    document = {k: v for k, v in merged.items() if v}
    text = _encoded(document, indent=2)
    return {"json": text, "minifiedJson": _encoded(document, separators=(",", ":")), "id": str(zlib.crc32(text.encode()))}


def _merge(base: Properties, more: Properties) -> Properties:
    statements = list(base["Statement"])
    for statement in more["Statement"]:
        same = [i for i, s in enumerate(statements) if statement.get("Sid") and s.get("Sid") == statement["Sid"]]
        if same:
            statements[same[0]] = statement
        else:
            statements.append(statement)
    return {"Version": max(base["Version"], more["Version"]), "Id": more["Id"] or base["Id"], "Statement": statements}


def _unique(statements: Iterable[Properties], where: str) -> None:
    seen: set[str] = set()
    for sid in filter(None, (s.get("Sid") for s in statements)):
        if sid in seen:
            raise _refused(f"{where}: the Sid {sid!r} is there twice; each statement has its own, or none")
        seen.add(sid)


# -- what is read -----------------------------------------------------------------------------------------------------


def _own(s: Properties, version: str) -> Properties:
    """A statement of the arguments."""
    if not re.fullmatch(r"[a-zA-Z0-9]*", s.get("sid") or ""):
        raise _refused(f"the Sid {s['sid']!r} has other characters than letters and digits")
    if (s.get("effect") or "Allow") not in ("Allow", "Deny"):
        raise _refused(f"the effect {s['effect']!r} is neither Allow nor Deny")
    return {
        "Sid": s.get("sid"), "Effect": s.get("effect") or "Allow", "Action": _set(s.get("actions")), "NotAction": _set(s.get("notActions")),
        "Resource": _variables(_set(s.get("resources")), version), "NotResource": _variables(_set(s.get("notResources")), version),
        "Principal": [(p["type"], _variables(_set(p["identifiers"]), version)) for p in s.get("principals") or ()],
        "NotPrincipal": [(p["type"], _variables(_set(p["identifiers"]), version)) for p in s.get("notPrincipals") or ()],
        "Condition": [(c["test"], c["variable"], _variables(list(c["values"]), version)) for c in s.get("conditions") or ()],
    }  # fmt: skip


def _set(texts: list[str] | None) -> Any:
    unlike = sorted(set(texts or ()), reverse=True)
    return unlike[0] if len(unlike) == 1 else unlike


def _variables(texts: Any, version: str) -> Any:
    """IAM's variables, whose `${` the provider's own language would take for its own, and so are written `&{`."""
    if isinstance(texts, list):
        return [_variables(t, version) for t in texts]
    if "&{" in texts and version == _VERSIONS[0]:
        raise _refused(f"{texts!r} has a variable ('&{{'), which version {version} knows none of")
    return texts.replace("&{", "${")


def _read(text: str, where: str, i: int) -> Properties:
    """A document given as JSON, in the form that `_own` has; what isn't part of a policy is lost, as it is there."""
    try:
        document = json.loads(text)
    except ValueError as e:
        raise _refused(f"{where}[{i}] is not JSON: {e}") from e
    statements = document.get("Statement") or [] if isinstance(document, dict) else None
    if not isinstance(statements, list) or not all(isinstance(s, dict) for s in statements):
        raise _refused(f"{where}[{i}]: Statement is no list of statements")
    return {"Version": document.get("Version", ""), "Id": document.get("Id", ""), "Statement": [_given(s) for s in statements]}


def _given(s: Properties) -> Properties:
    principals = {key: _principals(s.get(key)) for key in ("Principal", "NotPrincipal")}
    tests = [(test, key, v) for test, keys in (s.get("Condition") or {}).items() for key, v in keys.items()]
    conditions = [(t, key, _values(v)) for t, key, v in tests if isinstance(v, str | bool | list)]  # a number is lost
    return {k: s.get(k) for k in ("Sid", "Effect", *_AS_THEY_ARE)} | principals | {"Condition": conditions}


def _principals(given: Any) -> Principals:
    if isinstance(given, str):
        return [("*", ["*"])]
    return [(type_, sorted(who, reverse=True) if isinstance(who, list) else who) for type_, who in (given or {}).items()]


def _values(v: Any) -> list[str]:
    return [str(v).lower()] if isinstance(v, bool) else [v] if isinstance(v, str) else v


# -- what is written --------------------------------------------------------------------------------------------------


def _written(s: Properties) -> Properties:
    out = s | {"Principal": _who(s["Principal"]), "NotPrincipal": _who(s["NotPrincipal"]), "Condition": _tests(s["Condition"])}
    return {k: out[k] for k in _ORDER if out.get(k)}


def _who(principals: Principals) -> Any:
    if len(principals) == 1 and principals[0] in (("*", "*"), ("*", ["*"])):
        return "*"
    found: dict[str, Any] = {}
    for type_, who in principals:
        if type_ in found:
            found[type_] = [*_many(found[type_]), *_many(who)]
        else:
            found[type_] = who
    return dict(sorted(found.items()))


def _tests(conditions: Conditions) -> Properties:
    found: dict[str, dict[str, list[str]]] = {}
    for test, key, values in conditions:
        found.setdefault(test, {}).setdefault(key, []).extend(values)
    return {t: {k: v[0] if len(v) == 1 else v for k, v in sorted(keys.items())} for t, keys in sorted(found.items())}


def _many(who: Any) -> list[str]:
    return who if isinstance(who, list) else [who]


def _encoded(document: Properties, **how: Any) -> str:
    return json.dumps(document, ensure_ascii=False, **how).translate(_ESCAPED)


def _refused(why: str) -> Refused:
    return Refused("InvalidPolicyDocument", why)
