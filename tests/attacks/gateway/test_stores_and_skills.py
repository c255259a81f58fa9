"""Memory stores and skills: the session's own, as they are attached, and no other's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from gateway_lab import GatewayLab, ToldPlane

from domicile_host.gateway import Binding

OWN, READ_ONLY, ODD, FOREIGN = "memstore_own", "memstore_ro", "memstore_odd", "memstore_foreign"
SHA = "a" * 64


@pytest.fixture
async def binding(lab: GatewayLab, plane: ToldPlane) -> AsyncIterator[Binding]:
    def attached(store: str, **fields: Any) -> dict[str, Any]:
        return {"type": "memory_store", "memory_store_id": store, **fields}

    plane.session(
        skills=[
            {"type": "custom", "skill_id": "skill_own", "version": "latest"},
            {"type": "custom", "skill_id": "skill_two", "version": "3"},
        ],
        resources=[
            attached(OWN),
            attached(READ_ONLY, access="read_only"),
            attached(ODD, access="read_append"),
            {"type": "file", "id": FOREIGN},
        ],
    )
    for store in (OWN, READ_ONLY, ODD, FOREIGN):
        plane.memories[store] = {f"mem_of_{store}": {"id": f"mem_of_{store}", "type": "memory", "memory_store_id": store, "content": "x"}}
    yield await lab.bind()


def writes(plane: ToldPlane) -> list[str]:
    return [f"{arrival.method} {arrival.target}" for arrival in plane.arrivals if arrival.method != "GET"]


async def test_the_documented_calls_on_an_attached_store_pass(lab: GatewayLab, plane: ToldPlane, binding: Binding) -> None:
    base = f"/v1/memory_stores/{OWN}/memories"
    assert (await lab.ask(binding, "GET", f"{base}?limit=20&view=full&beta=true")).status == 200
    made = await lab.ask(binding, "POST", base, {"path": "/new.md", "content": "hello"})
    assert (made.status, made.json["content"]) == (200, "hello")
    memory = f"{base}/{made.json['id']}"
    change = {"content": "again", "precondition": {"type": "content_sha256", "content_sha256": SHA}}
    assert (await lab.ask(binding, "POST", memory, change)).status == 200
    assert (await lab.ask(binding, "GET", f"{memory}?view=full")).json["content"] == "again"
    assert (await lab.ask(binding, "DELETE", f"{memory}?expected_content_sha256={SHA}")).status == 200
    recorded = [(event.detail["call"], event.outcome) for event in lab.records("gateway.memory")]
    assert recorded == [("memory-create", "allowed"), ("memory-update", "allowed"), ("memory-delete", "allowed")]
    assert "hello" not in str(lab.records("gateway.memory"))


@pytest.mark.parametrize("store", [READ_ONLY, ODD])
async def test_write_to_a_store_that_isnt_read_write(lab: GatewayLab, plane: ToldPlane, binding: Binding, store: str) -> None:
    base = f"/v1/memory_stores/{store}/memories"
    memory = f"{base}/mem_of_{store}"
    assert (await lab.ask(binding, "GET", base)).status == 200
    assert (await lab.ask(binding, "POST", base, {"path": "/a", "content": ""})).rule == "read-only-store"
    assert (await lab.ask(binding, "POST", memory, {"content": ""})).rule == "read-only-store"
    assert (await lab.ask(binding, "DELETE", memory)).rule == "read-only-store"
    assert writes(plane) == []


@pytest.mark.parametrize("store", [FOREIGN, "memstore_ow", "memstore_own0", "MEMSTORE_OWN"])
async def test_another_store(lab: GatewayLab, plane: ToldPlane, binding: Binding, store: str) -> None:
    base = f"/v1/memory_stores/{store}/memories"
    assert (await lab.ask(binding, "GET", base)).rule == "own-stores"
    assert (await lab.ask(binding, "GET", f"{base}/mem_of_{FOREIGN}")).rule == "own-stores"
    assert (await lab.ask(binding, "POST", base, {"path": "/a", "content": ""})).rule == "own-stores"
    assert not any(store in arrival.target for arrival in plane.arrivals)


async def test_memory_of_another_store(lab: GatewayLab, plane: ToldPlane, binding: Binding) -> None:
    memory = f"/v1/memory_stores/{OWN}/memories/mem_of_{FOREIGN}"
    plane.memories[OWN]["mem_moved"] = {"id": "mem_moved", "memory_store_id": FOREIGN}
    assert (await lab.ask(binding, "GET", memory)).rule == "own-memories"
    assert (await lab.ask(binding, "DELETE", memory)).rule == "own-memories"
    assert (await lab.ask(binding, "DELETE", f"/v1/memory_stores/{OWN}/memories/mem_moved")).rule == "own-memories"
    assert writes(plane) == []


@pytest.mark.parametrize(
    "body",
    [
        {"path": "/a"},
        {"path": "a", "content": ""},
        {"path": "/a", "content": "x" * 102_401},
        {"path": "/" + "a" * 1024, "content": ""},
        {"path": "/a", "content": "", "memory_store_id": FOREIGN},
        {"path": "/a", "content": None},
        [],
    ],
)
async def test_malformed_memory(lab: GatewayLab, plane: ToldPlane, binding: Binding, body: Any) -> None:
    assert (await lab.ask(binding, "POST", f"/v1/memory_stores/{OWN}/memories", body)).rule == "body-shape"
    assert writes(plane) == []


async def test_rename_of_a_memory(lab: GatewayLab, plane: ToldPlane, binding: Binding) -> None:
    """The API has it, the workers don't use it."""
    target = f"/v1/memory_stores/{OWN}/memories/mem_of_{OWN}"
    assert (await lab.ask(binding, "POST", target, {"content": "x", "path": "/b"})).rule == "body-shape"
    assert writes(plane) == []


