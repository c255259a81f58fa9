"""The service held to Pulumi's own library: asked the same, a pack made with `pulumi_policy` answers in the same form."""

from __future__ import annotations

import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ResourceValidationPolicy,
    Severity,
    StackValidationPolicy,
    proxy,
)
from pulumi_policy.policy import _PolicyAnalyzerServicer

from domicile_policies import pack, wire
from domicile_policies.analyzer import Analyzer
from domicile_policies.parameters import schema
from domicile_policies.resource import Unknown
from domicile_policies.rule import Rule, Violation

QUEUE = "aws:sqs/queue:Queue"
URN = f"urn:pulumi:dev::p::{QUEUE}::"
PARAMETERS = {"seconds": {"type": "integer", "default": 600}}


def short(resource, asked):
    if resource.get("seconds") < asked.parameters["seconds"]:
        yield Violation("seconds", "is short")


def crowd(stack, asked):
    for queue in stack.of(QUEUE)[1:]:
        yield Violation("", "is one too many", queue)


RULES = {
    "DOM-NET-901": Rule("DOM-NET-901", "Kept.", "why", "fix", "high", ("NIST:SC-7",), about=(QUEUE,), parameters=PARAMETERS, check=short),
    "DOM-NET-902": Rule("DOM-NET-902", "Few.", "why", "fix", "low", (), "advisory", check_stack=crowd),
}


@pytest.fixture
def ours():
    return Analyzer(RULES)


@pytest.fixture
def librarys():
    """The same two rules, as a pack of the library has them."""

    def validate(args, report):
        if args.props["seconds"] < args.get_config()["seconds"]:
            report("seconds: is short")

    def validate_stack(args, report):
        for extra in [r for r in args.resources if r.resource_type == QUEUE][1:]:
            report("is one too many", extra.urn)

    kept = ResourceValidationPolicy(
        "DOM-NET-901", "Kept.", validate, config_schema=PolicyConfigSchema(schema(RULES["DOM-NET-901"])), severity=Severity.HIGH,
        display_name="Kept.", tags=["NIST:SC-7"], remediation_steps="fix",
    )  # fmt: skip
    few = StackValidationPolicy(
        "DOM-NET-902", "Few.", validate_stack, EnforcementLevel.ADVISORY, config_schema=PolicyConfigSchema(schema(RULES["DOM-NET-902"])),
        severity=Severity.LOW, display_name="Few.", remediation_steps="fix",
    )  # fmt: skip
    nothing = (None,) * 7
    return _PolicyAnalyzerServicer(pack.NAME, pack.VERSION, [kept, few], EnforcementLevel.MANDATORY, *nothing)


def configure(service, level=pb.MANDATORY, seconds=600):
    properties = struct_pb2.Struct()
    properties.update({"seconds": seconds})
    rules = {
        "DOM-NET-901": pb.PolicyConfig(enforcementLevel=level, properties=properties),
        "DOM-NET-902": pb.PolicyConfig(enforcementLevel=pb.ADVISORY),
    }
    return service.Configure(pb.ConfigureAnalyzerRequest(policyConfig=rules), None)


def properties(**values) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def asked(name: str, **values) -> pb.AnalyzeRequest:
    return pb.AnalyzeRequest(type=QUEUE, name=name, urn=URN + name, properties=properties(**values))


def in_stack(*names: str) -> pb.AnalyzeStackRequest:
    resources = [pb.AnalyzerResource(type=QUEUE, name=name, urn=URN + name, properties=properties(seconds=900)) for name in names]
    return pb.AnalyzeStackRequest(resources=resources)


def form(message) -> object:
    """Which fields are filled, and how, in the order in which they were."""
    return {field.name: value for field, value in message.ListFields() if field.name != "message"}


def test_the_pack_is_told_of_in_the_same_form(ours, librarys):
    own, library = (service.GetAnalyzerInfo(empty_pb2.Empty(), None) for service in (ours, librarys))
    assert (own.name, own.version, own.supportsConfig) == (library.name, library.version, library.supportsConfig)
    for mine, theirs in zip(own.policies, library.policies, strict=True):
        told, expected = form(mine), form(theirs)
        assert told.pop("description").startswith(expected.pop("description"))
        assert (told.pop("policy_type", 0), expected.pop("policy_type")) in [(0, 1), (2, 2)]  # one deferred speaks at the end too
        assert told == expected


def test_configuring_and_plugin_information_answer_alike(ours, librarys):
    assert configure(ours) == configure(librarys) == empty_pb2.Empty()
    assert ours.ConfigureStack(pb.AnalyzerStackConfigureRequest(stack="dev"), None) == pb.AnalyzerStackConfigureResponse()
    own, library = (service.GetPluginInfo(empty_pb2.Empty(), None) for service in (ours, librarys))
    assert type(own) is type(library) and own.version


@pytest.mark.parametrize("level", [pb.MANDATORY, pb.ADVISORY, pb.REMEDIATE, pb.DISABLED])
def test_a_violation_has_the_same_form_at_each_level(ours, librarys, level):
    for service in (ours, librarys):
        configure(service, level)
    own, library = (service.Analyze(asked("a", seconds=60), None) for service in (ours, librarys))
    assert [form(d) for d in own.diagnostics] == [form(d) for d in library.diagnostics]
    assert len(own.diagnostics) == (level != pb.DISABLED)
    for mine, theirs in zip(own.diagnostics, library.diagnostics, strict=True):
        assert mine.message.startswith(theirs.message)  # ours goes on with the fix


def test_what_is_configured_is_what_is_judged_by(ours, librarys):
    for service in (ours, librarys):
        configure(service, seconds=30)
        assert not service.Analyze(asked("a", seconds=60), None).diagnostics


def test_a_stacks_violation_has_the_same_form(ours, librarys):
    for service in (ours, librarys):
        configure(service)
    own, library = (service.AnalyzeStack(in_stack("a", "b"), None) for service in (ours, librarys))
    assert [form(d) for d in own.diagnostics] == [form(d) for d in library.diagnostics]
    assert [d.urn for d in own.diagnostics] == [URN + "b"]


def test_what_the_library_lets_pass_as_not_known_is_a_violation_of_the_rule_itself(ours, librarys):
    """The one difference that is meant: theirs is advisory whatever the rule's level, ours has that level."""
    unknown = asked("a", seconds=proxy.UNKNOWN_NUMBER_VALUE)
    for service in (ours, librarys):
        service.ConfigureStack(pb.AnalyzerStackConfigureRequest(stack="dev", dry_run=True), None)
        configure(service)
    assert [d.enforcementLevel for d in librarys.Analyze(unknown, None).diagnostics] == [pb.ADVISORY]
    assert not ours.Analyze(unknown, None).diagnostics  # not yet: the whole stack may tell
    found = ours.AnalyzeStack(in_stack("a"), None).diagnostics
    assert [(d.policyName, d.enforcementLevel, d.urn) for d in found] == [("DOM-NET-901", pb.MANDATORY, URN + "a")]


def test_every_mark_of_an_unknown_value_is_known_for_what_it_is():
    marks = [value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_") and isinstance(value, str)]
    assert len(marks) == 7
    assert all(isinstance(value, Unknown) for value in wire.properties(properties(a=marks))["a"])


def test_a_secret_is_read_and_a_reference_is_what_it_stands_for():
    secret = {wire.SIGNATURE: wire.SECRET, "value": "hush"}
    reference = {wire.SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "urn:x", "id": "i-1"}
    assert wire.properties(properties(a=secret, b=reference, c=7.0, d=None)) == {"a": "hush", "b": "i-1", "c": 7}
