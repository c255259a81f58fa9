"""Policy packs: what a rule sees, what a violation does at each level, how a pack is configured, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from domicile.engine import EngineError, PluginError, PolicyPack, PolicyPackError, Targets, preview, up

HEAD = """
import json
from pulumi_policy import EnforcementLevel as L, PolicyConfigSchema, PolicyPack, ResourceValidationPolicy, Severity, StackValidationPolicy

def is_thing(a):
    return a.resource_type.startswith("pulumi-python:dynamic")

def no_body(args, report):
    if is_thing(args) and args.props.get("body"):
        report(f"{args.name} has the body {args.props['body']}")
"""
STRICT = """
PolicyPack("strict", [ResourceValidationPolicy("no-body", "Things have no body.", no_body, severity=Severity.HIGH)], L.MANDATORY)
"""


class Packs:
    """Writes packs beside the yard's project, and runs operations with them."""

    def __init__(self, yard, root: Path) -> None:
        self.yard, self.root = yard, root

    def write(self, rules: str, name: str = "pack", manifest: str = "runtime: python\nversion: 4.5.6\n") -> Path:
        folder = self.root / name
        folder.mkdir()
        (folder / "PulumiPolicy.yaml").write_text(manifest)
        (folder / "__main__.py").write_text(HEAD + rules)
        return folder

    def config(self, content: object) -> Path:
        path = self.root / "rules.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def run(self, operation, program: str, *packs: Path, config: Path | None = None, **options):
        self.yard.program(program)
        self.yard.events.clear()
        asked = [PolicyPack(p, config) for p in packs]
        return operation(self.yard.stack, self.yard.events.append, policy_packs=asked, **options)


@pytest.fixture
def packs(yard, tmp_path):
    return Packs(yard, tmp_path)


def found(result) -> list[tuple[str, str, str]]:
    return sorted((v.level, v.rule, v.urn.rpartition("::")[2]) for v in result.violations)


def test_a_preview_names_all_offenders(packs):
    result = packs.run(preview, "for n in 'abc':\n    Thing(n, body=None if n == 'b' else n)\n", packs.write(STRICT))
    assert result.exit_code == 1
    assert found(result) == [("mandatory", "no-body", "a"), ("mandatory", "no-body", "c")]
    assert result.summary == {"create": 4}


def test_a_violation_says_pack_version_rule_severity_and_message(packs, yard):
    result = packs.run(preview, "Thing('a', body='x')\n", packs.write(STRICT))
    violation = result.violations[0]
    assert (violation.pack, violation.version, violation.severity) == ("strict", "4.5.6", "high")
    assert violation.description == "Things have no body." and "a has the body x" in violation.message
    assert [e.policy for e in yard.events if e.kind == "policy-violation"] == [violation]


def test_an_up_stops_before_the_offender_is_touched(packs, yard):
    pack = packs.write(STRICT)
    result = packs.run(up, "a = Thing('a')\nThing('b', body='x', opts=O(depends_on=[a]))\n", pack, preview_first=False)
    assert result.exit_code == 1 and found(result) == [("mandatory", "no-body", "b")]
    assert list(yard.world()) == ["a-1"] and yard.names() == ["a"]


def test_the_preview_before_an_up_stops_it_with_nothing_made(packs, yard):
    result = packs.run(up, "a = Thing('a')\nThing('b', body='x', opts=O(depends_on=[a]))\n", packs.write(STRICT))
    assert result.exit_code == 1 and found(result) == [("mandatory", "no-body", "b")] and yard.world() == {}


def test_an_advisory_violation_is_told_and_passes(packs, yard):
    result = packs.run(up, "Thing('a', body='x')\n", packs.write(STRICT.replace("L.MANDATORY", "L.ADVISORY")))
    assert result.exit_code == 0 and found(result) == [("advisory", "no-body", "a")] and list(yard.world()) == ["a-1"]
    assert len([e for e in yard.events if e.kind == "policy-violation"]) == 1


def test_a_disabled_rule_says_nothing(packs):
    assert packs.run(preview, "Thing('a', body='x')\n", packs.write(STRICT.replace("L.MANDATORY", "L.DISABLED"))).violations == []


STACK_RULE = """
def alone(args, report):
    things = [r for r in args.resources if is_thing(r)]
    if len(things) > 1:
        report("more than one", things[-1].urn)
        report("and that is the stack's fault", "urn:pulumi:dev::yard::no:such:Thing::x")
PolicyPack("few", [StackValidationPolicy("alone", "Things are alone.", alone)], L.MANDATORY)
"""


def test_a_stack_rule_speaks_when_all_is_made(packs, yard):
    result = packs.run(up, "a = Thing('a')\nThing('b', opts=O(depends_on=[a]))\n", packs.write(STACK_RULE), preview_first=False)
    assert result.exit_code == 1 and list(yard.world()) == ["a-1", "b-1"] and yard.names() == ["a", "b"]
    assert found(result) == [("mandatory", "alone", "b"), ("mandatory", "alone", "yard-dev")]


