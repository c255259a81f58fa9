"""What is in the world already: `.get` reads it and leaves it alone, `import_` takes it over."""

from __future__ import annotations

import json

import pytest

from domicile.engine import destroy, preview, refresh, up

HEAD = "from gadgets import Gadget\n"


@pytest.fixture
def found(yard, gadget, monkeypatch):
    """A yard with a gadget in its world that no stack has made."""
    monkeypatch.setenv("THINGS_DELAY", "0")
    write(yard, "found-1", paint="red", size=3)
    return yard


def write(yard, id_: str, **properties: object) -> None:
    (yard.things / f"{id_}.json").write_text(json.dumps(properties))


def asked(yard) -> list[str]:
    """The calls of the gadgets' provider since this was asked last, reads too."""
    log = yard.things / "calls.log"
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    log.write_text("")
    return [" ".join(line[2:]) for line in lines if line[1] == "begin"]


def entries(yard, name: str) -> list[dict[str, object]]:
    return [r for r in yard.state() if str(r["urn"]).endswith(f"::{name}")]


# -- reads ------------------------------------------------------------------------------------------------------------


def test_what_is_read_is_external_and_never_changed_nor_deleted(found):
    program = HEAD + "g = Gadget('g', size=9, opts=O(id='found-1'))\npulumi.export('paint', g.paint)\npulumi.export('id', g.id)\n"
    result = found.up(program)
    assert result.exit_code == 0 and result.outputs == {"paint": "red", "id": "found-1"}
    (entry,) = entries(found, "g")
    assert entry["external"] and entry["id"] == "found-1" and "created" not in entry
    assert result.summary == {"create": 1} and asked(found) == ["read found-1"]
    write(found, "found-1", paint="blue")
    assert found.up().summary == {"read": 1, "same": 1}
    assert found.up("").summary == {"discard": 1, "same": 1}
    assert entries(found, "g") == [] and list(found.world()) == ["found-1"] and "delete found-1" not in asked(found)


def test_a_preview_reads_and_gives_what_was_read(found):
    found.program(HEAD + "g = Gadget('g', opts=O(id='found-1'))\nThing('t', body=g.paint)\npulumi.export('paint', g.paint)\n")
    result = preview(found.stack)
    assert result.exit_code == 0 and result.outputs == {"paint": "red"}
    assert [s.op for s in result.steps if s.urn.endswith("::g")] == ["read"]
    assert asked(found) == ["read found-1"] and found.state() == []


def test_a_read_by_an_id_that_a_preview_does_not_know_is_unknown_there_and_done_in_the_update(found):
    program = HEAD + "a = Gadget('a')\ng = Gadget('g', opts=O(id=a.id))\npulumi.export('serial', g.serial)\n"
    result = found.up(program, preview_first=True)
    assert result.exit_code == 0 and result.outputs == {"serial": "a-1"}
    assert asked(found) == ["create a-1", "read a-1"]


def test_a_read_of_what_is_not_there_fails_and_leaves_the_state(found):
    found.up("")
    result = found.up(HEAD + "Gadget('g', opts=O(id='lost-1'))\n")
    assert result.exit_code == 1 and "resource 'lost-1' does not exist" in "".join(result.errors) and "g (" in "".join(result.errors)
    assert entries(found, "g") == [] and found.latest().get("pending_operations") is None


def test_a_thing_of_ours_that_is_read_by_its_own_id_is_released(found):
    found.up(HEAD + "Gadget('g')\n")
    assert found.up(HEAD + "Gadget('g', opts=O(id='g-1'))\n").summary == {"same": 1}
    (entry,) = entries(found, "g")
    assert entry["external"] and entry["id"] == "g-1"
    assert destroy(found.stack).exit_code == 0
    assert "delete g-1" not in asked(found) and "g-1" in found.world()


def test_a_thing_of_ours_is_deleted_once_another_is_read_in_its_place(found):
    found.up(HEAD + "g = Gadget('g')\n")
    asked(found)
    result = found.up(HEAD + "g = Gadget('g', opts=O(id='found-1'))\n")
    assert result.exit_code == 0 and result.summary == {"replace": 1, "same": 1}
    assert asked(found) == ["read found-1", "delete g-1"] and [e["id"] for e in entries(found, "g")] == ["found-1"]


def test_a_protected_thing_is_not_given_up_for_one_that_is_read(found):
    found.up(HEAD + "g = Gadget('g', opts=O(protect=True))\n")
    found.program(HEAD + "g = Gadget('g', opts=O(id='found-1'))\n")
    assert preview(found.stack).exit_code == 1
    result = found.up()
    assert result.exit_code == 1 and "protect" in "".join(result.errors)
    assert [e["id"] for e in entries(found, "g")] == ["g-1"] and "g-1" in found.world()


