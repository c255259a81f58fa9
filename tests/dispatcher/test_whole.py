"""The dispatcher as it is run, with real Envoy and the real gateway: a worker gets its item through its link, and only its own."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from dispatcher_lab import envoy, inside, process

from domicile_host import settings as s

if TYPE_CHECKING:
    from dispatcher_lab import Lab

pytestmark = pytest.mark.perimeter

SERVE = """
import asyncio, pathlib, sys
from domicile_host import dispatcher, settings
asyncio.run(dispatcher.serve(settings.load(pathlib.Path(sys.argv[1]))))
"""


def call(path: str, token: str = "", data: bytes | None = None) -> Any:
    """A request of a sandbox's, over its link and through Envoy."""
    headers = {"authorization": f"Bearer {token}", "anthropic-beta": "managed-agents-2026-04-01", "anthropic-version": "2026-10-21"}
    request = urllib.request.Request("http://100.96.0.1:8080" + path, data=data, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=40) as answer:
        body = answer.read()
    return json.loads(body) if body else None


async def test_a_worker_gets_its_item_over_its_link(host: Lab) -> None:
    credential = s.Credential(name="origin")
    rule = s.EgressRule(host="api.example.com", mode="inspect", http=(s.HttpRule(methods=("GET",), paths=("/",)),), credential=credential)
    sink = s.OtlpSink(name="otel", url="https://otel.example.com", headers_from="sink")
    update = {
        "egress": host.settings.egress.model_copy(update={"rules": (rule,)}),
        "audit": host.settings.audit.model_copy(update={"sinks": (sink,)}),
    }
    host.settings = host.settings.model_copy(update=update)
    host.secret("credentials/origin", value="canary-origin")
    host.secret("credentials/sink", value="canary-sink")
    host.put_key()
    file = host.folder / "settings.json"
    file.write_text(host.settings.model_dump_json())
    with (
        envoy(host.settings, host.folder),
        process(sys.executable, "-c", SERVE, str(file), log=host.folder / "dispatcher.log") as dispatcher,
    ):
        session_id = host.enqueue()
        sandbox = await host.live(session_id)
        namespace = f"domicile-{host.stack}-{sandbox['sandbox_id'].rpartition('-')[2]}"
        item = await asyncio.to_thread(inside, namespace, lambda: call("/domicile/v1/item"))
        assert item["session_id"] == session_id
        packed = item["work_secret"]
        capability = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))["sessions_token"]
        stop = f"/v1/environments/{item['environment_id']}/work/{item['work_id']}/stop"
        await asyncio.to_thread(inside, namespace, lambda: call(stop, capability, b""))
        await host.stopped(session_id)
        await host.gone(session_id)
        assert (host.settings.places.shipper_secrets / "sink").read_text() == "canary-sink"
        assert "BEGIN CERTIFICATE" in host.settings.sandboxes.ca_bundle.read_text()
        dispatcher.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(dispatcher.wait, 40) == 0
    host.assert_nothing_left()
    assert not any("canary" in path.read_text(errors="replace") for path in files(host.folder / "dispatcher.log", host.folder / "journal"))


def files(*places: Path) -> list[Path]:
    return [path for place in places for path in (place.rglob("*") if place.is_dir() else [place]) if path.is_file()]
