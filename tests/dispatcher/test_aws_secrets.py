"""The environment key in AWS Secrets Manager: asked for with the machine's role, signed as AWS's own library signs."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import botocore.auth
import pytest
from aiohttp import web
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from domicile_host import settings as s
from domicile_host.aws.signature import RoleCredentials, Scope, sign
from domicile_host.dispatcher.aws_secrets import AwsSecretsManager
from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.cloudwatch import tell_sessions
from domicile_host.dispatcher.errors import SecretMissing, SecretsAway
from domicile_host.dispatcher.key import EnvironmentKey

ROLE = {"AccessKeyId": "ASIACANARY", "SecretAccessKey": "canary/secret+key", "Token": "canary//token=="}
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
REGION = "ap-northeast-1"


class Cloud:
    """Answers as Secrets Manager and CloudWatch do; refuses what AWS's own signer would have signed otherwise."""

    def __init__(self):
        self.secrets, self.metrics, self.fault = {}, [], None
        self.read: asyncio.Queue[str] = asyncio.Queue()
        self.refused: asyncio.Queue[str] = asyncio.Queue()
        self.told: asyncio.Queue[dict] = asyncio.Queue()

    def put(self, name, value, version):
        self.secrets[name] = {"Name": name, "SecretString": value, "VersionId": version, "CreatedDate": time.time() - 1000}

    async def answer(self, request):
        body = await request.read()
        service = "monitoring" if "Granite" in request.headers["x-amz-target"] else "secretsmanager"
        assert request.headers["authorization"] == expected(request, body, service)
        asked = json.loads(body)
        if self.fault:
            self.refused.put_nowait(service)
            return web.json_response({"__type": f"com.amazonaws#{self.fault}"}, status=400)
        if service == "monitoring":
            self.metrics.append(asked)
            self.told.put_nowait(asked)
            return web.json_response({})
        found = self.secrets.get(asked["SecretId"])
        self.read.put_nowait(found["VersionId"] if found else "")
        return web.json_response(found or {"__type": "ResourceNotFoundException"}, status=200 if found else 400)


def by_botocore(method, url, headers, body, service, moment):
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(*ROLE.values()), service, REGION)
    request = AWSRequest(method, url, {**headers, "X-Amz-Content-SHA256": botocore.auth.sha256(body).hexdigest()}, body)
    request.context = {"timestamp": moment, "payload_signing_enabled": True}
    request.headers["X-Amz-Date"] = moment
    request.headers["X-Amz-Security-Token"] = ROLE["Token"]
    canonical = signer.canonical_request(request)
    return signer._inject_signature_to_request(request, signer.signature(signer.string_to_sign(request, canonical), request))


def expected(request, body, service):
    headers = {name: request.headers[name] for name in ("content-type", "x-amz-target")}
    signed = by_botocore(request.method, str(request.url), headers, body, service, request.headers["x-amz-date"])
    return signed.headers["Authorization"]


@asynccontextmanager
async def cloud_and_client(folder):
    cloud = Cloud()
    application = web.Application()
    application.router.add_post("/", cloud.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    (folder / "role.json").write_text(json.dumps(ROLE))
    try:
        async with AwsSecretsManager(place(folder, url), "tokyo") as client:
            yield cloud, client
    finally:
        await runner.cleanup()


def place(folder, url):
    return s.AwsSecrets(
        url=url, metrics_url=url, region=REGION, role_file=folder / "role.json", environment_key="domicile-tokyo/environment-key",
        credentials="domicile-tokyo/credentials", authority=folder / "authority.json",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "url", "service", "body"),
    [
        ("POST", "https://secretsmanager.ap-northeast-1.amazonaws.com/", "secretsmanager", b'{"SecretId": "a/b"}'),
        ("PUT", "https://b.s3.ap-northeast-1.amazonaws.com/records/i-1/gate%20way/1-9.jsonl", "s3", b"{}\n"),
        ("GET", "https://b.s3.ap-northeast-1.amazonaws.com/?list-type=2&prefix=a%2Fb&empty=", "s3", b""),
    ],
)
def test_a_signature_is_the_one_that_awss_own_library_makes(method, url, service, body):
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "a.B"}
    ours = sign(method, url, headers, body, Scope(REGION, service), RoleCredentials.model_validate(ROLE), NOW)
    theirs = by_botocore(method, url, headers, body, service, ours["x-amz-date"])
    assert ours["authorization"] == theirs.headers["Authorization"]


