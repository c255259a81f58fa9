"""`domicile audit verify` ends with 0 for whole records, with 1 and the fault for any other, and with 1 for none at all."""

import json

import pytest

from domicile.places import StackPlaces
from domicile_host.audit import Event, Journal


@pytest.fixture
async def journals(domicile):
    places = StackPlaces.of("local", domicile.environment)
    journal = await Journal.open(places.journal / "gateway", "gateway", "host-1", stack="local")
    for number in range(5):
        await journal.append(Event(activity="gateway.call", detail={"number": number}))
    await journal.close()
    return places.journal


def test_whole_records_pass(domicile, journals):
    ran = domicile("audit", "verify", "--folder", str(journals), "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["ok"], told["records"]) == (True, 5)
    assert domicile("audit", "verify", "--folder", str(journals)).returncode == 0


def test_a_changed_record_is_named(domicile, journals):
    (segment,) = (journals / "gateway").glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"number":2', b'"number":7'))
    ran = domicile("audit", "verify", "--folder", str(journals))
    assert ran.returncode == 1
    assert "changed at 3" in ran.stdout


def test_nothing_to_verify_is_no_success(domicile, tmp_path):
    assert domicile("audit", "verify").returncode == 1
    assert domicile("audit", "verify", "--folder", str(tmp_path)).returncode == 1
    assert domicile("audit", "verify", "--folder", str(tmp_path / "nowhere")).returncode == 2
