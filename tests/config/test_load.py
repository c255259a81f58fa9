"""What a right configuration becomes, and that nothing else than `ConfigError` comes of any other."""

import json
from ipaddress import IPv4Address
from pathlib import Path

import pulumi
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from pulumi.runtime import config as pulumi_config

from domicile.config import ConfigError, WorkerHost, from_file, from_pulumi, load
from domicile.config.amounts import AmountError, duration_text, parse_duration, parse_size, size_text
from domicile.config.environments import door
from domicile_host import settings

STACKS = Path(__file__).parents[2] / "stacks"
KEYS = [
    "platform",
    "jurisdiction",
    "environment",
    "controlPlane",
    "workerHost",
    "network",
    "egress",
    "audit",
    "retain",
    "kind",
    "url",
    "id",
]
KEYS += ["rules", "host", "port", "mode", "http", "methods", "paths", "credential", "name", "header", "sinks", "limits", "memory", "otlp"]
WORDS = [
    "local",
    "jp",
    "stand-in",
    "anthropic",
    "url",
    "https://x.example.com",
    "a.example.com",
    "*",
    "inspect",
    "otlp",
    "1GiB",
    "8h",
    "GET",
    "/v1/",
]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.dates(), st.sampled_from(WORDS), st.characters()
)
JSONISH = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text() | st.integers(), below, max_size=4),
    max_leaves=12,
)


def right(**keys):
    return load({"jurisdiction": "jp", **keys}, "local")


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(), JSONISH, max_size=6), st.text(max_size=20) | st.just("local"))
def test_loading_anything_gives_a_configuration_or_a_config_error(mapping, stack):
    try:
        load(mapping, stack)
    except ConfigError as error:
        assert error.faults
        assert all(fault.value and fault.allowed and fault.fix for fault in error.faults)


@bounds(deadline=None)  # it writes a file, and how long that takes is the machine's affair
@given(JSONISH)
def test_any_text_as_a_stack_file_gives_a_configuration_or_a_config_error(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("stack") / "Pulumi.local.yaml"
    file.write_text(str(content), "utf-8", "replace")
    try:
        from_file(file)
    except ConfigError as error:
        assert error.faults


def test_every_stack_of_this_project_has_a_right_configuration():
    files = sorted(STACKS.glob("Pulumi.*.yaml"))
    assert files
    for file in files:
        assert from_file(file).stack == file.name.split(".")[1]


def test_the_stand_in_needs_a_jurisdiction_only():
    config = right()
    assert config.environment.id == "env_local"
    assert config.control_plane.url == "https://203.0.113.10"
    assert config.egress.resolvers == (IPv4Address("203.0.113.53"),)
    assert config.egress.rules == ()
    assert config.retain.archive


def test_the_real_control_plane_is_one_word_and_an_environment():
    config = right(controlPlane={"kind": "anthropic"}, environment={"id": "env_01"}, egress={"resolvers": ["9.9.9.9"]})
    assert (config.control_plane.url, config.environment.id, config.is_stand_in) == ("https://api.anthropic.com", "env_01", False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8443", "http://localhost:1", "http://[::1]:9", "https://cma.example.com:8443/base"])
def test_a_control_plane_url_may_be_https_anywhere_and_http_on_loopback(url):
    assert (
        right(controlPlane={"kind": "url", "url": url}, environment={"id": "env_1"}, egress={"resolvers": ["9.9.9.9"]}).control_plane.url
        == url
    )


def test_without_resolvers_the_machines_are_asked_but_no_loopback(monkeypatch, tmp_path):
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("nameserver 127.0.0.53\n")
    real.write_text("# comment\nnameserver fd00::1\nnameserver 192.0.2.53\n")
    monkeypatch.setattr("domicile.config.source._RESOLVER_FILES", (stub, real))
    real_control_plane = {"controlPlane": {"kind": "anthropic"}, "environment": {"id": "env_1"}}
    assert right(**real_control_plane).egress.resolvers == (IPv4Address("192.0.2.53"),)
    real.unlink()
    with pytest.raises(ConfigError) as raised:
        right(**real_control_plane)
    assert [fault.path for fault in raised.value.faults] == ["egress.resolvers"]


def test_sections_are_the_host_settings_own_models():
    """What is declared goes to the worker host as it is, with no second model between."""
    rule = {"host": "a.example.com", "mode": "inspect", "http": [{"methods": ["GET"], "paths": ["/"]}], "credential": {"name": "c"}}
    sinks = [
        {"kind": "otlp", "name": "o", "url": "https://o.example.com"},
        {"kind": "splunk-hec", "name": "s", "url": "https://s.example.com", "tokenFrom": "hec"},
    ]
    config = right(egress={"rules": [rule]}, audit={"sinks": sinks}, workerHost={"limits": {"memory": "2GiB", "session": "1h30m"}})
    assert isinstance(config.egress, settings.EgressPolicy)
    assert isinstance(config.network, settings.Network)
    assert isinstance(config.control_plane, settings.ControlPlane)
    assert isinstance(config.worker_host.limits, settings.Limits)
    assert all(isinstance(sink, settings.OtlpSink | settings.SplunkHecSink) for sink in config.audit.sinks)
    assert settings.EgressPolicy.model_validate(config.egress.model_dump(mode="json")).rules[0].credential.name == "c"
    assert (config.worker_host.limits.memory_bytes, config.worker_host.limits.session_seconds) == (2 << 30, 5400)


def test_pulumi_gives_the_same_configuration_as_the_file(monkeypatch):
    file = STACKS / "Pulumi.local.yaml"
    config = yaml.safe_load(file.read_text())["config"]
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({**texts, "aws:region": "ap-northeast-1"}))
    monkeypatch.setattr(pulumi, "get_stack", lambda: "local")
    assert from_pulumi() == from_file(file)


def test_a_secret_of_pulumi_is_refused_and_never_shown(monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"domicile:jurisdiction": "jp", "domicile:environment": '{"id": "canary-5up3r"}'}))
    monkeypatch.setattr(pulumi_config, "is_config_secret", lambda key: key == "domicile:environment")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "local")
    with pytest.raises(ConfigError) as raised:
        from_pulumi()
    assert [fault.path for fault in raised.value.faults] == ["environment"]
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(("text", "count"), [("64MiB", 64 << 20), ("1.5GiB", 3 << 29), ("1 GB", 10**9), ("7B", 7), ("2kB", 2000)])
def test_sizes(text, count):
    assert parse_size(text) == count


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("2d", 172800)])
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@given(st.integers(min_value=0, max_value=10**15 - 1), st.integers(min_value=0, max_value=10**7))
def test_amounts_read_back_as_they_are_written(count, seconds):
    assert parse_size(size_text(count)) == count
    assert parse_duration(duration_text(seconds)) == seconds


