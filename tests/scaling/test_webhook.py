"""The function behind the public address: the stand-in's own webhooks wake the group, and nobody else's do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from domicile.scaling.function.webhook import LARGEST_BODY_BYTES, WINDOW_SECONDS, Receiver

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
STARTED = {"type": "event", "id": "whe_1", "data": {"type": "session.status_run_started", "id": "sesn_1"}}


def signed(body: bytes, *, id_="whe_1", at=None, secret=SECRET) -> dict[str, object]:
    """An event as API Gateway hands it to the function (payload format 2.0)."""
    stamp = str(int(time.time() if at is None else at))
    mac = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), f"{id_}.{stamp}.".encode() + body, hashlib.sha256)
    headers = {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": "v1," + base64.b64encode(mac).decode()}
    return {"headers": headers, "body": body.decode(), "isBase64Encoded": False}


def started(**fields) -> dict[str, object]:
    return signed(json.dumps(STARTED).encode(), **fields)


@pytest.fixture
def desired(cloud, group):
    """How many hosts are wanted now."""
    return lambda: cloud.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"][0]["DesiredCapacity"]


@pytest.fixture
def secret_name(stack):
    return f"domicile-{stack}/webhook-signing-secret"


@pytest.fixture
def receiver(cloud, group, secret_name):
    cloud.secrets.create_secret(Name=secret_name, SecretString=SECRET)
    return Receiver(cloud, secret_name, group)


@asynccontextmanager
async def gateway(receive):
    """A public address that hands each request to the function as API Gateway does; yields its URL and the answers."""
    answers: asyncio.Queue[int] = asyncio.Queue()

    async def forward(request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        event = {"headers": headers, "body": (await request.read()).decode(), "isBase64Encoded": False}
        status = await asyncio.to_thread(receive, event)
        answers.put_nowait(status)
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/", forward)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", answers
    finally:
        await runner.cleanup()


async def test_a_session_that_begins_to_run_wakes_the_first_host(watched, cloud, group, secret_name):
    async with gateway(lambda event: receiver.receive(event)) as (url, answers):
        _, secret = watched.plane.webhooks.register(url, ["session.status_run_started", "session.status_idled"])
        cloud.secrets.create_secret(Name=secret_name, SecretString=secret)
        receiver = Receiver(cloud, secret_name, group)
        watched.enqueue()
        [session] = watched.plane.sessions.all()
        watched.plane.sessions.emit(session["id"], "session.status_idle", stop_reason={"type": "end_turn"})
        assert (await asyncio.wait_for(answers.get(), 20), watched.desired()) == (204, 0), "another event wakes nobody"
        watched.plane.sessions.emit(session["id"], "session.status_running")
        assert (await asyncio.wait_for(answers.get(), 20), watched.desired()) == (204, 1)


def forged(change):
    event = started()
    change(event)
    return event


def header(name, value):
    return forged(lambda event: event["headers"].update({name: value}))


def attacks() -> dict[str, tuple[dict[str, object], int]]:
    """Each event, and what it is answered; made when asked for, since they bear the time."""
    genuine = started()
    signature = genuine["headers"]["webhook-signature"]
    large = signed(b" " * (LARGEST_BODY_BYTES + 1))
    return {
        "signature-of-another-secret": (started(secret="whsec_" + base64.b64encode(b"x" * 32).decode()), 401),
        "signature-empty": (header("webhook-signature", ""), 401),
        "signature-of-another-version": (header("webhook-signature", signature.replace("v1,", "v1a,")), 401),
        "signature-not-ascii": (header("webhook-signature", "v1,\u00e9\udc80"), 401),
        "signature-huge": (header("webhook-signature", "v1,a " * 100_000), 401),
        "body-changed": (forged(lambda e: e.update(body=e["body"].replace("sesn_1", "sesn_2"))), 401),
        "id-changed": (header("webhook-id", "whe_2"), 401),
        "id-missing": (forged(lambda e: e["headers"].pop("webhook-id")), 401),
        "time-old": (started(at=time.time() - WINDOW_SECONDS - 60), 401),
        "time-ahead": (started(at=time.time() + WINDOW_SECONDS + 60), 401),
        "time-changed": (header("webhook-timestamp", str(int(time.time()) - 1)), 401),
        "time-no-number": (header("webhook-timestamp", "-1"), 401),
        "time-other-digits": (header("webhook-timestamp", "\u0661\u0662"), 401),
        "time-huge": (header("webhook-timestamp", "9" * 900), 401),
        "no-headers": ({"body": "{}"}, 401),
        "body-oversized": (large, 413),
        "body-oversized-in-base64": (in_base64(large), 413),
        "body-not-base64": (forged(lambda e: e.update(isBase64Encoded=True)), 400),
        "body-surrogates": (forged(lambda e: e.update(body="\ud800")), 400),
        "signed-but-no-webhook": (signed(b"[1]"), 400),
        "signed-but-deep": (signed(b"[" * 60_000), 400),
    }


def in_base64(event):
    return {**event, "body": base64.b64encode(event["body"].encode()).decode(), "isBase64Encoded": True}


@pytest.mark.parametrize("name", attacks())
def test_what_isnt_the_control_planes_wakes_nobody(receiver, desired, name, capsys):
    event, status = attacks()[name]
    assert receiver.receive(event) == status
    assert desired() == 0
    assert SECRET not in capsys.readouterr().out


def test_one_that_is_genuine_passes_in_either_encoding_and_beside_other_signatures(receiver, desired):
    event = started()
    event["headers"]["webhook-signature"] = "v1,AAAA v2,BBBB " + event["headers"]["webhook-signature"]
    assert receiver.receive(in_base64(event)) == 204
    assert desired() == 1


def test_a_replay_does_nothing_again(receiver, cloud, group, desired):
    event = started()
    assert (receiver.receive(event), desired()) == (204, 1)
    cloud.scaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0)
    assert (receiver.receive(event), desired()) == (204, 0)


def test_by_another_instance_a_replay_can_do_no_more_than_the_first_did(receiver, cloud, group, secret_name, desired):
    event = started()
    assert {Receiver(cloud, secret_name, group).receive(event) for _ in range(5)} == {204}
    assert desired() == 1


def test_a_group_that_cant_be_asked_has_the_sender_come_again(receiver, cloud, group, secret_name, desired):
    lost = Receiver(cloud, secret_name, "another")
    event = started()
    assert lost.receive(event) == 503
    lost._group = group
    assert (lost.receive(event), desired()) == (204, 1)


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_%%%", "whsec_" + base64.b64encode(b"short").decode()])
def test_without_a_signing_secret_nothing_is_genuine(cloud, group, secret_name, desired, secret):
    if secret:
        cloud.secrets.create_secret(Name=secret_name, SecretString=secret)
    for key in (secret or "", "whsec_"):
        assert Receiver(cloud, secret_name, group).receive(started(secret=key if key != "whsec_%%%" else "whsec_")) == 503
    assert desired() == 0