async def test_a_new_version_of_the_key_is_taken_up_in_place_and_its_age_reported(tmp_path, capsys):
    async with cloud_and_client(tmp_path) as (cloud, client):
        key = EnvironmentKey(client, Bounds(key_wait_seconds=0.01, key_reread_seconds=0.01))
        watching = asyncio.create_task(key.run())
        await asyncio.sleep(0)
        assert key.value is None
        cloud.put("domicile-tokyo/environment-key", "sk-ant-oat01-one\n", "v1")
        assert (await key.wait()).get_secret_value() == "sk-ant-oat01-one"
        cloud.put("domicile-tokyo/environment-key", "sk-ant-oat01-two", "v2")
        async with asyncio.timeout(10):
            for _ in range(2):  # the second read comes after the first was taken up
                while await cloud.read.get() != "v2":
                    pass
        assert key.value.get_secret_value() == "sk-ant-oat01-two"
        assert key.usable.is_set()
        watching.cancel()
    (datum,) = cloud.metrics[-1]["MetricData"]
    assert (cloud.metrics[-1]["Namespace"], datum["MetricName"]) == ("Domicile", "EnvironmentKeyAgeSeconds")
    assert datum["Dimensions"] == [{"Name": "Stack", "Value": "tokyo"}]
    assert 1000 <= datum["Value"] < 2000
    assert "sk-ant" not in (said := "".join(capsys.readouterr()))
    assert "canary" not in said


async def test_what_is_missing_and_what_is_away_are_told_apart(tmp_path):
    """A key in memory outlives a secrets manager that is away, not one that has no such secret any more."""
    async with cloud_and_client(tmp_path) as (cloud, client):
        with pytest.raises(SecretMissing):
            await client.credential("api")
        cloud.put("domicile-tokyo/credentials/api", "value", "v1")
        assert await client.credential("api") == "value"
        for fault, error in (
            ("AccessDeniedException", SecretMissing),
            ("ThrottlingException", SecretsAway),
            ("ExpiredTokenException", SecretsAway),
            ("DecryptionFailure", SecretsAway),
        ):
            cloud.fault = fault
            with pytest.raises(error):
                await client.credential("api")
        (tmp_path / "role.json").unlink()
        with pytest.raises(SecretsAway, match=r"role\.json"):
            await client.credential("api")


async def test_each_host_makes_a_ca_of_its_own_once(tmp_path):
    hosts = [tmp_path / name for name in ("one", "two")]
    made = []
    for host in (hosts[0], hosts[0], hosts[1]):
        host.mkdir(exist_ok=True)
        made.append(await AwsSecretsManager(place(host, "http://127.0.0.1:1"), "tokyo").authority())
    assert made[0] == made[1]
    assert made[0].key != made[2].key
    assert stat.S_IMODE((hosts[0] / "authority.json").stat().st_mode) == 0o600


async def test_a_host_of_a_region_tells_how_many_sessions_it_serves_again_and_again(tmp_path):
    """Also after a report that failed: what the fleet is scaled by must not end with one refusal."""
    async with cloud_and_client(tmp_path) as (cloud, client):
        settings = SimpleNamespace(secrets=client._place, stack="tokyo")
        counts = iter(range(100))
        cloud.fault = "ThrottlingException"
        telling = asyncio.create_task(tell_sessions(settings, lambda: next(counts), lambda: 7.5, every_seconds=0.01))
        async with asyncio.timeout(10):
            assert await cloud.refused.get() == "monitoring"
            cloud.fault = None
            for _ in range(3):
                await cloud.told.get()
        telling.cancel()
    assert {put["Namespace"] for put in cloud.metrics} == {"Domicile"}
    told = {datum["MetricName"]: datum for put in cloud.metrics for datum in put["MetricData"]}
    assert set(told) == {"SessionsServed", "DrillAgeSeconds"}
    assert all(datum["Dimensions"] == [{"Name": "Stack", "Value": "tokyo"}] for datum in told.values())
    assert told["DrillAgeSeconds"]["Value"] == 7.5
    assert told["SessionsServed"]["Value"] >= 0
