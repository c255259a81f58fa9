"""The environment key: waited for, refused, rotated, and never given away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dispatcher_lab import Lab

pytestmark = pytest.mark.perimeter


def files(folder: Path) -> list[str]:
    return [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]


async def test_without_a_key_the_dispatcher_waits_and_says_so(host: Lab) -> None:
    await host.start()
    status = await host.until(lambda status: "environment key" in (status["waiting_for"] or ""))
    assert status["key"] == "absent"
    session_id = host.enqueue()
    host.put_key()
    await host.live(session_id)
    assert (await host.status())["waiting_for"] is None


async def test_a_refused_key_is_said_and_replaced_without_a_restart(host: Lab) -> None:
    host.put_key("sk-ant-oat01-wrong")
    await host.start()
    await host.until(lambda status: status["key"] == "refused")
    session_id = host.enqueue()
    host.put_key()
    await host.live(session_id)
    assert (await host.status())["key"] == "present"


async def test_a_rotated_key_drops_no_session(host: Lab) -> None:
    host.put_key()
    await host.ready()
    first = host.enqueue()
    await host.live(first)
    host.put_key(host.plane.credentials.issue_environment_key(host.settings.environment_id))
    await host.live(host.enqueue())
    assert (await host.live(first))["session_id"] == first


async def test_a_sealed_secrets_manager_is_waited_for(host: Lab) -> None:
    host.put_key()
    host.bao.seal()
    try:
        await host.start()
        await host.until(lambda status: status["waiting_for"] == "the secrets manager" and status["problems"])
    finally:
        host.bao.unseal()
    await host.live(host.enqueue())


async def test_neither_key_nor_item_token_is_on_disk_or_in_the_logs(host: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    host.put_key()
    await host.ready()
    session_id = host.enqueue()
    await host.worker(session_id)
    session = next(iter(host.dispatcher._sessions))
    token, capability = (part.get_secret_value() for part in (session._item.token, session._item.capability))
    texts = [*files(host.folder), capfd.readouterr().out, str(await host.status())]
    for secret in (host.key, token, capability):
        assert not any(secret in text for text in texts)
