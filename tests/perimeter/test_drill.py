"""The drill: a perimeter as it should be passes it, and each door that is opened is found."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager

import pytest
from perimeter_lab import podman, processes, until

from domicile.cli.services import ask
from domicile_host.audit.reader import records

pytestmark = pytest.mark.perimeter

PROXY = "100.96.0.1"
MUST_FAIL = {
    "route", "metadata", "name-servers", "names", "host-services", "neighbour", "raw-sockets", "calls-without-a-session",
    "egress-without-a-session", "host-not-allowed", "withdrawn",
}  # fmt: skip


def held(perimeter):
    """A drill by the operator's command: its exit code and its report."""
    done = perimeter.domicile("drill", perimeter.stack, "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def broken(report):
    return {proof["name"]: proof["found"] for proof in report["proofs"] if not proof["holds"]}


def recorded(perimeter):
    return [record for record in records(perimeter.places.journal) if record.activity == "drill.ended"]


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


@contextmanager
def listening(perimeter, port):
    """A service of the host's namespace that sandboxes are let to by the packet filter."""
    namespace = perimeter.places.namespace
    rule = [
        "nft",
        "--echo",
        "--handle",
        "insert",
        "rule",
        "inet",
        "domicile",
        "input",
        "iifname",
        "sb*",
        "tcp",
        "dport",
        str(port),
        "accept",
    ]
    opened = subprocess.run(["ip", "netns", "exec", namespace, *rule], check=True, capture_output=True, text=True, timeout=30)
    handle = opened.stdout.rsplit("handle ", 1)[1].split()[0]
    server = ["ip", "netns", "exec", namespace, "python3", "-m", "http.server", "--bind", PROXY, str(port)]
    with subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
        try:
            yield
        finally:
            running.terminate()
            ip("netns", "exec", namespace, "nft", "delete", "rule", "inet", "domicile", "input", "handle", handle)


def test_a_perimeter_as_it_should_be_passes_and_the_record_says_what_was_tried(perimeter):
    before = len(recorded(perimeter))
    code, report = held(perimeter)
    assert (code, report["passed"], broken(report)) == (0, True, {})
    assert report["session"]["passed"]
    assert {proof["name"] for proof in report["proofs"] if proof["must"] == "fail"} == MUST_FAIL
    assert {proof["name"] for proof in report["proofs"] if proof["must"] == "work"} == {"doors", "gateway-door", "allowed-host"}
    [record] = recorded(perimeter)[before:]
    assert (record.activity, record.outcome, record.sandbox_id) == ("drill.ended", "success", report["sandbox"])
    assert [proof["name"] for proof in record.detail["proofs"]] == [proof["name"] for proof in report["proofs"]]
    assert 'domicile_dispatcher_drills_total{result="passed"}' in ask(perimeter.places.dispatcher_status, "GET", "/metrics")
    assert perimeter.status()["dispatcher"]["last_drill"]["passed"]


def test_a_service_of_the_host_that_sandboxes_reach_is_found(perimeter):
    with listening(perimeter, 9100):
        code, report = held(perimeter)
    assert (code, report["passed"]) == (1, False)
    assert broken(report) == {"host-services": f"{PROXY}:9100 was reached"}
    record = recorded(perimeter)[-1]
    assert (record.outcome, record.reason) == ("failure", f"host-services: {PROXY}:9100 was reached")


def test_a_route_beside_the_one_to_the_proxy_is_found(perimeter):
    pooled = until("a pooled sandbox", lambda: [each for each in perimeter.status()["dispatcher"]["sandboxes"] if each["state"] == "warm"])
    for sandbox in pooled:
        name = f"domicile-{perimeter.stack}-{sandbox['sandbox_id'].rpartition('-')[2]}"
        ip("-n", name, "route", "add", "10.0.0.0/8", "via", PROXY, "dev", "eth0", "onlink")
    report = ask(perimeter.places.dispatcher_status, "POST", "/drill", seconds=180)
    assert not report["passed"]
    assert broken(report)["route"] == "10.0.0.1:443 was reached"


def test_a_drill_that_cannot_be_held_has_failed(perimeter):
    gateway = perimeter.container("gateway")
    podman("stop", "--time", "0", gateway)
    try:
        until("the gateway's absence is known", lambda: perimeter.dispatcher().get("waiting_for") == "the session gateway")
        report = ask(perimeter.places.dispatcher_status, "POST", "/drill", seconds=180)
    finally:
        podman("start", gateway)
        until("all is well again", perimeter.is_well)
    assert (report["passed"], report["problem"], report["proofs"]) == (False, "the session gateway", [])
    assert recorded(perimeter)[-1].outcome == "failure"


def test_nothing_of_a_drill_is_left(perimeter):
    report = ask(perimeter.places.dispatcher_status, "POST", "/drill", seconds=180)
    assert report["proofs"]
    prefix = perimeter.container("sandbox")

    def there():
        return {name for name in perimeter.containers() if name.startswith(prefix)}

    def known():
        return {each["sandbox_id"] for each in perimeter.dispatcher()["sandboxes"]}

    until("only the dispatcher's own sandboxes are there", lambda: there() == known())
    assert report["sandbox"] not in there()
    assert not [pid for pid, line in processes("cmdline") if report["sandbox"].encode() in line]
