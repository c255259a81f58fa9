"""Claude Platform on AWS: the gateway and the queue's client sign with roles, and the stand-in verifies each signature as AWS does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from gateway_lab import GatewayLab, ToldPlane, front, gateway_lab, python_worker, stream, told_plane, tool_result

from domicile_control_plane import ControlPlane
from domicile_control_plane.aws import FrontDoor
from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.errors import QueueAway, RoleRefused
from domicile_host.dispatcher.queue import SIGNED, WorkQueue
from domicile_host.gateway import Binding
from domicile_host.settings import Signing

WORKSPACE = "wrkspc_01LabLabLab"
BETA = {"anthropic-beta": "managed-agents-2026-04-01"}
QUEUE_ACTIONS, SESSION_ACTIONS = ("ProcessEnvironmentWork",), ("GetSession", "UpdateSession", "GetSkill")


def signing(folder: Path) -> Signing:
    return Signing(
        region="ap-northeast-1", workspace_id=WORKSPACE, role_file=folder / "role.json", sessions_role="arn:aws:iam::123456789012:role/s",
        sessions_role_file=folder / "sessions.json", sts_url="http://127.0.0.1:1", sts_region="ap-northeast-1",
    )  # fmt: skip


def put(file: Path, login: dict[str, str]) -> None:
    part = file.with_suffix(".part")
    part.write_text(json.dumps(login))
    part.replace(file)


@dataclass
class Host:
    """The stand-in for Claude Platform on AWS, the gateway before it, and the dispatcher's client of the queue."""

    plane: ControlPlane
    door: FrontDoor
    lab: GatewayLab
    queue: WorkQueue
    environment_id: str
    signing: Signing


@asynccontextmanager
async def on_aws(folder: Path, door: FrontDoor | None = None) -> AsyncIterator[Host]:
    door = door or FrontDoor(WORKSPACE)
    told = signing(folder)
    put(told.role_file, door.login("worker-host", *QUEUE_ACTIONS))
    put(told.sessions_role_file, door.login("sessions", *SESSION_ACTIONS))
    plane = ControlPlane(None, door=door)
    environment_id, _ = plane.new_environment()
    async with plane.serve() as url, gateway_lab(url, signing=told) as lab:
        settings = lab.settings.model_copy(update={"environment_id": environment_id})
        async with WorkQueue(settings, Bounds()) as queue:
            yield Host(plane, door, lab, queue, environment_id, told)
    plane.close()


async def claim(host: Host) -> Binding:
    item = None
    while item is None:
        item = await host.queue.poll(SIGNED)
    assert item.secret is None
    await host.queue.ack(item.work_id, SIGNED)
    assert (await host.queue.heartbeat(item.work_id, None, SIGNED)).lease_extended
    return await host.lab.bind(
        session_id=item.session_id, work_id=item.work_id, environment_id=host.environment_id, token=None, idle_seconds=0.3
    )


async def test_a_whole_session_runs_signed_and_without_any_key_or_token(tmp_path: Path) -> None:
    """The official worker's, with a skill, its event stream and its results: each call was signed by the role that may make it."""
    calls = [
        {"tool": "bash", "input": {"command": "echo from-$((40 + 2))"}, "expect": {"contains": "from-42"}},
        {"tool": "write", "input": {"file_path": "a b.txt", "content": "ümläut\n"}},
        {"tool": "bash", "input": {"command": "cat skills/greeting/SKILL.md"}, "expect": {"contains": "Say hello"}},
    ]
    skills = [{"name": "greeting", "files": {"SKILL.md": "# Greeting\nSay hello."}}]
    async with on_aws(tmp_path) as host, front(host.lab) as base_url:
        working = asyncio.create_task(python_worker(base_url, tmp_path))
        turns = [{"calls": [call]} for call in calls]
        session_id = host.plane.start(
            host.environment_id, {"name": "signed", "ends": "end_turn", "limit_seconds": 60, "turns": turns, "session": {"skills": skills}}
        )
        binding = await claim(host)
        await asyncio.wait_for(working, 60)
        await host.queue.stop(binding.work_id, SIGNED)
        outcome = await host.plane.finished(session_id, 60)
        assert (outcome.verdict, outcome.reasons) == ("passed", [])
        assert {action for role, action in host.door.passed if role == "worker-host"} == set(QUEUE_ACTIONS)
        assert {action for role, action in host.door.passed if role == "sessions"} == set(SESSION_ACTIONS)
        assert host.lab.rules() == []