async def test_oversized_memory(lab: GatewayLab, plane: ToldPlane, binding: Binding) -> None:
    answer = await lab.ask(binding, "POST", f"/v1/memory_stores/{OWN}/memories", {"path": "/a", "content": "x" * (1 << 20)})
    assert (answer.status, answer.rule) == (413, "body-size")


async def test_a_memory_isnt_written_while_the_journal_cant_be(lab: GatewayLab, plane: ToldPlane, binding: Binding) -> None:
    lab.recorder.broken = True
    target = f"/v1/memory_stores/{OWN}/memories"
    assert (await lab.ask(binding, "POST", target, {"path": "/a", "content": ""})).status == 503
    assert writes(plane) == []


async def test_the_sessions_skills_pass_in_the_versions_that_it_names(lab: GatewayLab, plane: ToldPlane, binding: Binding) -> None:
    version = await lab.ask(binding, "GET", "/v1/skills/skill_own/versions/latest")
    assert version.json["id"] == "skv_7"
    content = await lab.ask(binding, "GET", "/v1/skills/skill_own/versions/skv_7/content")
    assert (content.status, content.body) == (200, b"PK-archive")
    assert (await lab.ask(binding, "GET", "/v1/skills/skill_two/versions/3")).status == 200


async def test_after_a_restart_a_skills_content_passes_without_asking_for_its_version_first(
    lab: GatewayLab, plane: ToldPlane, binding: Binding
) -> None:
    assert (await lab.ask(binding, "GET", "/v1/skills/skill_own/versions/skv_7/content")).status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/v1/skills/skill_other/versions/latest",
        "/v1/skills/skill_other/versions/skv_7/content",
        "/v1/skills/skill_own/versions/2",
        "/v1/skills/skill_own/versions/skv_8/content",
        "/v1/skills/skill_two/versions/latest",
        "/v1/skills/skill_ow/versions/latest",
    ],
)
async def test_another_skill_or_version(lab: GatewayLab, plane: ToldPlane, binding: Binding, target: str) -> None:
    assert (await lab.ask(binding, "GET", target)).rule == "own-skills"
    assert not any(arrival.target == target for arrival in plane.arrivals)


async def test_an_archive_that_ends_early_isnt_taken_for_whole(lab: GatewayLab, plane: ToldPlane, binding: Binding) -> None:
    """The connection breaks; nothing is put after what came."""
    plane.archive_cut = True
    with pytest.raises(aiohttp.ClientError):
        await lab.ask(binding, "GET", "/v1/skills/skill_own/versions/skv_7/content")
    raw = f"GET /v1/skills/skill_own/versions/skv_7/content HTTP/1.1\r\nhost: x\r\nx-domicile-source: {binding.source}\r\n"
    got = await lab.raw(f"{raw}authorization: Bearer {binding.capability.get_secret_value()}\r\n\r\n".encode())
    assert got.count(b"HTTP/1.1") == 1


async def test_an_answer_that_is_another_session_attaches_nothing(lab: GatewayLab, plane: ToldPlane) -> None:
    plane.session("sesn_own", id="sesn_other", resources=[{"type": "memory_store", "memory_store_id": FOREIGN}])
    binding = await lab.bind()
    assert (await lab.ask(binding, "GET", f"/v1/memory_stores/{FOREIGN}/memories")).status == 502
    assert (await lab.ask(binding, "GET", "/v1/sessions/sesn_own")).status == 502
