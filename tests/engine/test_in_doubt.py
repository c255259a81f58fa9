"""What a killed `up` leaves in doubt is settled in the exported state, and the next `up` makes nothing twice."""

from __future__ import annotations

import json

import pytest

from domicile.engine import StateError
from domicile.engine.state.in_doubt import chosen, doubts, settled

PROGRAM = "a = Thing('a', 'x')\nb = Thing('b', a.serial, kind={kind!r})\n"


@pytest.fixture
def killed(yard, gone):
    """The yard after an `up` that was killed once `b` was made, and before anybody knew of it."""
    yard.program(PROGRAM.format(kind="k"))
    hang = yard.plant("hang.created.b")
    gone(yard.kill_at("created b", "up", "--yes", "--skip-preview"))
    hang.unlink()
    return yard


def imported(yard, latest):
    file = yard.root / "settled.json"
    file.write_text(json.dumps({"version": 3, "deployment": latest}))
    code, text = yard.run("cancel", "--yes")
    assert code == 0, text
    code, text = yard.run("stack", "import", "--file", str(file))
    assert code == 0, text


def exported(yard):
    code, text = yard.run("stack", "export")
    assert code == 0, text
    return json.loads(text)["deployment"]


def test_what_was_made_is_taken_in_by_its_id_and_not_made_again(killed):
    latest = exported(killed)
    (doubt,) = doubts(latest)
    assert (doubt.name, doubt.replaces, doubt.inputs["kind"]) == ("b", False, "k")
    imported(killed, settled(latest, {doubt.urn: "b-1"}))
    assert killed.up(refresh=True).exit_code == 0
    assert killed.names() == ["a", "b"] and list(killed.world()) == ["a-1", "b-1"]
    assert next(r for r in killed.state() if r.get("id") == "b-1")["outputs"]["body"] == "a-1"
    again = killed.up(refresh=True)
    assert again.changes == 0 and "pending" not in killed.said()


def test_what_was_not_made_is_forgotten_and_made(killed):
    (killed.things / "b-1.json").unlink()
    imported(killed, settled(exported(killed), {}, others_not_made=True))
    assert killed.up(refresh=True).exit_code == 0
    assert list(killed.world()) == ["a-1", "b-1"] and "pending" not in killed.said()


def test_one_of_which_nothing_is_said_stays_in_doubt(killed):
    latest = exported(killed)
    assert doubts(settled(latest, {})) == doubts(latest)


def test_the_new_half_of_a_replacement_is_not_taken_in(killed, gone):
    (killed.things / "b-1.json").unlink()
    imported(killed, settled(exported(killed), {}, others_not_made=True))
    assert killed.up().exit_code == 0
    killed.program(PROGRAM.format(kind="other"))
    hang = killed.plant("hang.created.b")
    killed.calls()
    gone(killed.kill_at("created b", "up", "--yes", "--skip-preview"))
    hang.unlink()
    latest = exported(killed)
    (doubt,) = doubts(latest)
    assert doubt.replaces
    with pytest.raises(StateError, match="delete b-2 by hand"):
        settled(latest, {doubt.urn: "b-2"})
    (killed.things / "b-2.json").unlink()
    imported(killed, settled(latest, {}, others_not_made=True))
    assert killed.up(refresh=True).exit_code == 0
    assert {name: thing.get("kind") for name, thing in killed.world().items()} == {"a-1": None, "b-2": "other"}


def latest_of(*pending, kind="creating"):
    entries = [{"urn": f"urn:pulumi:dev::yard::{type_}::{name}", "type": type_.rpartition("$")[2]} for type_, name in pending]
    return {"resources": [], "pending_operations": [{"resource": entry, "type": kind} for entry in entries]}


def test_it_goes_by_type_and_name_or_by_the_whole_urn():
    found = doubts(latest_of(("x:y:Z$aws:ec2/vpc:Vpc", "network")))
    assert chosen(found, "aws:ec2/vpc:Vpc::network") == chosen(found, "urn:pulumi:dev::yard::x:y:Z$aws:ec2/vpc:Vpc::network") == found[0]


def test_two_of_a_name_below_different_parents_go_by_their_urns_only():
    found = doubts(latest_of(("a:b:C$aws:ec2/vpc:Vpc", "network"), ("d:e:F$aws:ec2/vpc:Vpc", "network")))
    with pytest.raises(StateError, match="several are called so; give the URN, in single quotes: urn:pulumi:dev::yard::a:b:C"):
        chosen(found, "aws:ec2/vpc:Vpc::network")


def test_what_is_not_in_doubt_is_refused_with_what_is():
    with pytest.raises(StateError, match="no such create is in doubt; in doubt is aws:ec2/vpc:Vpc::network"):
        chosen(doubts(latest_of(("aws:ec2/vpc:Vpc", "network"))), "aws:ec2/vpc:Vpc::other")
    with pytest.raises(StateError, match="nothing: no create is pending"):
        settled(latest_of(("aws:ec2/vpc:Vpc", "network"), kind="updating"), {"urn": "vpc-1"})


def test_an_empty_id_is_refused():
    with pytest.raises(StateError, match="its id is empty"):
        settled(latest_of(("aws:ec2/vpc:Vpc", "network")), {"aws:ec2/vpc:Vpc::network": ""})


def test_pending_updates_and_deletes_are_left_to_the_next_up():
    latest = latest_of(("aws:ec2/vpc:Vpc", "network"), kind="deleting")
    assert settled(latest, {}, others_not_made=True) == latest
