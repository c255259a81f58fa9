"""S8: every region-bearing property of a stack lies in its jurisdiction, or the configuration is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from domicile import residency
from domicile.config import ConfigError, from_file, load, residency_manifest
from domicile.config.residency import check_backend

STACKS = Path(__file__).parents[2] / "stacks"
JURISDICTIONS = {"tokyo": "jp", "eu": "eu", "uae": "ae", "bahrain": "bh", "us": "us"}
ADMINISTRATOR = "arn:aws:iam::111122223333:role/platform-admin"
EXCEPTION = {"property": "controlPlane.url", "reason": "the agent runs at Anthropic", "owner": "me", "expires": "2027-06-30"}


def stack(**keys):
    aws = {"region": "ap-northeast-1", "account": "111122223333", "access": {"administrators": [ADMINISTRATOR]}}
    base = {
        "platform": "aws",
        "jurisdiction": "jp",
        "controlPlane": {"kind": "anthropic"},
        "environment": {"id": "env_1"},
        "residency": {"exceptions": [EXCEPTION]},
        "aws": aws,
    }
    return load({**base, **keys}, "tokyo")


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("http-intake.logs.datadoghq.com", "us"),
        ("http-intake.logs.us5.datadoghq.com", "us"),
        ("http-intake.logs.ap1.datadoghq.com", "jp"),
        ("http-intake.logs.ap2.datadoghq.com", "au"),
        ("otlp.datadoghq.eu", "eu"),
        ("datadoghq.com.example.com", "unknown"),
        ("evildatadoghq.com", "unknown"),
        ("endpoint1.collection.sumologic.com", "us"),
        ("endpoint1.collection.jp.sumologic.com", "jp"),
        ("endpoint1.collection.de.sumologic.com", "eu"),
        ("endpoint1.collection.ch.sumologic.com", "ch"),
        ("http-inputs-acme.splunkcloud.com", "unknown"),
        ("search-audit-abc.eu-west-1.es.amazonaws.com", "eu"),
        ("abc.me-central-1.aoss.amazonaws.com", "ae"),
        ("logs.me-south-1.amazonaws.com", "bh"),
        ("API.Anthropic.com.", "us"),
        ("aws-external-anthropic.ap-northeast-1.api.aws", "global"),
        ("region1.v2.argotunnel.com", "global"),
        ("ap-northeast-1.example.com", "unknown"),
    ],
)
def test_a_host_lies_where_its_vendor_says(host, where):
    assert residency.place_of_host(host).where == where


@pytest.mark.parametrize(
    ("region", "where"), [("eu-west-2", "gb"), ("eu-central-2", "ch"), ("eu-south-2", "eu"), ("xx-north-9", "unknown")]
)
def test_a_region_of_europe_need_not_be_of_the_union(region, where):
    assert residency.place_of_region(region).where == where


@pytest.mark.parametrize("name", JURISDICTIONS)
def test_each_region_stack_has_one_jurisdiction_and_nothing_outside_unanswered(name):
    config = from_file(STACKS / f"Pulumi.{name}.yaml")
    found = residency_manifest(config, name)
    assert config.jurisdiction == JURISDICTIONS[name]
    assert not found.outside
    assert [entry.path for entry in found.properties if entry.waiver] == ([] if name == "us" else ["controlPlane.url"])
    kinds = {entry.kind for entry in found.properties}
    assert kinds >= {
        "provider",
        "zone",
        "key",
        "replication",
        "archive",
        "log group",
        "registry",
        "endpoint",
        "state backend",
        "backup",
        "secret",
    }


def test_the_eu_stack_moves_to_ireland_by_one_setting(tmp_path):
    text = (STACKS / "Pulumi.eu.yaml").read_text()
    (tmp_path / "Pulumi.eu.yaml").write_text(text.replace("region: eu-central-1", "region: eu-west-1"))
    config = from_file(tmp_path / "Pulumi.eu.yaml")
    assert config.aws.zones == ("eu-west-1a", "eu-west-1b")
    assert {entry.lies_in for entry in residency_manifest(config, "eu").properties if entry.kind in ("provider", "zone", "key")} == {"eu"}


def test_the_manifest_is_json_with_the_reason_owner_and_expiry_of_each_exception():
    written = json.loads(residency_manifest(stack(), "tokyo").to_json())
    assert (written["stack"], written["jurisdiction"]) == ("tokyo", "jp")
    (excepted,) = [entry for entry in written["properties"] if entry["waiver"]]
    assert excepted["waiver"] == EXCEPTION
    assert all(entry["basis"] for entry in written["properties"])


def test_a_declared_place_counts_for_an_endpoint_that_does_not_say_where_it_is():
    sink = {"kind": "splunk-hec", "name": "splunk", "url": "https://http-inputs-acme.splunkcloud.com", "tokenFrom": "hec"}
    place = {"host": "http-inputs-acme.splunkcloud.com", "jurisdiction": "jp", "owner": "siem@example.com"}
    config = stack(audit={"sinks": [sink]}, residency={"exceptions": [EXCEPTION], "places": [place]})
    (entry,) = [entry for entry in residency_manifest(config, "tokyo").properties if entry.kind == "sink"]
    assert entry.inside
    assert "siem@example.com" in entry.basis


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("file:///var/lib/domicile/state", "operator"),
        ("s3://acme?region=eu-west-1", "eu"),
        ("s3://acme", "unknown"),
        ("https://api.pulumi.com", "us"),
        ("azblob://state", "unknown"),
    ],
)
def test_a_state_backend_lies_where_its_url_says(url, where):
    assert residency.place_of_backend(url).where == where


def test_a_state_that_goes_elsewhere_than_the_configuration_says_is_refused():
    said = {"exceptions": [EXCEPTION], "stateBackend": "s3://acme?region=ap-northeast-1"}
    config = stack(residency=said)
    check_backend(config, "stack tokyo", "s3://acme?region=ap-northeast-3")
    for url in ("s3://acme?region=us-east-1", "https://api.pulumi.com", "file:///state"):
        with pytest.raises(ConfigError) as refused:
            check_backend(config, "stack tokyo", url)
        assert refused.value.faults[0].path == "residency.stateBackend"


def test_the_residency_table_loads_without_any_package():
    code = "import sys; from domicile import residency; print([m for m in ('pydantic', 'yaml', 'pulumi') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
