"""S9: each wrong configuration gives one error with path, value, what is allowed and the fix."""

import json

import pulumi
import pytest
import yaml

from domicile.config import ConfigError, from_file, from_pulumi, load


def test_a_wrong_configuration_gives_exactly_one_fault_in_the_one_form(wrong, tmp_path):
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(wrong["yaml"])
    with pytest.raises(ConfigError) as raised:
        from_file(file)
    (fault,) = raised.value.faults
    assert fault.path == wrong["path"]
    for part in ("value", "allowed", "fix"):
        assert wrong[part] in getattr(fault, part)
    assert fault.value and fault.allowed and fault.fix
    if "secret" in wrong:
        assert wrong["secret"] not in str(raised.value) + json.dumps(raised.value.as_json(), ensure_ascii=False)


def test_all_faults_are_listed_at_once():
    wrong = {
        "jurisdiction": "xx",
        "controlPlane": {"kind": "anthropic", "url": "https://x.example.com", "pollsPerMinute": 1},
        "workerHost": {"capacity": 0, "limits": {"memory": "1G", "idle": "soon"}},
        "egress": {
            "rules": [{"host": "*"}, {"host": "a.example.com", "credential": {"name": "c"}, "http": [{"methods": ["GET"], "paths": ["/"]}]}]
        },
        "audits": {},
    }
    with pytest.raises(ConfigError) as raised:
        load(wrong, "local")
    assert {fault.path for fault in raised.value.faults} == {
        "jurisdiction",
        "controlPlane.pollsPerMinute",
        "workerHost.capacity",
        "workerHost.limits.memory",
        "workerHost.limits.idle",
        "egress.rules[0].host",
        "egress.rules[1].http",
        "egress.rules[1].credential",
        "audits",
    }


def test_pulumi_and_the_file_give_the_same_faults(wrong_value, tmp_path, monkeypatch):
    """Pulumi hands mappings and lists to programs as JSON, scalars as texts."""
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(wrong_value["yaml"])
    config = yaml.safe_load(wrong_value["yaml"])["config"]
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(texts))
    monkeypatch.setattr(pulumi, "get_stack", lambda: "local")
    with pytest.raises(ConfigError) as in_program:
        from_pulumi()
    with pytest.raises(ConfigError) as in_file:
        from_file(file)
    assert [(fault.path, fault.fix) for fault in in_program.value.faults] == [(fault.path, fault.fix) for fault in in_file.value.faults]
