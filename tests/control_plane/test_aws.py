"""Claude Platform on AWS as the stand-in plays it: it takes what AWS's own library signs, and nothing that was touched since."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
import anthropic
import pytest
from anthropic import AsyncAnthropicAWS
from anthropic.lib.environments import EnvironmentWorker
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from domicile_control_plane import ControlPlane
from domicile_control_plane.aws import FrontDoor
from domicile_host.aws.signature import RoleCredentials, Scope, sign

WORKSPACE, REGION, SERVICE = "wrkspc_01TestTest", "ap-northeast-1", "aws-external-anthropic"
HEADERS = {"anthropic-version": "2026-10-21", "anthropic-beta": "managed-agents-2026-04-01", "anthropic-workspace-id": WORKSPACE}
WORKER = ("GetEnvironment", "ProcessEnvironmentWork", "GetSession", "UpdateSession", "GetSkill")


@dataclass
class Platform:
    plane: ControlPlane
    door: FrontDoor
    url: str
    environment_id: str

    @property
    def stats(self) -> str:
        return f"{self.url}/v1/environments/{self.environment_id}/work/stats"


@asynccontextmanager
async def platform(clock: Callable[[], float] = time.time) -> AsyncIterator[Platform]:
    door = FrontDoor(WORKSPACE, clock=clock)
    plane = ControlPlane(None, door=door)
    async with plane.serve() as url:
        yield Platform(plane, door, url, plane.new_environment()[0])
    plane.close()


@pytest.fixture
async def aws() -> AsyncIterator[Platform]:
    async with platform() as made:
        yield made


def client(aws: Platform, login: dict[str, str], **changes: str) -> AsyncAnthropicAWS:
    told = {"aws_region": REGION, "workspace_id": WORKSPACE, "base_url": aws.url, **changes}
    key, secret, token = login["AccessKeyId"], login["SecretAccessKey"], login["Token"]
    return AsyncAnthropicAWS(aws_access_key=key, aws_secret_key=secret, aws_session_token=token, max_retries=0, **told)


async def test_the_official_clients_worker_serves_a_session_signed_in_each_call(aws: Platform, tmp_path) -> None:
    """SDK 2.11: its AWS client signs whatever bearer its worker was given, so that no key and no item's token is ever sent."""
    login = aws.door.login("worker", *WORKER)
    call = {"tool": "bash", "input": {"command": "echo from-$((40 + 2))"}, "expect": {"contains": "from-42"}}
    scenario = {"name": "aws", "ends": "end_turn", "limit_seconds": 60, "turns": [{"calls": [call]}]}
    session_id = aws.plane.start(aws.environment_id, scenario)
    async with client(aws, login) as sdk:
        worker = EnvironmentWorker(
            sdk, environment_id=aws.environment_id, environment_key="never-sent", workdir=str(tmp_path), max_idle=0.3
        )
        working = asyncio.create_task(worker.run())
        outcome = await aws.plane.finished(session_id, 60)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert (outcome.verdict, outcome.reasons) == ("passed", [])
    assert {"ProcessEnvironmentWork", "GetSession", "UpdateSession"} <= {action for _, action in aws.door.passed}


async def test_the_stats_want_their_own_action(aws: Platform) -> None:
    async with client(aws, aws.door.login("watch", "GetEnvironment")) as sdk:
        assert (await sdk.beta.environments.work.stats(aws.environment_id)).depth == 0
    async with client(aws, aws.door.login("worker", "ProcessEnvironmentWork")) as sdk:
        with pytest.raises(anthropic.PermissionDeniedError, match="GetEnvironment"):
            await sdk.beta.environments.work.stats(aws.environment_id)


def signed(aws: Platform, login: dict[str, str], *, region: str = REGION, service: str = SERVICE, url: str = "") -> dict[str, str]:
    request = AWSRequest("GET", url or aws.stats, HEADERS)
    SigV4Auth(Credentials(login["AccessKeyId"], login["SecretAccessKey"], login["Token"]), service, region).add_auth(request)
    return dict(request.headers)


async def ask(url: str, headers: dict[str, str], method: str = "GET", body: bytes | None = None) -> tuple[int, str, str]:
    """Status, AWS's name of the error, its message."""
    asked = aiohttp.request(method, URL(url, encoded=True), headers=headers, data=body, skip_auto_headers=("content-type",))
    async with asked as answer:
        told = await answer.json(content_type=None)
        return answer.status, answer.headers.get("x-amzn-errortype", ""), str(told.get("message", ""))


