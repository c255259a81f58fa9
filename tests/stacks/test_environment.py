"""The environment at the control plane as a resource, held against the stand-in through Anthropic's own SDK."""

from __future__ import annotations

import pytest

from domicile.control_plane.environment import EnvironmentProvider
from domicile.control_plane.operator import CREDENTIALS
from domicile.machine.command import CommandError
from domicile_control_plane.shapes import Cloud, EnvironmentCreate, EnvironmentUpdate

PROVIDER = EnvironmentProvider()


@pytest.fixture
def spec(control_plane, monkeypatch):
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", control_plane.api_key)
    return {"url": control_plane.url, "stack": "tokyo", "name": "tokyo", "description": "hands in Tokyo"}


def held(control_plane, archived=False):
    return control_plane.ask(lambda plane: plane.environments.page(archived=archived, limit=100, after=0)[0])


def existing(control_plane, **fields):
    return control_plane.ask(lambda plane: plane.environments.create(EnvironmentCreate(**fields))).id


def test_an_environment_is_made_once_kept_as_declared_and_archived_at_the_end(control_plane, spec):
    made = PROVIDER.create(spec)
    [found] = held(control_plane)
    assert (found.id, found.name, found.description, found.config.type) == (made.id, "tokyo", "hands in Tokyo", "self_hosted")
    assert PROVIDER.create(spec).id == made.id, "an `up` that was killed after the call finds what it made"
    PROVIDER.update(made.id, made.outs, {**spec, "name": "tokyo-2", "description": ""})
    [found] = held(control_plane)
    assert (found.id, found.name, found.description) == (made.id, "tokyo-2", None)
    PROVIDER.delete(made.id, made.outs)
    PROVIDER.delete(made.id, made.outs)
    assert held(control_plane) == []
    assert held(control_plane, archived=True)[0].archived_at


def test_what_was_changed_by_hand_is_seen_and_what_was_archived_counts_as_gone(control_plane, spec):
    made = PROVIDER.create(spec)
    assert not PROVIDER.diff(made.id, PROVIDER.read(made.id, made.outs).outs, spec).changes
    control_plane.ask(lambda plane: plane.environments.update(made.id, EnvironmentUpdate(description="by hand")))
    seen = PROVIDER.read(made.id, made.outs)
    assert PROVIDER.diff(made.id, seen.outs, spec).changes
    control_plane.ask(lambda plane: plane.environments.archive(made.id))
    assert not PROVIDER.read(made.id, made.outs).id
    assert PROVIDER.create(spec).id != made.id


@pytest.mark.parametrize("by", ["id", "name"])
def test_an_environment_that_was_there_is_adopted_and_left_alone_at_the_end(control_plane, spec, by):
    theirs = existing(control_plane, name="theirs" if by == "id" else "tokyo", description="made at the Console")
    adopted = PROVIDER.create({**spec, "environment_id": theirs} if by == "id" else spec)
    assert adopted.id == theirs
    assert [(found.id, found.name, found.description) for found in held(control_plane)] == [(theirs, "tokyo", "hands in Tokyo")]
    PROVIDER.delete(adopted.id, adopted.outs)
    assert [found.id for found in held(control_plane)] == [theirs]


def test_the_type_never_changes_so_another_is_made(control_plane, spec):
    made = PROVIDER.create(spec)
    assert PROVIDER.diff(made.id, made.outs, {**spec, "kind": "cloud"}).replaces == ["kind"]
    cloud = existing(control_plane, name="cloudy", config=Cloud(type="cloud"))
    with pytest.raises(CommandError, match="of type cloud"):
        PROVIDER.create({**spec, "environment_id": cloud})


def test_two_of_one_name_are_not_guessed_between(control_plane, spec):
    ids = {existing(control_plane, name="tokyo") for _ in range(2)}
    with pytest.raises(CommandError) as refused:
        PROVIDER.create(spec)
    assert all(found in str(refused.value) for found in ids)
    assert "environment.id" in str(refused.value)


@pytest.mark.parametrize("credential", ["none", "environment key", "unknown"])
def test_only_the_operators_credential_does_and_no_error_shows_it(control_plane, spec, monkeypatch, credential):
    theirs = existing(control_plane, name="theirs")
    key = {
        "none": "",
        "environment key": control_plane.ask(lambda plane: plane.credentials.issue_environment_key(theirs)),
        "unknown": "sk-ant-api03-canary-canary",
    }[credential]
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    with pytest.raises(CommandError, match="ANTHROPIC_API_KEY") as refused:
        PROVIDER.create(spec)
    assert not key or key not in str(refused.value)
    assert [found.id for found in held(control_plane)] == [theirs]


def test_a_stack_that_keeps_an_environment_stops_before_anything_is_made_without_a_credential(stacked, monkeypatch):
    region = stacked("tokyo")
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    region.replace("environment", {"name": "tokyo"})
    result = region.up()
    assert result.exit_code != 0
    assert "ANTHROPIC_API_KEY" in "\n".join(result.errors)
    assert not region.rehearsal.calls()