@given(st.text(max_size=12))
def test_amounts_are_parsed_or_refused(text):
    for parse in (parse_size, parse_duration):
        try:
            assert parse(text) >= 0
        except AmountError as error:
            assert error.allowed


@pytest.mark.parametrize("name", ["capacity", "warm", "runtime"])
def test_what_a_stack_may_say_of_sandboxes_is_what_the_host_takes(name):
    declared, taken = WorkerHost.model_fields[name], settings.Sandboxes.model_fields[name]
    assert (declared.annotation, declared.metadata, declared.default) == (taken.annotation, taken.metadata, taken.default)


REGION = {
    "platform": "aws",
    "jurisdiction": "us",
    "controlPlane": {"kind": "anthropic"},
    "workerHost": {"runtime": "crun", "capacity": 4},
    "egress": {"rules": [{"host": "packages.example.com"}]},
    "aws": {"region": "us-east-1", "account": "111122223333", "access": {"administrators": ["arn:aws:iam::111122223333:role/admin"]}},
}


def test_each_of_several_environments_has_its_own_sections_or_the_stacks_whole():
    """A section that an environment sets takes the place of the stack's: nothing of the wider one leaks into it."""
    own = {
        "id": "env_2",
        "workerHost": {"runtime": "crun", "warm": 0},
        "hosts": {"max": 1},
        "egress": {"rules": [{"host": "a.example.com"}]},
    }
    config = load({**REGION, "environments": {"payments": own, "research": {"name": "ours"}}}, "us")
    payments, research = config.served["payments"], config.served["research"]
    assert (config.environment, list(config.served)) == (None, ["payments", "research"])
    assert (payments.environment.id, payments.worker_host.capacity, payments.worker_host.warm, payments.aws.hosts.maximum) == (
        "env_2",
        8,
        0,
        1,
    )
    assert [rule.host for rule in payments.egress.rules] == ["a.example.com"]
    assert (research.environment.name, research.worker_host.capacity, research.aws.hosts.maximum) == ("ours", 4, 4)
    assert [rule.host for rule in research.egress.rules] == ["packages.example.com"]
    assert payments.egress.resolvers == research.egress.resolvers == (config.aws.resolver,)


def test_a_stack_that_serves_one_environment_is_its_own_only_one():
    config = load({**REGION, "environment": {"id": "env_1"}}, "us")
    assert config.served == {"": config}
    assert config.tiers == (1,)


def test_an_egress_tier_has_no_more_doors_than_aws_has_listeners_for():
    served = {f"team-{place}": {"id": f"env_{place}", "port": 10_000 + place, "hosts": {"max": 1}} for place in range(51)}
    with pytest.raises(ConfigError) as raised:
        load({**REGION, "environments": served}, "us")
    (fault,) = raised.value.faults
    assert (fault.path, "at most 50" in fault.allowed, "`tier: 2`" in fault.fix) == ("environments", True, True)
    served["team-50"]["tier"] = 2
    assert load({**REGION, "environments": served}, "us").tiers == (1, 2)


def test_an_environments_door_depends_on_its_name_alone():
    """So that one that comes or goes moves no other's."""
    few = load({**REGION, "environments": {"payments": {"id": "env_1"}}}, "us").environments
    many = load({**REGION, "environments": {"billing": {"id": "env_2"}, "payments": {"id": "env_1"}}}, "us").environments
    assert door("payments", few["payments"]) == door("payments", many["payments"]) != door("billing", many["billing"])
