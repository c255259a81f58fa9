"""Prices: each with a source and its day, or another region's that says so; on a stack's page, each line says whose its price is."""

import datetime
import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from domicile.config import from_file
from domicile.rehearsal.aws import prices
from domicile.rehearsal.stages.pages import Applied, pages

STACKS = Path(__file__).parents[2] / "stacks"
REGIONAL = [("tokyo", {}), ("eu", {}), ("uae", {}), ("bahrain", {}), ("us", {}), ("eu", {"region": "eu-west-1"})]
RECORDED = yaml.safe_load(prices.FILE.read_text())


@pytest.fixture
def configured(tmp_path):
    """A stack's configuration; `aws` in place of what its file says."""

    def made(name, aws):
        content = yaml.safe_load((STACKS / f"Pulumi.{name}.yaml").read_text())
        content["config"]["domicile:aws"].update(aws)
        file = tmp_path / f"Pulumi.{name}.yaml"
        file.write_text(yaml.safe_dump(content))
        return from_file(file)

    return made


def page(config):
    """A stack's page, of nothing made."""
    return pages(Applied(config.stack, config, ()), [])[f"{config.stack}.md"]


def without(region, name):
    """What is recorded, but for one price."""
    regions = {each: dict(known) for each, known in RECORDED["regions"].items()}
    del regions[region][name]
    return {**RECORDED, "regions": regions}


def changed(region, name, entry):
    return {**RECORDED, "regions": {**RECORDED["regions"], region: {**RECORDED["regions"][region], name: entry}}}


def test_every_source_is_of_a_day_that_has_been_and_prices_something():
    used = {entry.source for region in prices.prices().regions.values() for _, entry in region.entries()} - {None}
    assert used == set(prices.prices().sources)
    undated = {name for name, source in prices.prices().sources.items() if source.date is None}
    assert undated == {"skypilot"}, "its commit's day isn't in what is stored of it"
    today = datetime.datetime.now(datetime.UTC).date()
    assert [name for name, source in prices.prices().sources.items() if source.date and source.date > today] == []


@pytest.mark.parametrize(
    "recorded",
    [
        changed("us-east-1", "nat_hour", {"usd": 0.045}),
        changed("us-east-1", "nat_hour", {"usd": 0.045, "source": "hearsay"}),
        changed("us-east-1", "nat_hour", {"usd": 0.045, "source": "veer", "like": "eu-west-1"}),
        changed("us-east-1", "nat_gb", {"like": "me-south-1"}),
        changed("us-east-1", "nat_gb", {"like": "mars-north-1"}),
        without("us-east-1", "nat_gb"),
    ],
    ids=["no source", "unknown source", "two ways", "another's that has none", "unknown region", "missing"],
)
def test_a_price_has_a_source_or_is_anothers_that_has_one(recorded):
    with pytest.raises(ValidationError):
        prices.Prices.model_validate(recorded)


def test_what_is_recorded_as_it_is_passes():
    prices.Prices.model_validate(RECORDED)


def test_anothers_price_is_taken_whole_and_says_whose_it_is():
    own, taken = prices.rate("me-central-1", "nat_gb"), prices.rate("me-south-1", "nat_gb")
    assert (taken.usd, taken.source, taken.like, own.like) == (own.usd, own.source, "me-central-1", "")


@pytest.mark.parametrize(("name", "aws"), REGIONAL, ids=[*(name for name, _ in REGIONAL[:-1]), "Ireland"])
def test_a_page_names_each_prices_source_with_its_day(configured, name, aws):
    config = configured(name, aws)
    text, region = page(config), config.aws.region
    listed = {int(number): day for number, day in re.findall(r"^(\d+)\. (undated|\d{4}-\d\d-\d\d): .+$", text, re.MULTILINE)}
    named = {int(number) for number in re.findall(r"\[(\d+)(?:: [a-z0-9-]+)?\]", text)}
    assert named
    assert named == set(listed)
    log_price = prices.rate(region, "logs_gb")
    [line] = [line for line in text.splitlines() if line.startswith("| GB of flow and query logs")]
    assert f"| {log_price.usd:g} [" in line
    assert bool(re.search(r"\[\d+: me-central-1\]", line)) is (region == "me-south-1")


@pytest.mark.parametrize(
    ("aws", "said"),
    [({"hosts": {"instanceTypes": ["m7a.2xlarge"]}}, "m7a.2xlarge in us-east-1"), ({"region": "us-west-2"}, "us-west-2")],
    ids=["machine", "region"],
)
def test_without_a_recorded_price_a_page_says_which_instead_of_an_estimate(configured, aws, said):
    cost = page(configured("us", aws)).partition("## Cost")[2].partition("## Rights")[0]
    assert said in cost
    assert "together" not in cost
