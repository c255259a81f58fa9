"""The tables of AWS: they speak of properties that exist, and each rule lets through what it should and refuses what breaks it."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from domicile.rehearsal import rules
from domicile.rehearsal.aws import KINDS
from domicile.rehearsal.kinds import Kind
from domicile.rehearsal.schema import Schema
from domicile.rehearsal.shapes import Prop

from .breaking import broken
from .examples import EXAMPLES

RULES = [(token, i) for token, kind in sorted(KINDS.items()) for i in range(len(kind.rules))]
PATHS = ("path", "low", "high", "needed", "excluded", "when", "condition")


def test_every_type_with_a_table_has_an_example():
    assert sorted(EXAMPLES) == sorted(KINDS)


@pytest.mark.parametrize("token", sorted(KINDS))
def test_an_accepted_example_passes(token, double):
    _, faults = double.check(f"urn:pulumi:s::p::{token}::name", {}, EXAMPLES[token], b"")
    assert not faults


@pytest.mark.parametrize(("token", "i"), RULES, ids=[f"{t.rpartition(':')[2]}-{i}-{type(KINDS[t].rules[i]).__name__}" for t, i in RULES])
def test_each_rule_refuses_what_breaks_it_and_says_where(token, i):
    rule = KINDS[token].rules[i]
    assert not list(rule.faults(EXAMPLES[token]))
    faults = list(rule.faults(broken(rule, EXAMPLES[token])))
    assert faults and all(f.path and f.reason for f in faults)


@pytest.mark.parametrize("token", sorted(KINDS))
def test_tables_speak_of_properties_that_the_sdk_has(token, schema):
    shape, kind = schema.resource(token), KINDS[token]
    assert shape
    assert not [fault for path in _inputs_of(kind) if (fault := _missing(schema, shape.inputs, path))]
    assert set(kind.outputs) <= set(shape.outputs)
    assert {c.partition("?")[0] for c in kind.changing} <= set(shape.outputs)
    assert {t for r in kind.refs for t in r.tokens} <= set(schema.tokens)
    assert {r.ref for r in kind.world if hasattr(r, "ref")} <= {r.name or r.path for r in kind.refs}


def _inputs_of(kind: Kind) -> list[str]:
    found = [*kind.replaces, *kind.keeps, *kind.json, *(r.path for r in kind.refs)]
    inner = [r.rule for r in kind.rules if isinstance(r, rules.Where)]
    for rule in (*kind.rules, *inner, *kind.world):
        for field in fields(rule):
            value = getattr(rule, field.name)
            found += [value] if field.name in PATHS and isinstance(value, str) and value else list(value) if field.name == "paths" else []
    return found


def _missing(schema: Schema, props: dict[str, Prop], path: str) -> str:
    kind: Any = None
    for part in re.findall(r"[^.\[\]]+|\[\*\]", path):
        if part == "[*]":
            if kind.kind != "list":
                return f"{path}: no list before [*]"
            kind = kind.of
            continue
        if kind is not None:
            if kind.kind in ("any", "union", "map"):
                return ""
            if kind.kind != "object":
                return f"{path}: {kind.kind} has no {part}"
            props = schema.object(kind.of)
        if part not in props:
            return f"{path}: no {part}"
        kind = props[part].type
    return ""