HOSTILE = {
    "authorization": "AWS4-HMAC-SHA256 Credential=ASIAEVIL/20261121/ap-northeast-1/aws-external-anthropic/aws4_request, "
    "SignedHeaders=host, Signature=" + "0" * 64,
    "x-api-key": "sk-ant-api03-evil",
    "x-amz-security-token": "evil-token",
    "x-amz-date": "20200101T000000Z",
    "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    "x-amz-evil": "1",
    "anthropic-workspace-id": "wrkspc_someoneelses",
    "anthropic-custom": "evil",
    "host": "evil.example.com",
}


@asynccontextmanager
async def told(folder: Path) -> AsyncIterator[tuple[GatewayLab, ToldPlane]]:
    keys = signing(folder)
    put(keys.sessions_role_file, FrontDoor(WORKSPACE).login("sessions", *SESSION_ACTIONS))
    async with told_plane() as plane, gateway_lab(plane.url, signing=keys) as lab:
        plane.session()
        yield lab, plane


@pytest.mark.parametrize("name", sorted(HOSTILE))
async def test_nothing_of_a_sandboxs_own_identity_passes(tmp_path: Path, name: str) -> None:
    """Its own authorization is no capability; its other headers are left behind, and what goes up is the role's and this workspace's."""
    async with told(tmp_path) as (lab, plane):
        binding = await lab.bind(token=None)
        answer = await lab.ask(binding, "GET", "/v1/sessions/sesn_own", headers={name: HOSTILE[name]})
        if name == "authorization":
            assert (answer.status, answer.rule) == (401, "capability")
            assert plane.arrivals == []
            return
        assert answer.status == 200
        (arrival,) = plane.arrivals
        assert "evil" not in str(arrival.headers)
        assert "wrkspc_someoneelses" not in str(arrival.headers)
        assert arrival.headers["anthropic-workspace-id"] == WORKSPACE
        assert "x-amz-content-sha256;" in arrival.headers["authorization"]
        assert binding.capability.get_secret_value() not in str(arrival.headers)


async def test_a_sandbox_sees_neither_signature_nor_credential(tmp_path: Path) -> None:
    async with told(tmp_path) as (lab, plane):
        binding = await lab.bind(token=None)
        async with stream(lab, plane, binding) as events:
            call = plane.call()
            await events.event()
            answer = await lab.post(binding, tool_result(call))
        assert answer.status == 200
        login = json.loads((tmp_path / "sessions.json").read_text())
        sent = next(arrival for arrival in plane.arrivals if arrival.method == "POST").headers
        seen = str(answer.headers) + answer.body.decode()
        for secret in (login["AccessKeyId"], login["Token"], sent["authorization"], sent["x-amz-date"]):
            assert secret not in seen
        assert login["SecretAccessKey"] not in str([arrival.headers for arrival in plane.arrivals])


async def test_a_result_that_is_posted_again_is_accepted_once(tmp_path: Path) -> None:
    """A sandbox has no signed request to send again; what it can repeat is its own, and that counts once."""
    async with told(tmp_path) as (lab, plane):
        binding = await lab.bind(token=None)
        async with stream(lab, plane, binding) as events:
            call = plane.call()
            await events.event()
            assert (await lab.post(binding, tool_result(call))).status == 200
            await events.event()
            await lab.post(binding, tool_result(call))
            assert (await lab.post(binding, tool_result(call, "another"))).status >= 400
        assert len(plane.posts) == 1


