"""A stack as it is, from its state: for the nightly check of live guards. The state is a deployment, as `pulumi stack export` prints it.

A resource's inputs are overlaid with its outputs of the same names, as a refresh has found them: what somebody changed by hand counts, and
not what the program says. What only the provider knows of (a property that no input has) isn't looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from domicile_policies.findings import Findings, judged
from domicile_policies.judge import Judge
from domicile_policies.parameters import Setting
from domicile_policies.resource import Resource, Stack, Unknown, normalised
from domicile_policies.rule import Rule
from domicile_policies.wire import SECRET, SIGNATURE, special


def stack_of(deployment: Mapping[str, Any]) -> Stack:
    """All that a deployment's state holds. Resources that wait for their deletion are left out: they are no part of the stack."""
    listed = [each for each in deployment.get("resources") or [] if not each.get("delete")]
    inputs = {each["urn"]: normalised(_overlaid(each)) for each in listed}
    leanings: dict[str, dict[str, list[Resource]]] = {each["urn"]: {} for each in listed}
    made = {each["urn"]: _resource(each, inputs, leanings[each["urn"]]) for each in listed}
    for each in listed:
        for prop, urns in (each.get("propertyDependencies") or {}).items():
            leanings[each["urn"]][prop] = [made[urn] for urn in urns or () if urn in made]
    return Stack(tuple(made.values()))


def _resource(each: Mapping[str, Any], inputs: Mapping[str, Any], leans_on: Mapping[str, list[Resource]]) -> Resource:
    urn = each["urn"]
    provider = str(each.get("provider") or "").rpartition("::")[0]
    return Resource(
        each["type"], urn.rpartition("::")[2], urn, inputs[urn], each.get("parent") or "", bool(each.get("protect")),
        inputs.get(provider, {}), leans_on,
    )  # fmt: skip


def _overlaid(each: Mapping[str, Any]) -> dict[str, Any]:
    inputs, outputs = each.get("inputs") or {}, each.get("outputs") or {}
    return {name: _opened(outputs.get(name, value)) for name, value in inputs.items()}


def _opened(value: Any) -> Any:
    """Secrets as the export shows them; one that stayed closed can't be judged."""
    if isinstance(value, list):
        return [_opened(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET and "value" not in value:
        return _opened(json.loads(value["plaintext"])) if "plaintext" in value else Unknown("")
    return special({key: _opened(each) for key, each in value.items()})


def judge_live(
    rules: Mapping[str, Rule],
    settings: Mapping[str, Setting],
    config: Mapping[str, str],
    names: tuple[str, str],
    deployment: Mapping[str, Any],
) -> Findings:
    """What the pack says of a stack's state; `names` are those of project and stack."""
    judge = Judge(rules, settings, config, preview=False)
    stack = stack_of(deployment)
    judge.whole(stack)
    return Findings(*names, "live", True, judge.facts, tuple(map(judged, stack.resources)), tuple(judge.found), tuple(judge.excepted()))
