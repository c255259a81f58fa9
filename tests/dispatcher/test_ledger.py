"""What is on disk of the sessions in hand: whole or not at all, and sealed."""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from domicile_host.dispatcher.addresses import Addresses
from domicile_host.dispatcher.claims import Pace
from domicile_host.dispatcher.errors import AddressesExhausted
from domicile_host.dispatcher.item_secrets import ItemSecrets, Seal
from domicile_host.dispatcher.ledger import Entry, Held, Ledger
from domicile_host.dispatcher.queue import sessions_token
from domicile_host.settings import Network


def entry(sandbox_id: str, sealed: str = "") -> Entry:
    held = Held(session_id="sesn_1", work_id="work_1", environment_id="env_1", sealed=sealed, claimed_at=1.0)
    return Entry(sandbox_id=sandbox_id, address=IPv4Address("100.96.0.7"), made_at=1.0, held=held)


async def test_entries_come_back_until_they_are_removed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    assert ledger.entries() == []
    await ledger.put(entry("aaaaaaaa"))
    await ledger.put(entry("bbbbbbbb"))
    await ledger.remove("aaaaaaaa")
    assert Ledger(tmp_path / "ledger").entries() == [entry("bbbbbbbb")]


async def test_a_torn_entry_is_left_where_it_is_and_a_part_is_removed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    await ledger.put(entry("bbbbbbbb"))
    (tmp_path / "cccccccc.json").write_text('{"sandbox_id": "cccc')
    (tmp_path / "dddddddd.json.part").write_text("{")
    assert [each.sandbox_id for each in ledger.entries()] == ["bbbbbbbb"]
    assert sorted(os.listdir(tmp_path)) == ["bbbbbbbb.json", "cccccccc.json"]


async def test_the_ledger_is_for_its_owner_only(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    await ledger.put(entry("bbbbbbbb"))
    assert (tmp_path / "bbbbbbbb.json").stat().st_mode & 0o777 == 0o600


@given(st.text(min_size=1), st.text(min_size=1))
def test_item_secrets_open_for_their_sandbox_with_their_key_only(token: str, other: str) -> None:
    seal, item = Seal("the authority's key"), ItemSecrets.of(SecretStr(token))
    sealed = seal.seal(item, "aaaaaaaa")
    assert seal.open(sealed, "aaaaaaaa") == item
    assert seal.open(sealed, "bbbbbbbb") is None
    assert Seal("another key").open(sealed, "aaaaaaaa") is None
    assert seal.open(other, "aaaaaaaa") is None


@given(st.integers(6, 60), st.lists(st.booleans(), min_size=1, max_size=400))
def test_no_minute_has_more_polls_than_set(per_minute: int, found: list[bool]) -> None:
    now, polls = [0.0], []
    pace = Pace(per_minute, lambda: now[0])
    for item in found:
        now[0] += pace.wait_seconds(item)
        pace.count()
        polls.append(now[0])
    for earlier, later in zip(polls, polls[per_minute:], strict=False):
        assert later - earlier >= 60 - 1e-6


def test_the_next_poll_follows_an_item_at_once() -> None:
    now = [0.0]
    pace = Pace(60, lambda: now[0])
    pace.count()
    assert pace.wait_seconds(found=True) == 0
    assert pace.wait_seconds(found=False) == 1


@pytest.mark.parametrize("secret", [None, "", "%%%", "bm90IGpzb24", "eyJzZXNzaW9uc190b2tlbiI6IDF9", "W10", "eyJvdGhlciI6ICJ4In0"])
def test_a_secret_without_a_sessions_token_opens_nothing(secret: str | None) -> None:
    assert sessions_token(SecretStr(secret) if secret is not None else None) is None


def test_a_secret_opens_with_and_without_padding() -> None:
    for secret in ("eyJzZXNzaW9uc190b2tlbiI6ICJ0b2tlbiJ9", "eyJzZXNzaW9uc190b2tlbiI6InQifQ", "eyJzZXNzaW9uc190b2tlbiI6InQifQ=="):
        assert sessions_token(SecretStr(secret)) is not None


def test_an_address_in_use_is_not_given_again() -> None:
    network = Network(sandbox_range="100.96.0.0/29")
    addresses = Addresses(network)
    taken = {addresses.take() for _ in range(5)}
    assert len(taken) == 5
    assert network.proxy_address not in taken
    with pytest.raises(AddressesExhausted):
        addresses.take()
    addresses.give_back(min(taken))
    assert addresses.take() == min(taken)
