"""What the tables of AWS say is what their sources say: service models, the SDK's documentation, cfn-lint, moto. CloudFormation's schemas
are in `test_cloudformation`."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import cfnlint
import moto
import pytest
from cfnlint.rules.resources.events.RuleScheduleExpression import RuleScheduleExpression

from domicile.rehearsal import rules
from domicile.rehearsal.aws import KINDS, PACKAGE
from domicile.rehearsal.schema import Schema

LINT, MOTO = Path(cfnlint.__file__).parent, Path(moto.__file__).parent
FORMS = {  # the forms of a source -> the documents that it may name
    "AWS service model": r"[a-z0-9-]+ \w+",
    "AWS service model's errors": r"[a-z0-9-]+ \w+",
    "AWS service model's inputs": r"[a-z0-9-]+ \w+",
    "AWS API reference": r"[a-z0-9-]+ \w+(?:\.\w+)?",
    "CloudFormation schema": r"AWS::\w+::\w+ \w+",
    "cfn-lint": r"[\w/]+\.(?:json|py)",
    "pulumi_aws": r"aws:\w+/\w+:\w+ [\w.\[\]*]+",
    "moto": r"[\w/]+\.py",
    "terraform-provider-aws": r"internal/service/\w+/\w+\.go at [0-9a-f]{12}",
    "AWS documentation": r"(?:Amazon|AWS|IAM) [\w ]+, .+",
    "report": r"[\w-]+/[\w.-]+ #\d+, \d{4}-\d\d-\d\d",
}
SAYS = {  # how prose puts what a rule of a form says
    rules.AtMostOne: r"conflict|can(?:no|')t|either|mutually exclusive|exactly one|only one|not both|instead of|must not|should not",
    rules.AtLeastOne: r"must|requir|at least one|exactly one|one of|either",
    rules.Needs: r"must|requir|should be|valid only|used only",
    rules.Excludes: r"can(?:no|')t|only|not |must be|when|^\(gateway endpoint\)",
    rules.NotAbove: r"greater|less|at least|number of",
}
EVERY = [(token, rule) for token, kind in sorted(KINDS.items()) for rule in (*kind.rules, *kind.world)] + [("", r) for r in PACKAGE.common]


def of(form: str) -> list[Any]:
    """The rules that a form of source holds, as parameters of a test; a rule within another counts for it."""
    found = [(t, getattr(r, "rule", r)) for t, r in EVERY if r.source.document.startswith(f"{form}: ")]
    return [pytest.param(t, r, id=f"{t.rpartition(':')[2]}-{type(r).__name__}-{getattr(r, 'path', '')}") for t, r in found]


def named(rule: Any) -> str:
    return str(rule.source.document.partition(": ")[2])


@pytest.fixture(scope="module")
def models() -> botocore.loaders.Loader:
    return botocore.loaders.Loader()


@pytest.mark.parametrize(("token", "rule"), EVERY, ids=[f"{t.rpartition(':')[2]}-{type(r).__name__}" for t, r in EVERY])
def test_every_rule_names_its_document_exactly_and_the_day_it_was_read(token, rule):
    form, _, document = rule.source.document.partition(": ")
    assert re.fullmatch(FORMS[form], document)
    assert re.fullmatch(r"2026-\d\d-\d\d", rule.source.read)


# -- AWS's service models ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("token", "rule"), of("AWS service model"))
def test_limits_are_those_of_the_service_model(token, rule, models):
    service, name = named(rule).split()
    assert _differs(rule, models.load_service_model(service, "service-2")["shapes"][name]) == ""


def _differs(rule: rules.Rule, shape: dict[str, Any]) -> str:
    match rule:
        case rules.Length() | rules.Range() | rules.Items():
            least, most = shape.get("min", rule.least), shape.get("max", rule.most)
            return "" if (rule.least, rule.most) == (least, most) else f"{rule.path}: the model has {least} to {most}"
        case rules.Pattern() if "enum" in shape:
            other = [v for v in shape["enum"] if not re.fullmatch(rule.regex, v)]
            return f"{rule.path}: the model has {other}" if other else ""
        case rules.Pattern():
            said = shape.get("pattern", "").removeprefix("^").removesuffix("$")
            return "" if rule.regex.removeprefix("^").removesuffix("$") == said else f"{rule.path}: the model has {said}"
        case rules.OneOf():
            return "" if set(rule.allowed) <= set(shape.get("enum", ())) else f"{rule.path}: the model has {shape.get('enum')}"
        case rules.Policy():
            return "" if rule.most == shape.get("max") else f"{rule.path}: the model has {shape.get('max')}"
        case rules.Json():
            return ""
    raise AssertionError(f"{type(rule).__name__} has no source in a shape")


def _codes(model: dict[str, Any], operation: str) -> set[str]:
    """The codes of the errors that an operation may answer with."""
    shapes = [e["shape"] for e in model["operations"][operation].get("errors", ())]
    return {model["shapes"][s].get("error", {}).get("code", s) for s in shapes}


@pytest.mark.parametrize(("token", "rule"), of("AWS service model's errors"))
def test_a_refusals_code_is_among_the_operations_errors(token, rule, models):
    service, operation = named(rule).split()
    assert rule.code in _codes(models.load_service_model(service, "service-2"), operation)


@pytest.mark.parametrize(("token", "rule"), of("AWS service model's inputs"))
def test_what_there_is_but_one_of_has_no_id_of_its_own(token, rule, models):
    service, operation = named(rule).split()
    model = models.load_service_model(service, "service-2")
    shape = model["shapes"][model["operations"][operation]["input"]["shape"]]
    assert {p.capitalize() for p in rule.paths} <= set(shape["required"])
    assert not {"Id", "Name", "Key"} & set(shape["members"])


# -- prose: AWS's API reference, the SDK's documentation --------------------------------------------------------------


@pytest.mark.parametrize(("token", "rule"), of("AWS API reference"))
def test_the_api_reference_says_what_it_is_quoted_for(token, rule, models):
    service, name = named(rule).split()
    model = models.load_service_model(service, "service-2")
    shape, _, member = name.partition(".")
    told = model["shapes"][shape]["members"][member] if member else model["operations"].get(shape) or model["shapes"][shape]
    assert _unsaid(rule, told.get("documentation", "")) == []


@pytest.mark.parametrize(("token", "rule"), of("pulumi_aws"))
def test_the_sdk_says_what_it_is_quoted_for(token, rule, schema):
    about, path = named(rule).split()
    assert about == token.replace("V2", "")
    prose = _documentation(schema, token, path)
    assert _unsaid(rule, prose) == []
    others = [p for p in _named(rule) if p != path]
    assert not others or any(_snake(o.rpartition(".")[2]) in _snake(prose) for o in others)


def _unsaid(rule: Any, prose: str) -> list[str]:
    """What prose would have to say for a rule, and doesn't."""
    text = re.sub(r"<[^>]+>|,", "", prose).replace("\u2019", "'")
    wanted = [SAYS[type(rule)]] if type(rule) in SAYS else []
    if isinstance(rule, rules.OneOf):
        numbers = [v for v in rule.allowed if isinstance(v, int)]
        wanted += [re.escape(str(v)) for v in rule.allowed if v not in numbers]
        wanted += ["two of its numbers"] if numbers and len({v for v in numbers if re.search(rf"(?<!\d){v}(?!\d)", text)}) < 2 else []
    if isinstance(rule, rules.Bounds) or (isinstance(rule, rules.Network) and not rule.cleared):
        wanted += [rf"(?<![\d.]){b:.0f}(?!\d)|{_KILO.get(b, 'never')}" for b in _bounds(rule) if math.isfinite(b) and b > 1]
    if isinstance(rule, rules.Policy):
        wanted += [rf"{rule.most}|{_KILO.get(rule.most, 'never')}"]
    return [] if text and not wanted else [w for w in wanted if not re.search(w, text, re.IGNORECASE)] or ([] if text else ["anything"])


