"""Claude Platform on AWS: the machine's role in place of the environment key, and the gateway's own role, taken from STS."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from moto import mock_aws
from test_aws_secrets import ROLE, by_botocore

from domicile_host.aws.role import AwsAway, RoleFile
from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.queue import SIGNED
from domicile_host.dispatcher.role import RoleIdentity, SessionsRole
from domicile_host.settings import Signing

REGION, SESSIONS = "ap-northeast-1", "arn:aws:iam::123456789012:role/domicile-tokyo-sessions"
CANARY = "canary"


def answer_of_sts(role: str, name: str, seconds: int) -> bytes:
    """STS's answer in its own form, as moto renders it."""
    import boto3

    with mock_aws():
        client = boto3.client("sts", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
        raw = {}
        client.meta.events.register("before-parse.sts.AssumeRole", lambda response_dict, **_: raw.update(response_dict))
        client.assume_role(RoleArn=role, RoleSessionName=name, DurationSeconds=seconds)
    return raw["body"]


class Sts:
    """Answers what is signed with the machine's role as AWS's own library would sign it; refuses all else."""

    def __init__(self):
        self.asked, self.refuses, self.lasts = [], False, 3600

    async def answer(self, request):
        body = await request.read()
        headers = {"content-type": request.headers["content-type"]}
        signed = by_botocore("POST", str(request.url), headers, body, "sts", request.headers["x-amz-date"])
        assert request.headers["authorization"] == signed.headers["Authorization"]
        asked = {name: value for name, (value,) in parse_qs(body.decode()).items()}
        self.asked.append(asked)
        if self.refuses:
            text = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code>
              <Message>User is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>"""
            return web.Response(status=403, text=text, content_type="text/xml")
        told = await asyncio.to_thread(answer_of_sts, asked["RoleArn"], asked["RoleSessionName"], self.lasts)
        return web.Response(body=told, content_type="text/xml")


@asynccontextmanager
async def sts_and_signing(folder) -> AsyncIterator[tuple[Sts, Signing]]:
    sts, application = Sts(), web.Application()
    application.router.add_post("/", sts.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (folder / "role.json").write_text(json.dumps(ROLE))
    try:
        yield (
            sts,
            Signing(
                region=REGION,
                workspace_id="wrkspc_01Lab",
                role_file=folder / "role.json",
                sessions_role=SESSIONS,
                sessions_role_file=folder / "sessions.json",
                sts_url=f"http://127.0.0.1:{runner.addresses[0][1]}",
                sts_region=REGION,
            ),
        )
    finally:
        await runner.cleanup()


def ends_in(folder, minutes):
    file = folder / "sessions.json"
    told = json.loads(file.read_text()) | {"Expiration": (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()}
    file.write_text(json.dumps(told))


async def test_the_gateways_role_is_taken_under_the_hosts_name_and_kept_from_others(tmp_path, capsys):
    async with sts_and_signing(tmp_path) as (sts, signing):
        await SessionsRole(signing, "i-0123").keep()
        taken = RoleFile(signing.sessions_role_file).credentials()
    (asked,) = sts.asked
    assert (asked["Action"], asked["RoleArn"], asked["RoleSessionName"]) == ("AssumeRole", SESSIONS, "i-0123")
    assert taken.access_key_id.startswith("ASIA")
    assert taken.token.get_secret_value()
    assert timedelta(minutes=55) < taken.expiration - datetime.now(UTC) <= timedelta(minutes=61)
    assert stat.S_IMODE(signing.sessions_role_file.stat().st_mode) == 0o440
    said = "".join(capsys.readouterr())
    assert taken.secret_access_key.get_secret_value() not in said
    assert CANARY not in said


async def test_it_is_renewed_long_before_its_end_and_outlives_an_sts_that_is_away(tmp_path):
    async with sts_and_signing(tmp_path) as (sts, signing):
        role = SessionsRole(signing, "i-0123")
        for minutes, asked in ((None, 1), (50, 1), (30, 2)):
            if minutes:
                ends_in(tmp_path, minutes)
            await role.keep()
            assert len(sts.asked) == asked
        sts.refuses = True
        ends_in(tmp_path, 10)
        await role.keep()
        ends_in(tmp_path, -1)
        with pytest.raises(AwsAway, match=r"AccessDenied: User is not authorized to perform: sts:AssumeRole"):
            await role.keep()


async def test_the_role_stands_in_place_of_the_key_and_a_refusal_is_tried_again(tmp_path):
    """What is denied in IAM is mended there: nothing on this host changes by it, so it asks again."""
    async with sts_and_signing(tmp_path) as (_sts, signing):
        identity = RoleIdentity(signing, "i-0123", None, Bounds(key_wait_seconds=0.01, key_reread_seconds=0.01))
        (tmp_path / "role.json").rename(tmp_path / "away.json")
        await identity._look()
        assert (identity.state, identity.usable.is_set()) == ("absent", False)
        assert "role.json" in identity.problem
        looking = asyncio.create_task(identity.run())
        async with asyncio.timeout(20):
            (tmp_path / "away.json").rename(tmp_path / "role.json")
            assert await identity.wait() is SIGNED
            assert identity.state == "present"
            for _ in range(2):
                identity.refuse(SIGNED, "AWS refuses the role (403)")
                assert (identity.state, identity.problem, identity.usable.is_set()) == ("refused", "AWS refuses the role (403)", False)
                await identity.usable.wait()
                assert identity.state == "refused"
            identity.accept()
            assert (identity.state, identity.problem) == ("present", "")
        looking.cancel()