def test_a_stack_rule_is_not_asked_after_a_failure(packs, yard):
    yard.plant("fail.create.a")
    result = packs.run(up, "Thing('a')\nThing('b')\n", packs.write(STACK_RULE), preview_first=False)
    assert result.exit_code == 1 and result.violations == []


def test_a_stack_rule_does_not_see_what_was_not_made_as_it_is_no_target(packs, yard):
    yard.up("Thing('a')\n")
    pack, only_a = packs.write(STACK_RULE), Targets(target=("**::a",))
    result = packs.run(up, "Thing('a', body=2)\nThing('b')\n", pack, preview_first=False, targets=only_a)
    assert result.exit_code == 0 and result.violations == [] and yard.names() == ["a"]


def test_a_stack_rule_sees_outputs_dependencies_and_parents(packs, yard):
    pack = packs.write("""
def look(args, report):
    b = next(r for r in args.resources if r.name == "b")
    seen = {"serial": b.props["serial"], "depends": [d.name for d in b.dependencies], "parent": b.parent.name,
            "all": sorted(r.name for r in args.resources)}
    report(json.dumps(seen))
PolicyPack("look", [StackValidationPolicy("look", "Look.", look)])
""")
    result = packs.run(up, "a = Thing('a')\nThing('b', opts=O(depends_on=[a]))\n", pack, preview_first=False)
    seen = json.loads(result.violations[0].message.splitlines()[-1])
    assert seen == {"serial": "b-1", "depends": ["a"], "parent": "yard-dev", "all": ["a", "b", "default", "yard-dev"]}


def test_what_a_resource_rule_sees(packs, yard):
    pack = packs.write("""
import pulumi
def look(args, report):
    if args.name == "b":
        o = args.opts
        report(json.dumps({
            "body": args.props["body"], "own": [k for k in args.props if k.startswith("__")], "parent": o.parent.rpartition("::")[2],
            "protect": o.protect, "first": o.delete_before_replace, "ignore": list(o.ignore_changes), "aliases": list(o.aliases),
            "provider": args.provider.resource_type, "timeout": o.custom_timeouts.create_seconds,
            "stack": [pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.is_dry_run()], "config": pulumi.Config().get("k")}))
PolicyPack("look", [ResourceValidationPolicy("look", "Look.", look)])
""")
    yard.stack.set_config("k", "v")
    options = "O(parent=a, protect=True, delete_before_replace=True, ignore_changes=['zone'], aliases=[pulumi.Alias(name='old')]"
    options += ", custom_timeouts=pulumi.CustomTimeouts(create='1m30s'))"
    result = packs.run(preview, f"a = Thing('a')\nThing('b', body=pulumi.Output.secret('s'), opts={options})\n", pack)
    seen = json.loads(result.violations[0].message.splitlines()[-1])
    old = "urn:pulumi:dev::yard::pulumi-python:dynamic:Resource$pulumi-python:dynamic:Resource::old"
    assert seen == {
        "body": "s", "own": [], "parent": "a", "protect": True, "first": True, "ignore": ["zone"], "aliases": [old],
        "provider": "pulumi:providers:pulumi-python", "timeout": 90, "stack": ["yard", "dev", True], "config": "v",
    }  # fmt: skip


def test_a_rule_that_meets_an_unknown_value_in_a_preview_is_advisory(packs):
    pack = packs.write(STRICT)
    program = "a = Thing('a')\nThing('b', body=a.serial)\n"
    result = packs.run(preview, program, pack)
    assert result.exit_code == 0 and found(result) == [("advisory", "no-body", "b")]
    assert "can't run policy 'no-body'" in result.violations[0].message
    result = packs.run(up, program, pack, preview_first=False)
    assert result.exit_code == 1 and found(result) == [("mandatory", "no-body", "b")]


REMEDY = """
def polite(args):
    if args.props.get("body") == "rude":
        return {**args.props, "body": "polite"}
PolicyPack("better", [ResourceValidationPolicy("polite", "Bodies are polite.", remediate=polite, enforcement_level=L.REMEDIATE)])
"""


def test_a_remedied_resource_reaches_its_provider_and_the_state(packs, yard):
    pack = packs.write(REMEDY)
    result = packs.run(up, "Thing('a', body='rude')\n", pack, preview_first=False)
    assert result.exit_code == 0 and yard.world() == {"a-1": {"body": "polite", "name": "a"}}
    remedied = result.remediations[0]
    assert (remedied.rule, remedied.before["body"], remedied.after["body"]) == ("polite", "rude", "polite")
    assert packs.run(up, "Thing('a', body='rude')\n", pack, preview_first=False).summary == {"same": 2}