async def test_a_role_that_may_not_any_more_is_told_to_the_operator_and_not_to_the_sandbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And served again as soon as IAM lets it: nothing has to be restarted."""
    async with on_aws(tmp_path) as host:
        host.plane.start(host.environment_id, {"name": "quiet", "turns": [{"calls": [{"tool": "bash", "input": {"command": "true"}}]}]})
        binding = await claim(host)
        target = f"/v1/sessions/{binding.session_id}"
        assert (await host.lab.ask(binding, "GET", target, headers=BETA)).status == 200
        host.door.revoke("sessions")
        host.door.revoke("worker-host")
        refused = await host.lab.ask(binding, "GET", target, headers=BETA)
        assert refused.status == 503
        assert "arn:" not in refused.body.decode()
        with pytest.raises(RoleRefused, match=r"aws-external-anthropic:ProcessEnvironmentWork on resource: .*workspace/wrkspc_01LabLabLab"):
            await host.queue.poll(SIGNED)
        assert "aws-external-anthropic:GetSession on resource" in "".join(capsys.readouterr())
        put(host.signing.sessions_role_file, host.door.login("sessions", *SESSION_ACTIONS))
        assert (await host.lab.ask(binding, "GET", target, headers=BETA)).status == 200


@pytest.mark.parametrize("off_seconds", [-3600, 3600])
async def test_a_clock_that_is_off_is_told_as_that(tmp_path: Path, capsys: pytest.CaptureFixture[str], off_seconds: int) -> None:
    """AWS's own words name a time in the signature; what is to be done is said here."""
    aws_time = datetime.now(UTC) + timedelta(seconds=off_seconds)
    door = FrontDoor(WORKSPACE, clock=lambda: aws_time.timestamp())
    async with on_aws(tmp_path, door) as host:
        far = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        for file in (host.signing.role_file, host.signing.sessions_role_file):
            put(file, json.loads(file.read_text()) | {"Expiration": far})
        with pytest.raises(RoleRefused, match=r"this machine's clock is 3[56]"):
            await host.queue.poll(SIGNED)
        binding = await host.lab.bind(token=None)
        assert (await host.lab.ask(binding, "GET", "/v1/sessions/sesn_own")).status == 503
        assert "set the clock" in "".join(capsys.readouterr())


@pytest.mark.parametrize("fault", ["missing", "unreadable", "run-out"])
async def test_without_a_role_nothing_is_asked(tmp_path: Path, fault: str) -> None:
    async with on_aws(tmp_path) as host:
        for file in (host.signing.role_file, host.signing.sessions_role_file):
            if fault == "missing":
                file.unlink()
            elif fault == "unreadable":
                file.write_text("{}")
            else:
                put(file, json.loads(file.read_text()) | {"Expiration": "2026-01-01T00:00:00Z"})
        binding = await host.lab.bind(token=None)
        refused = await host.lab.ask(binding, "GET", "/v1/sessions/sesn_own")
        assert refused.status == 503
        assert str(tmp_path) not in refused.body.decode()
        with pytest.raises(QueueAway, match=r"role\.json"):
            await host.queue.poll(SIGNED)
        assert host.door.passed == []


async def test_credentials_that_were_renewed_are_taken_up_in_place(tmp_path: Path) -> None:
    async with on_aws(tmp_path) as host:
        assert await host.queue.poll(SIGNED) is None
        host.door.revoke("worker-host")
        with pytest.raises(RoleRefused):
            await host.queue.poll(SIGNED)
        put(host.signing.role_file, host.door.login("worker-host", *QUEUE_ACTIONS))
        assert await host.queue.poll(SIGNED) is None


async def test_a_session_without_token_is_not_asked_for_without_a_role(plane: ToldPlane, lab: GatewayLab) -> None:
    """A gateway that has no role asks nothing in nobody's name."""
    binding = await lab.bind(token=None)
    assert (await lab.ask(binding, "GET", "/v1/sessions/sesn_own")).status == 503
    assert plane.arrivals == []
