"""What the rules for Kubernetes and Cloudflare read: selectors, namespaces, durations, destinations, names of secrets."""

import pytest

from domicile_policies.images.kubernetes import registry
from domicile_policies.keys.kubernetes import secret_name
from domicile_policies.kubernetes import namespace, selects
from domicile_policies.residency.cloudflare import buckets, place_of_destination
from domicile_policies.resource import NotKnown, Resource, Unknown
from domicile_policies.rule import Asked
from domicile_policies.tunnels.cloudflare import hours

LABELS = {"app": "sandbox", "pool": "warm"}


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "sandbox"}}, True),
        ({"matchLabels": {"app": "sandbox", "tier": "1"}}, False),
        ({"matchExpressions": [{"key": "pool", "operator": "In", "values": ["warm", "cold"]}]}, True),
        ({"matchExpressions": [{"key": "pool", "operator": "NotIn", "values": ["warm"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "pool", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "pool", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "sandbox"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_a_selector_fits_as_kubernetes_says(selector, fits):
    assert selects(selector, LABELS) is fits


def test_a_label_that_is_not_known_is_not_taken_for_another():
    with pytest.raises(NotKnown):
        selects({"matchLabels": {"app": "sandbox"}}, {"app": Unknown("metadata.labels.app")})


def test_a_namespace_that_is_not_known_is_the_one_it_is_made_from():
    space = Resource("kubernetes:core/v1:Namespace", "space", "urn:space", {})
    other = Resource("kubernetes:core/v1:Namespace", "other", "urn:other", {})
    inputs = {"metadata": {"namespace": Unknown("metadata.namespace")}}
    assert namespace(Resource("t", "pod", "urn:pod", inputs, leans_on={"metadata": [space]})) == "urn:space"
    for leans_on in (None, {}, {"metadata": [space, other]}):
        with pytest.raises(NotKnown):
            namespace(Resource("t", "pod", "urn:pod", inputs, leans_on=leans_on))
    assert namespace(Resource("t", "pod", "urn:pod", {}, provider={"namespace": "given"})) == "given"


@pytest.mark.parametrize(
    ("duration", "expected"), [("24h", 24), ("90m", 1.5), ("2h45m", 2.75), ("forever", float("inf")), ("", float("inf"))]
)
def test_a_duration_is_read_in_hours(duration, expected):
    assert hours(duration) == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("python", ""),
        ("library/python:3", ""),
        ("localhost/sandbox", "localhost"),
        ("registry.example/a/b:1", "registry.example"),
        ("mirror:5000/a", "mirror:5000"),
    ],
)
def test_an_images_registry_is_what_stands_before_the_first_slash_and_is_a_host(image, expected):
    assert registry(image) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("API_TOKEN", True), ("apiKey", True), ("db.password", True), ("ANTHROPIC_ENVIRONMENT_ACCESS_KEY", True), ("private-key", True),
        ("TOKEN_FILE", False), ("SECRET_ARN", False), ("tokens", False), ("LEVEL", False), ("KEYBOARD", False),
    ],
)  # fmt: skip
def test_a_name_tells_that_its_value_is_a_secret(name, expected):
    assert secret_name(name) is expected


@pytest.mark.parametrize(
    ("destination", "where"),
    [
        ("s3://logs/a?region=eu-central-1&sse=AES256", "eu"),
        ("s3://logs/a", "unknown"),
        ("r2://logs/a?account-id=1", "unknown"),
        ("https://http-intake.logs.ap1.datadoghq.com/api/v2/logs?header_DD-API-KEY=x", "jp"),
        ("https://siem.example.com/in", "unknown"),
    ],
)
def test_a_log_destination_lies_where_its_region_or_its_site_is(destination, where):
    assert place_of_destination(destination).where == where


def test_a_bucket_lies_where_cloudflare_promises_it():
    asked = Asked({"jurisdiction": "eu"})
    kept = Resource("cloudflare:index/r2Bucket:R2Bucket", "kept", "urn:kept", {"jurisdiction": "eu"})
    assert list(buckets(kept, asked)) == []
    assert [each.path for each in buckets(kept, Asked({"jurisdiction": ""}, {"domicile:jurisdiction": "jp"}))] == ["jurisdiction"]
    assert "no jurisdiction is declared" in next(buckets(kept, Asked({"jurisdiction": ""}))).message