def test_a_replacement_is_remedied_too(packs, yard):
    pack = packs.write(REMEDY)
    packs.run(up, "Thing('a', body='rude', kind='x')\n", pack, preview_first=False)
    result = packs.run(up, "Thing('a', body='rude', kind='y')\n", pack, preview_first=False)
    assert result.summary == {"replace": 1, "same": 1} and len(result.remediations) == 1
    assert yard.world() == {"a-2": {"body": "polite", "kind": "y", "name": "a"}}


def test_a_remedied_secret_stays_one(packs, yard):
    pack = packs.write(REMEDY.replace('"body": "polite"', '"kind": "mended"'))
    assert packs.run(up, "Thing('a', body='rude', zone=pulumi.Output.secret('hush'))\n", pack).exit_code == 0
    assert "hush" not in yard.checkpoint.read_text() and yard.world()["a-1"]["zone"] == "hush"


def test_a_remedied_secret_is_hidden_in_the_event_log(packs, yard, tmp_path):
    yard.program("Thing('a', body='rude', zone=pulumi.Output.secret('hush'))\n")
    assert yard.run("preview", "--policy-pack", str(packs.write(REMEDY)), "--event-log", str(tmp_path / "events"))[0] == 0
    log = (tmp_path / "events").read_text()
    assert "policyRemediationEvent" in log and "polite" in log and "hush" not in log


def test_what_a_remedy_leaves_is_judged(packs, yard):
    pack = packs.write(REMEDY.replace("PolicyPack(", "PolicyPack(").replace('"Bodies are polite.",', '"Bodies are polite.", no_body,'))
    result = packs.run(up, "Thing('a', body='rude')\n", pack, preview_first=False)
    assert result.exit_code == 1 and found(result) == [("mandatory", "polite", "a")] and yard.world() == {}
    assert "the body polite" in result.violations[0].message


@pytest.mark.parametrize("operation", [preview, up])
def test_a_rule_that_raises_is_an_error(packs, yard, operation):
    pack = packs.write("""
def crash(args, report):
    if is_thing(args):
        raise RuntimeError("the rule fell over")
PolicyPack("bad", [ResourceValidationPolicy("crash", "Crashes.", crash, L.ADVISORY)])
""")
    result = packs.run(operation, "Thing('a')\n", pack)
    assert result.exit_code == 1 and yard.world() == {}
    assert any("policy pack bad" in e and "the rule fell over" in e for e in result.errors)


def test_a_stack_rule_that_raises_is_an_error_and_the_state_is_whole(packs, yard):
    pack = packs.write("""
def crash(args, report):
    raise RuntimeError("the rule fell over")
PolicyPack("bad", [StackValidationPolicy("crash", "Crashes.", crash, L.ADVISORY)])
""")
    result = packs.run(up, "Thing('a')\n", pack, preview_first=False)
    assert result.exit_code == 1 and yard.names() == ["a"] and list(yard.world()) == ["a-1"]
    assert any("policy pack bad" in e and "the rule fell over" in e for e in result.errors)


NAMES = """
def known(args, report):
    if is_thing(args) and args.name not in args.get_config()["names"]:
        report("unknown name")
PolicyPack("names", [ResourceValidationPolicy("known", "Names are known.", known, L.MANDATORY, PolicyConfigSchema(
    {"names": {"type": "array", "items": {"type": "string"}, "default": ["a"]}, "strictness": {"type": "integer"}}))])
"""


def test_a_rule_has_its_schemas_defaults(packs):
    assert found(packs.run(preview, "Thing('a')\nThing('b')\n", packs.write(NAMES))) == [("mandatory", "known", "b")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"known": {"names": ["b"]}}, [("mandatory", "known", "a")]),
        ({"known": {"enforcementLevel": "advisory"}}, [("advisory", "known", "b")]),
        ({"known": "disabled"}, []),
        ({"all": "advisory"}, [("advisory", "known", "b")]),
        ({"all": "advisory", "known": "mandatory"}, [("mandatory", "known", "b")]),
        ("", [("mandatory", "known", "b")]),
    ],
)
def test_a_configuration_sets_levels_and_properties(packs, given, expected):
    result = packs.run(preview, "Thing('a')\nThing('b')\n", packs.write(NAMES), config=packs.config(given))
    assert found(result) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"known": {"names": 7}}, "names: 7 is not of type 'array'"),
        ({"known": {"names": ["a", 7]}}, r"names\[1\]: 7 is not of type 'string'"),
        ({"known": {"strictness": "x"}, "all": "advisory"}, "strictness"),
        ({"known": "severe"}, "known: 'severe' is no enforcement level; use one of advisory, mandatory"),
        ({"known": {"enforcementLevel": 3}}, "known: 3 is no enforcement level"),
        ({"known": None}, "known: None is no enforcement level"),
        ("[]", "must be an object"),
        ("{", "can't be read as JSON"),
    ],
)
def test_a_wrong_configuration_is_refused_with_nothing_touched(packs, yard, given, said):
    with pytest.raises(PolicyPackError, match=said):
        packs.run(up, "Thing('a')\n", packs.write(NAMES), config=packs.config(given), preview_first=False)
    assert yard.calls() == [] and yard.world() == {} and yard.state() == []


