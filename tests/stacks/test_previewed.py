"""Texts that are made from what nobody knows before it is made: readable in the first preview, and true when they are applied."""

from __future__ import annotations

import json

PLACEHOLDERS = ("not-known-yet", "not_known_yet", "00000000-0000-0000-0000-000000000000", "vpce-00000000000000000")


def _inputs(result, kind: str, name: str) -> dict:
    return next(step.new.inputs for step in result.steps if step.new.type.endswith(f":{kind}") and step.new.name == name)


def test_the_first_preview_shows_policies_and_machines_whole(stacked, images):
    stack = stacked("tokyo")
    stack.configure(images=images)
    result = stack.preview()
    assert result.exit_code == 0, result.errors
    assert json.loads(_inputs(result, "VpcEndpoint", "kms")["policy"])["Statement"]
    for kind, name in (
        ("SecretPolicy", "environment-key"),
        ("RolePolicy", "worker-host"),
        ("BucketPolicy", "archive"),
        ("TopicPolicy", "alarms"),
    ):
        assert json.loads(_inputs(result, kind, name)["policy"])["Statement"], name
    assert json.loads(_inputs(result, "BucketObjectv2", "worker-hosts")["content"])["storage"]["files"]
    assert _inputs(result, "ResolverFirewallDomainList", "allowed")["domains"]


def test_nothing_applied_has_a_placeholder(tokyo):
    assert not [each for each in PLACEHOLDERS if each in tokyo.state()]
    assert not [each for each in PLACEHOLDERS for file in tokyo.machine_files("worker-hosts").values() if each in file]
