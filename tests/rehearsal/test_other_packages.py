"""Kubernetes and Cloudflare are rehearsed by the types of their SDKs: what is nested, what is computed, what things are called."""

from __future__ import annotations

import pytest

from domicile.engine.values import UNKNOWN, plain
from domicile.rehearsal.cloud import Cloud
from domicile.rehearsal.double import Double
from domicile.rehearsal.packages import package
from domicile.rehearsal.schema import Schema

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
TUNNEL = "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared"
LOGPUSH = "cloudflare:index/logpushJob:LogpushJob"
POD = {"containers": [{"name": "web", "image": "registry.example/web@sha256:" + "0" * 64, "resources": {"limits": {"cpu": "1"}}}]}
LABELS = {"app": "web"}


@pytest.fixture(scope="module")
def schemas():
    return {name: Schema(f"pulumi_{name}") for name in ("kubernetes", "cloudflare")}


@pytest.fixture
def double(tmp_path, schemas):
    def of(name: str) -> Double:
        made = Double(package(name), schemas[name], Cloud(tmp_path / name))
        made.configure({})
        return made

    return of


def urn(token, name="web"):
    return f"urn:pulumi:s::p::{token}::{name}"


def deployment(pod):
    spec = {"selector": {"matchLabels": LABELS}, "template": {"metadata": {"labels": LABELS}, "spec": pod}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}


@pytest.mark.parametrize(
    ("pod", "path"),
    [
        ({"containers": [{"name": "web", "imagee": "x"}]}, "spec.template.spec.containers[0].imagee"),
        ({"containers": [{"name": "web", "securityContext": {"privileged": "yes"}}]}, "containers[0].securityContext.privileged"),
        ({"hostNetwork": 3, **POD}, "spec.template.spec.hostNetwork"),
        ({"initContainers": POD["containers"]}, "spec.template.spec.containers"),
    ],
)
def test_a_pods_fault_is_found_however_deep(double, pod, path):
    _, faults = double("kubernetes").check(urn(DEPLOYMENT), {}, deployment(pod), b"")
    assert len(faults) == 1 and faults[0].path.endswith(path)


def test_a_kubernetes_object_is_named_within_and_keeps_its_name(double):
    kubernetes = double("kubernetes")
    inputs, faults = kubernetes.check(urn(DEPLOYMENT), {}, deployment(POD), b"")
    assert not faults and inputs["metadata"]["name"].startswith("web-")
    labelled = {**deployment(POD), "metadata": {"labels": LABELS}}
    assert kubernetes.check(urn(DEPLOYMENT), inputs, labelled, b"")[0]["metadata"] == {"labels": LABELS, "name": inputs["metadata"]["name"]}
    chosen = {**deployment(POD), "metadata": {"name": "mine"}}
    assert kubernetes.check(urn(DEPLOYMENT), {}, chosen, b"")[0] == chosen


def test_metadata_that_is_not_known_is_left_alone(double):
    given = {**deployment(POD), "metadata": UNKNOWN}
    assert double("kubernetes").check(urn(DEPLOYMENT), {}, given, b"") == (given, [])


@pytest.mark.parametrize(
    ("name", "token", "given"),
    [
        ("kubernetes", DEPLOYMENT, deployment(POD)),
        ("kubernetes", POLICY, {"spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}),
        ("cloudflare", TUNNEL, {"accountId": "0" * 32, "name": "tools", "configSrc": "cloudflare"}),
        ("cloudflare", LOGPUSH, {"accountId": "0" * 32, "dataset": "gateway_http", "destinationConf": "https://logs.example/in"}),
    ],
)
def test_it_is_previewed_made_read_and_removed(double, tmp_path, name, token, given):
    provider = double(name)
    inputs, faults = provider.check(urn(token), {}, given, b"")
    assert not faults
    foreseen = plain(provider.foreseen(urn(token), inputs))
    assert {key: foreseen[key] for key in given if key != "metadata"} == {key: given[key] for key in given if key != "metadata"}
    id_, outputs = provider.create(urn(token), inputs)
    assert [thing.id for thing in Cloud(tmp_path / name).things()] == [id_], "it lies in the cloud's own folder"
    assert provider.read(urn(token), id_, inputs, outputs) is not None
    provider.delete(urn(token), id_, outputs)
    assert provider.cloud.things() == []


def test_what_cloudflare_needs_is_asked_for(double):
    _, faults = double("cloudflare").check(urn(TUNNEL), {}, {"name": "tools", "configSrc": []}, b"")
    assert sorted(fault.path for fault in faults) == ["accountId", "configSrc"]