def test_a_rule_that_the_pack_lacks_is_warned_about(packs, yard):
    result = packs.run(preview, "Thing('a')\n", packs.write(NAMES), config=packs.config({"knwon": "advisory"}))
    assert result.exit_code == 0 and any("'knwon'" in e.message and e.severity == "warning" for e in yard.events)


def test_initial_configuration_comes_between_defaults_and_the_users(packs):
    pack = packs.write(NAMES.replace("])\n", "], initial_config={'known': {'enforcementLevel': L.ADVISORY, 'names': ['b']}})\n"))
    assert found(packs.run(preview, "Thing('a')\nThing('b')\n", pack)) == [("advisory", "known", "a")]
    given = packs.config({"known": "mandatory"})
    assert found(packs.run(preview, "Thing('a')\nThing('b')\n", pack, config=given)) == [("mandatory", "known", "a")]


def test_several_packs_judge_together(packs):
    result = packs.run(preview, "Thing('a', body='x')\nThing('b')\n", packs.write(STRICT, "one"), packs.write(NAMES, "two"))
    assert found(result) == [("mandatory", "known", "b"), ("mandatory", "no-body", "a")]


@pytest.mark.parametrize(
    ("manifest", "error", "said"),
    [
        ("runtime: nodejs\n", PluginError, "pulumi plugin install analyzer policy`"),
        ("runtime: opa\n", PluginError, "no analyzer plugin policy-opa found"),
        ("version: 1.0.0\n", PolicyPackError, "write `runtime: python`"),
        ("runtime: [\n", PolicyPackError, "can't be read"),
        ("runtime: {name: python, options: {virtualenv: nowhere}}\n", EngineError, "nowhere"),
    ],
)
def test_a_pack_that_cant_be_run_is_refused(packs, yard, manifest, error, said):
    with pytest.raises(error, match=said):
        packs.run(up, "Thing('a')\n", packs.write(STRICT, manifest=manifest), preview_first=False)
    assert yard.calls() == []


def test_a_pack_runs_in_its_own_virtualenv(packs, tmp_path):
    (tmp_path / "pack-venv/bin").mkdir(parents=True)
    launcher = tmp_path / "pack-venv/bin/python"
    launcher.write_text(f'#!/bin/sh\necho started > {tmp_path}/used\nexec {sys.executable} "$@"\n')
    launcher.chmod(0o755)
    pack = packs.write(STRICT, manifest="runtime: {name: python, options: {virtualenv: ../pack-venv}}\n")
    assert found(packs.run(preview, "Thing('a', body='x')\n", pack)) == [("mandatory", "no-body", "a")]
    assert (tmp_path / "used").exists()


def test_the_command_line_takes_packs_and_shows_their_findings(packs, yard):
    pack = packs.write(STRICT)
    yard.program("Thing('a', body='x')\n")
    code, text = yard.run("preview", "--policy-pack", str(pack))
    assert (
        code == 1
        and "Policies:" in text
        and "strict@v4.5.6" in text
        and "[mandatory, high]  no-body  (pulumi-python:dynamic:Resource: a)" in text
    )
    rules = packs.config({"no-body": "advisory"})
    code, text = yard.run("up", "--yes", "--skip-preview", "--policy-pack", str(pack), "--policy-pack-config", str(rules))
    assert code == 0 and "[advisory, high]  no-body" in text


def test_the_json_of_a_preview_carries_the_violations(packs, yard):
    yard.program("Thing('a', body='x')\n")
    _, text = yard.run("preview", "--json", "--policy-pack", str(packs.write(STRICT)))
    violations = json.JSONDecoder().raw_decode(text[text.index("{\n") :])[0]["policyViolations"]
    assert [(v["policyName"], v["enforcementLevel"], v["resourceUrn"].split("::")[-1]) for v in violations] == [
        ("no-body", "mandatory", "a")
    ]


def test_configurations_and_packs_are_counted(packs, yard):
    yard.program("Thing('a')\n")
    pack, rules = str(packs.write(STRICT)), str(packs.config({}))
    code, text = yard.run("preview", "--policy-pack", pack, "--policy-pack-config", rules, "--policy-pack-config", rules)
    assert code == 1 and "one configuration for each pack" in text
    code, text = yard.run("preview", "--policy-pack-config", rules)
    assert code == 1 and "one configuration for each pack" in text