def test_what_was_read_is_replaced_by_a_thing_of_ours_and_stays_in_the_world(found):
    found.up(HEAD + "g = Gadget('g', opts=O(id='found-1'))\n")
    result = found.up(HEAD + "g = Gadget('g', size=4)\n")
    assert result.exit_code == 0 and result.summary == {"replace": 1, "same": 1}
    assert [(e["id"], e.get("external")) for e in entries(found, "g")] == [("g-1", None)]
    assert sorted(found.world()) == ["found-1", "g-1", "serials"]


def test_a_refresh_takes_in_what_an_external_thing_looks_like_and_forgets_a_vanished_one(found):
    found.up(HEAD + "g = Gadget('g', opts=O(id='found-1'))\n")
    write(found, "found-1", paint="blue")
    assert refresh(found.stack).summary == {"same": 1, "update": 1}
    assert entries(found, "g")[0]["outputs"]["paint"] == "blue" and entries(found, "g")[0]["external"]
    (found.things / "found-1.json").unlink()
    assert refresh(found.stack).summary == {"delete": 1, "same": 1}
    assert entries(found, "g") == []


def test_a_thing_deleted_with_an_external_one_is_deleted_itself_for_the_other_stays(found):
    found.up(HEAD + "g = Gadget('g', opts=O(id='found-1'))\nh = Gadget('h', opts=O(deleted_with=g))\n")
    asked(found)
    assert destroy(found.stack).exit_code == 0
    assert asked(found) == ["delete h-1"] and sorted(found.world()) == ["found-1", "serials"]


# -- imports ----------------------------------------------------------------------------------------------------------


def test_an_import_that_is_as_the_program_says_changes_nothing_in_the_world(found):
    program = HEAD + "g = Gadget('g', paint='red', size=3, opts=O(import_='found-1'))\n"
    result = found.up(program)
    assert result.exit_code == 0 and result.summary == {"create": 1, "import": 1}
    (entry,) = entries(found, "g")
    assert entry["importID"] == "found-1" and "external" not in entry and entry["created"]
    assert asked(found) == ["read found-1"]
    assert found.up().summary == {"same": 2} and asked(found) == []


def test_a_preview_of_an_import_shows_the_update_that_follows_and_does_neither(found):
    found.program(HEAD + "g = Gadget('g', size=9, opts=O(import_='found-1'))\n")
    result = preview(found.stack)
    assert [s.op for s in result.steps if s.urn.endswith("::g")] == ["import", "update"]
    assert asked(found) == ["read found-1"] and found.state() == []


def test_ignored_properties_of_an_import_stay_as_they_are_in_the_world(found):
    found.up(HEAD + "g = Gadget('g', size=9, paint='red', opts=O(import_='found-1', ignore_changes=['size']))\n")
    assert asked(found) == ["read found-1"] and entries(found, "g")[0]["inputs"] == {"paint": "red", "size": 3}


def test_an_import_whose_update_fails_stays_ours_and_is_updated_next_time(found):
    found.plant("fail.update.g")
    program = HEAD + "g = Gadget('g', size=9, opts=O(import_='found-1'))\n"
    assert found.up(program).exit_code == 1
    assert entries(found, "g")[0]["inputs"] == {"paint": "red", "size": 3}
    (found.things / "fail.update.g").unlink()
    asked(found)
    assert found.up().exit_code == 0 and asked(found) == ["update found-1"]


def test_a_failed_import_leaves_nothing(found):
    found.plant("fail.read.g")
    assert found.up(HEAD + "g = Gadget('g', opts=O(import_='found-1'))\n").exit_code == 1
    assert entries(found, "g") == [] and found.latest().get("pending_operations") is None
    (found.things / "fail.read.g").unlink()
    result = found.up(HEAD + "g = Gadget('g', opts=O(import_='lost-1'))\n")
    assert result.exit_code == 1 and "resource 'lost-1' does not exist" in "".join(result.errors)


def test_an_import_that_would_have_to_be_replaced_is_warned_of_and_refused(found):
    found.program(HEAD + "g = Gadget('g', kind='other', paint='red', size=3, opts=O(import_='found-1'))\n")
    seen: list[str] = []
    assert preview(found.stack, lambda e: seen.append(e.message)).exit_code == 0
    assert any("may not be replaced" in m for m in seen)
    result = found.up()
    assert result.exit_code == 1 and "remove `import_`" in "".join(result.errors)
    assert asked(found).count("delete found-1") == 0 and "found-1" in found.world()