TAMPERED = {
    "another-path": ({}, "/../stats?x=1", "InvalidSignatureException"),
    "another-query": ({}, "?beta=true", "InvalidSignatureException"),
    "another-workspace": ({"anthropic-workspace-id": "wrkspc_other"}, "", "InvalidSignatureException"),
    "another-beta": ({"anthropic-beta": "managed-agents-2026-04-01,other"}, "", "InvalidSignatureException"),
    "another-time": ({"X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - 60))}, "", "InvalidSignatureException"),
    "an-unsigned-amz-header": ({"x-amz-more": "1"}, "", "InvalidSignatureException"),
    "another-token": ({"X-Amz-Security-Token": "other"}, "", "UnrecognizedClientException"),
    "no-signature": ({"Authorization": ""}, "", "IncompleteSignatureException"),
    "an-environment-key": ({"Authorization": "Bearer sk-ant-oat01-console"}, "", "IncompleteSignatureException"),
}


@pytest.mark.parametrize("name", sorted(TAMPERED))
async def test_what_was_touched_since_it_was_signed_is_refused(aws: Platform, name: str) -> None:
    changes, suffix, kind = TAMPERED[name]
    good = signed(aws, aws.door.login("watch", "GetEnvironment"))
    assert (await ask(aws.stats, good))[0] == 200
    status, told, _ = await ask(aws.stats + suffix, {**good, **changes})
    assert (status, told) == (403, kind)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"region": "eu-west-1"}, "InvalidSignatureException"),
        ({"service": "bedrock"}, "InvalidSignatureException"),
        ({"login": {"AccessKeyId": "ASIAUNKNOWN"}}, "UnrecognizedClientException"),
        ({"login": {"SecretAccessKey": "another"}}, "InvalidSignatureException"),
    ],
)
async def test_a_signature_for_something_else_or_by_somebody_else_is_refused(aws: Platform, change: dict, kind: str) -> None:
    login = aws.door.login("watch", "GetEnvironment") | change.pop("login", {})
    assert (await ask(aws.stats, signed(aws, login, **change)))[:2] == (403, kind)


async def test_a_signed_request_cannot_be_sent_again_later() -> None:
    """Within five minutes AWS takes it again; what counts once is the API's to know."""
    now = [time.time()]
    async with platform(clock=lambda: now[0]) as aws:
        good = signed(aws, aws.door.login("watch", "GetEnvironment", seconds=7200))
        assert (await ask(aws.stats, good))[0] == 200
        now[0] += 301
        status, kind, message = await ask(aws.stats, good)
        assert (status, kind) == (403, "InvalidSignatureException")
        assert message.startswith("Signature expired")
        now[0] -= 700
        assert "not yet current" in (await ask(aws.stats, good))[2]


async def test_a_login_that_ran_out_and_a_workspace_that_is_not_named_are_refused() -> None:
    now = [time.time()]
    async with platform(clock=lambda: now[0]) as aws:
        login = aws.door.login("watch", "GetEnvironment", seconds=60)
        unnamed = AWSRequest("GET", aws.stats, {k: v for k, v in HEADERS.items() if k != "anthropic-workspace-id"})
        SigV4Auth(Credentials(login["AccessKeyId"], login["SecretAccessKey"], login["Token"]), SERVICE, REGION).add_auth(unnamed)
        assert (await ask(aws.stats, dict(unnamed.headers)))[0] == 400
        now[0] += 61
        assert (await ask(aws.stats, signed(aws, login)))[1] == "ExpiredTokenException"


NAMES = st.from_regex(r"anthropic-[a-z]{1,8}", fullmatch=True)
VALUES = st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    path=st.lists(TEXT, min_size=0, max_size=4),
    query=st.lists(st.tuples(TEXT, st.text(max_size=12)), max_size=4),
    headers=st.dictionaries(NAMES, VALUES),
    body=st.binary(max_size=40),
    method=st.sampled_from(["GET", "POST", "DELETE"]),
)
def test_our_signature_is_awss_own_for_any_request(path, query, headers, body, method) -> None:
    parts = [quote(part, safe="") for part in path if part not in (".", "..")]
    url = f"https://aws-external-anthropic.{REGION}.api.aws/{'/'.join(parts)}"
    url += "?" + "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in query) if query else ""
    role = RoleCredentials(AccessKeyId="ASIATEST", SecretAccessKey="secret/+", Token="token//+==")
    ours = sign(method, url, headers, body, Scope(REGION, SERVICE), role)
    signer = SigV4Auth(Credentials("ASIATEST", "secret/+", "token//+=="), SERVICE, REGION)
    theirs = AWSRequest(method, url, {name: value for name, value in ours.items() if name not in ("authorization", "host")}, body)
    theirs.context["timestamp"] = ours["x-amz-date"]
    canonical = signer.canonical_request(theirs)
    assert ours["authorization"].endswith(signer.signature(signer.string_to_sign(theirs, canonical), theirs))