_KILO = {16384: "16 ?KB", 20480: "20 ?KB", 64000: "64000"}


def _bounds(rule: Any) -> tuple[float, ...]:
    return (rule.shortest, rule.longest) if isinstance(rule, rules.Network) else (rule.least, rule.most)


def _named(rule: Any) -> list[str]:
    return list(getattr(rule, "paths", ())) or [
        getattr(rule, a) for a in ("path", "needed", "excluded") if isinstance(getattr(rule, a, None), str)
    ]


def _snake(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.sub(r"s?\[\*\]", "", text).lower())


def _documentation(schema: Schema, token: str, path: str) -> str:
    """An input's docstring in the generated SDK, by its path."""
    module, cls = schema.tokens[token]
    file = schema._file_of(schema.root.joinpath(*module.split(".")[1:]), token, cls)
    shape = schema.resource(token)
    assert shape
    props, node = shape.inputs, schema._class(file, cls + "Args")
    *outer, last = path.replace("[*]", "").split(".")
    for part in outer:
        kind = props[part].type
        ref = str(kind.of if kind.kind == "object" else kind.of.of)  # type: ignore[union-attr]
        folder, name = ref.rsplit("#", 1)
        props, node = schema.object(ref), schema._class(Path(folder) / "_inputs.py", name)
    assert node
    return next(text for name, text in _docstrings(node) if name.rstrip("_") == re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", last).lower())


def _docstrings(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    yield from ((f.name, ast.get_docstring(f) or "") for f in node.body if isinstance(f, ast.FunctionDef))


# -- cfn-lint, moto ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("token", "rule"), of("cfn-lint"))
def test_cfn_lint_knows_the_rule(token, rule):
    path = LINT / named(rule)
    path = path if path.is_file() else LINT / "data" / named(rule)
    path = path if path.is_file() else LINT / "data" / "schemas" / named(rule)
    match rule:
        case rules.Never():  # a runtime's life: what no function can be made with, on the day it was read
            life = json.loads(path.read_text())
            blocked = {name for name, of_it in life.items() if of_it["create-block"] and of_it["create-block"] <= rule.source.read}
            assert {name for name in life if re.search(rule.regex, name)} == blocked
        case rules.Pattern():  # schedules: judged alike
            for text in ("rate(1 day)", "rate(2 days)", "cron(0 20 * * ? *)", "cron(0 20 ? * MON *)"):
                assert rule.wrong(text) == "" and not _lint_of_a_schedule(text)
            for text in ("rate(1 days)", "rate(2 day)", "rate(0 days)", "cron(0 20 * * *)", "cron(0 20 * * * *)"):
                assert rule.wrong(text) and _lint_of_a_schedule(text)
        case rules.NotAbove():
            found = json.loads(path.read_text())["cfnGather"]["schema"]["properties"]["this"]["properties"]
            assert found == {rule.high[0].upper() + rule.high[1:]: {"minimum": {"$data": f"/this/{rule.low[0].upper()}{rule.low[1:]}"}}}
        case rules.Needs():
            found = json.loads(path.read_text())
            assert found["if"]["properties"] == {"Protocol": {"enum": list(rule.when)}}
            assert found["then"] == {"required": ["Certificates"]}
        case _:
            raise AssertionError(f"how does cfn-lint know {type(rule).__name__}?")


def _lint_of_a_schedule(text: str) -> list[Any]:
    check = RuleScheduleExpression()
    return list(check._check_rate(text) if text.startswith("rate") else check._check_cron(text))


ANSWERS = {"AtLeastOne-vpcZoneIdentifiers": "At least one Availability Zone or VPC Subnet is required",
           "AtMostOne-rules[*].filter.prefix": "Can't have both `Filter` and `Prefix`"}  # fmt: skip
"""What moto says where a rule has no code."""


@pytest.mark.parametrize(("token", "rule"), of("moto"))
def test_moto_answers_with_the_rules_code(token, rule):
    text = (MOTO / named(rule)).read_text()
    assert f'"{rule.code}"' in text if hasattr(rule, "code") else ANSWERS[f"{type(rule).__name__}-{rule.paths[0]}"] in text


# -- what can't be deleted, what isn't there --------------------------------------------------------------------------

SERVICES = {"elasticloadbalancing": "elbv2", "apigateway": "apigatewayv2"}  # an action's prefix -> botocore's name, where they differ
UNMODELLED = {"ec2", "s3"}  # services whose models list no errors
COMMON = {"ValidationException", "ValidationError"}  # of AWS's common errors, which no operation lists
REPORTED = {("aws:apigatewayv2/integration:Integration", "ConflictException")}
"""Answers of AWS's that a deletion's errors don't list: this one is in a public report, of an integration that a route
refers to (milliHQ/terraform-aws-next-js's issue 247, 2021-11-30)."""
NAMED = {token for kind in KINDS.values() for ref in kind.refs for token in ref.tokens}
HELD = {token for kind in KINDS.values() for ref in kind.refs if ref.holds for token in ref.tokens}


def _service(token: str) -> str:
    prefix = next((a.partition(":")[0] for a in KINDS[token].actions.create), "")
    return "" if prefix in UNMODELLED else SERVICES.get(prefix, prefix)


def _of_deletion(token: str, models: botocore.loaders.Loader) -> set[str]:
    model = models.load_service_model(_service(token), "service-2")
    names = {a.partition(":")[2] for a in KINDS[token].actions.delete} & set(model["operations"])
    if _service(token) == "apigatewayv2":  # whose actions are HTTP's verbs
        names = {f"Delete{token.rpartition(':')[2]}"}
    assert names
    return {code for name in names for code in _codes(model, name)} | COMMON


@pytest.mark.parametrize("token", sorted(t for t in NAMED if _service(t)))
def test_what_is_not_there_is_told_by_an_error_that_the_service_has(token, models):
    model = models.load_service_model(_service(token), "service-2")
    assert KINDS[token].missing in {c for operation in model["operations"] for c in _codes(model, operation)} | COMMON


@pytest.mark.parametrize("token", sorted(t for t in HELD if _service(t)))
def test_what_is_in_use_is_told_by_an_error_of_its_deletion(token, models):
    assert KINDS[token].in_use in _of_deletion(token, models) or (token, KINDS[token].in_use) in REPORTED


@pytest.mark.parametrize("token", sorted(t for t, kind in KINDS.items() if kind.guards))
def test_what_is_guarded_is_told_by_an_error_of_its_deletion(token, models):
    assert KINDS[token].guarded in _of_deletion(token, models)