def test_importing_another_thing_deletes_the_one_before_and_not_if_it_was_only_read(found):
    write(found, "found-2", paint="red", size=3)
    found.up(HEAD + "g = Gadget('g', opts=O(id='found-1'))\nh = Gadget('h', paint='red', size=3)\n")
    asked(found)
    red = "paint='red', size=3"
    program = f"g = Gadget('g', {red}, opts=O(import_='found-1'))\nh = Gadget('h', {red}, opts=O(import_='found-2'))\n"
    result = found.up(HEAD + program)
    assert result.exit_code == 0 and result.summary == {"replace": 2, "same": 1}
    assert sorted(asked(found)) == ["delete h-1", "read found-1", "read found-2"]
    assert [(e["id"], e.get("external")) for e in entries(found, "g") + entries(found, "h")] == [("found-1", None), ("found-2", None)]


def test_options_of_an_imported_thing_hold_as_of_any(found):
    write(found, "found-2", paint="grey")
    write(found, "found-3", paint="grey")
    program = HEAD + (
        "a = Gadget('a', paint='red', size=3, opts=O(import_='found-1', protect=True))\n"
        "b = Gadget('b', opts=O(import_='found-2', retain_on_delete=True))\n"
        "c = Gadget('c', opts=O(import_='found-3', deleted_with=a))\n"
    )
    assert found.up(program).exit_code == 0
    asked(found)
    assert destroy(found.stack).exit_code == 1 and "found-1" in found.world()
    assert asked(found) == []
    assert found.up(program.replace(", protect=True", "")).exit_code == 0
    assert destroy(found.stack).exit_code == 0
    # The refused destroy may have let b go from the state before a's refusal was known; then b was read again.
    assert [call for call in asked(found) if not call.startswith("read")] == ["delete found-1"]
    assert sorted(found.world()) == ["found-2", "found-3"]


def test_a_secret_that_an_import_brings_is_closed_in_the_state(found):
    write(found, "found-1", body="hush")
    found.up(HEAD + "g = Gadget('g', body=pulumi.Output.secret('hush'), opts=O(import_='found-1'))\n")
    assert entries(found, "g") and "hush" not in found.checkpoint.read_text()


# -- creates that a killed operation left in doubt --------------------------------------------------------------------


def in_doubt(yard) -> str:
    """Kill the engine in a create; the URN of what it left in doubt."""
    yard.plant("hang.create.b")
    yard.program("Thing('b')\n")
    yard.kill_at("create b", "up", "--yes", "--skip-preview")
    (yard.things / "hang.create.b").unlink()
    yard.run("cancel", "--yes")
    (operation,) = yard.latest()["pending_operations"]
    return operation["resource"]["urn"]


def test_a_pending_create_is_named_by_up_until_it_is_cleared(yard):
    urn = in_doubt(yard)
    code, text = yard.run("up", "--yes", "--skip-preview")
    assert code == 0 and urn in text and "--clear-pending-creates" in text
    assert yard.latest()["pending_operations"]
    code, _ = yard.run("refresh", "--yes", "--clear-pending-creates")
    assert code == 0 and "pending_operations" not in yard.latest()
    assert "pending" not in yard.run("up", "--yes", "--skip-preview")[1]


def test_import_pending_creates_drops_the_create_and_says_how_to_take_the_thing_in(yard):
    urn = in_doubt(yard)
    code, text = yard.run("refresh", "--yes", "--import-pending-creates", urn, "--import-pending-creates", "b-1")
    assert code == 0 and "import_='b-1'" in text and "pending_operations" not in yard.latest()


def test_import_pending_creates_wants_pairs_and_names_what_is_not_pending(yard):
    yard.up("Thing('a')\n")
    assert "odd number" in yard.run("refresh", "--yes", "--import-pending-creates", "urn:x")[1]
    code, text = yard.run("refresh", "--yes", "--import-pending-creates", "urn:x", "--import-pending-creates", "x-1")
    assert code == 0 and "'urn:x' is not a pending create" in text


def test_up_is_used_for_nothing_but_reading_while_it_previews(found):
    found.program(HEAD + "g = Gadget('g', size=9, opts=O(import_='found-1'))\nGadget('h', opts=O(id='lost-1'))\n")
    assert up(found.stack).exit_code == 1
    assert "update found-1" not in asked(found) and found.state() == []
