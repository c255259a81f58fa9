"""The stacks as they are: proven in a first preview and on live state; foreign ones by parameters."""

from __future__ import annotations

import dataclasses
import json

import pytest

from domicile.config import from_file
from domicile.network.services import firewall
from domicile.places import StackPlaces
from domicile.rehearsal.stages.scene import STAND_IN_IMAGES
from domicile.worker_hosts.settings import openbao, render
from domicile_host.egress import bootstrap
from domicile_host.settings import SandboxImage
from domicile_policies.live import stack_of
from domicile_policies.reach import declared, prove
from domicile_policies.resource import Resource, Stack
from domicile_policies.rule import Asked

from .conftest import PROJECT, RULES, Previewed, previewed
from .snapshots import Changed


@pytest.mark.parametrize("name", ["tokyo", "eu", "uae", "bahrain", "us"])
def test_a_region_stack_is_proven_in_its_first_preview(name):
    assert [str(each) for each in previewed(name).prove().findings] == []


def test_a_region_with_its_options_taken_is_proven():
    aws = json.loads(previewed_config()["domicile:aws"])
    aws["network"]["sessionManager"] = True
    aws["scaling"] = {"webhook": True}
    aws["hosts"] = {"min": 0, "max": 4, "instanceTypes": ["m7i.2xlarge", "m6i.2xlarge"], "onDemandPercent": 50}
    rules = [{"host": "api.example.com", "mode": "inspect", "http": [{"methods": ["GET"], "paths": ["/v1/"]}]}, *RULES]
    region = previewed("tokyo", aws=aws, egress={"rules": rules, "howToAsk": "ask"})
    assert [str(each) for each in region.prove().findings] == []


def test_every_way_that_is_allowed_is_declared_or_the_machines_own(tokyo):
    ways = tokyo.prove().allowed
    internet = {way.to: way.note for way in ways if way.to.startswith("internet: ")}
    assert {to for to, note in internet.items() if not note} == {
        "internet: packages.example.com:443",
        "internet: *.mirrors.example.com:8443",
    }
    assert {to for to, note in internet.items() if note} == {"internet: api.anthropic.com:443"}
    packages = next(way for way in ways if way.to == "internet: packages.example.com:443")
    names = [hop.at for hop in packages.hops]
    assert names.index("sandbox") < names.index("loadBalancer egress") < names.index("launchTemplate egress-proxies")
    assert packages.hops[-1].by.endswith("NAT gateway")


def test_what_is_taken_for_granted_is_listed_with_its_guard(tokyo):
    assumed = tokyo.prove().assumptions
    assert any("digest" in each.guard for each in assumed)
    assert all(each.that and each.guard for each in assumed)


# --- one machine -------------------------------------------------------------------------------------------------------------


def _local(**changed: str) -> tuple[Stack, dict[str, str]]:
    """What `local` renders, as resources."""
    config = from_file(PROJECT / "stacks" / "Pulumi.local.yaml")
    places = StackPlaces.of("local", {})
    image = SandboxImage(
        reference="sandbox", digest="sha256:" + "a" * 64, signature=places.images / "s.json", public_key=places.images / "k"
    )
    settings = render(config, places, image, openbao(places))
    texts = {
        "settings": settings.model_dump_json(), "egress-bootstrap": json.dumps(bootstrap.render(settings)), "services": firewall(settings),
        **changed,
    }  # fmt: skip
    kinds = {"settings": ("File", "content"), "egress-bootstrap": ("File", "content"), "services": ("NetworkNamespace", "firewall")}
    made = [
        Resource(f"pulumi-python:dynamic/machine:{kind}", name, f"urn:{name}", {prop: texts[name]}, leans_on={})
        for name, (kind, prop) in kinds.items()
    ]
    rules = [rule.model_dump(mode="json") for rule in config.egress.rules]
    beside = {"kind": "url", "url": config.control_plane.url}
    return Stack(made), {"domicile:egress": json.dumps({"rules": rules}), "domicile:controlPlane": json.dumps(beside)}


def test_the_local_stack_is_proven():
    stack, config = _local()
    proof = prove(stack, declared(Asked(config=config)))
    assert [str(each) for each in proof.findings] == []
    assert {way.to for way in proof.allowed} == {"internet: packages.example.com:443", "internet: api.example.com:443"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hook forward priority filter; policy drop", "hook forward priority filter; policy accept"),
        ("tcp dport { 3128, 8080 }", "tcp dport { 22, 3128, 8080 }"),
        ("ip daddr 100.96.0.1 tcp", "tcp"),
        ("chain egress {\n", "chain egress {\n        accept\n"),
        ("hook output priority filter; policy drop", "hook output priority filter; policy accept"),
        ("hook forward", "hook prerouting"),
    ],
    ids=["forwards", "another-port", "any-address", "proxy-dials-anything", "output-accepts", "no-forward-chain"],
)
def test_a_local_filter_that_lets_more_through_is_found(before, after):
    stack, _ = _local()
    text = stack.resources[2].inputs["firewall"]
    assert before in text
    stack, config = _local(services=text.replace(before, after))
    found = prove(stack, declared(Asked(config=config))).findings
    assert any(each.resource.name == "services" for each in found)


def test_a_local_proxy_without_its_allowlist_is_found():
    stack, _ = _local()
    rendered = json.loads(stack.resources[1].inputs["content"])
    for listener in rendered["static_resources"]["listeners"]:
        for chain in listener.get("filter_chains", ()):
            for each in chain["filters"]:
                config = each.get("typed_config", {})
                config["http_filters"] = [f for f in config.get("http_filters", ()) if "config_discovery" not in f]
    stack, config = _local(**{"egress-bootstrap": json.dumps(rendered)})
    assert any(each.resource.name == "egress-bootstrap" for each in prove(stack, declared(Asked(config=config))).findings)


# --- live, and brought along ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def applied(tmp_path_factory):
    """Tokyo's state after `up`, as `pulumi stack export` prints it, with its configuration."""
    from domicile.engine import up
    from domicile.rehearsal.stages.scene import Scene, done

    with Scene.of(PROJECT, "tokyo") as scene:
        done(up(scene.stack, preview_first=False), "up")
        return scene.stack.export()["deployment"], previewed("tokyo").config


def test_live_state_is_proven_too_and_a_route_made_by_hand_is_found(applied):
    deployment, config = applied
    live = Previewed(stack_of(deployment), config)
    assert [str(each) for each in live.prove().findings] == []
    table = next(r for r in deployment["resources"] if r["type"].endswith(":RouteTable") and r["urn"].endswith("::workers"))
    changed = Changed(live.stack)
    route = {"destinationCidrBlock": "0.0.0.0/0", "routeTableId": table["id"], "natGatewayId": "nat-0123456789abcdef0"}
    changed.add("aws:ec2/route:Route", "by-hand", route, routeTableId=("RouteTable", "workers"))
    assert any(each.resource.name == "by-hand" for each in live.prove(changed.stack()).findings)


def test_live_state_is_read_by_ids_too_where_no_dependency_is_told(applied):
    """As after an import: only ids say what belongs to what."""
    deployment, config = applied
    resources = [
        {**r, "propertyDependencies": {}, "inputs": {**r.get("inputs", {}), "id": r.get("id"), **_arn(r)}, "outputs": {}}
        for r in deployment["resources"]
    ]
    live = Previewed(stack_of({"resources": resources}), config)
    assert [str(each) for each in live.prove().findings] == []


def _arn(resource: dict) -> dict:
    return {"arn": resource["outputs"]["arn"]} if resource.get("outputs", {}).get("arn") else {}


EXISTING = {
    "vpc": "vpc-0123456789abcdef0",
    "workerSubnets": ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"],
    "workerRouteTables": ["rtb-0123456789abcdef0"],
    "egressSubnets": ["subnet-0cccccccccccccccc", "subnet-0dddddddddddddddd"],
}


def test_subnets_outside_the_stack_are_a_finding_until_somebody_answers_for_them():
    with_own = json.loads(previewed_config()["domicile:aws"])
    with_own["network"] = {"cidr": "10.64.0.0/16", "existing": EXISTING}
    region = previewed("tokyo", aws=with_own)
    unseen = {each.way.to for each in region.prove().findings if each.kind == "undecided"}
    assert set(EXISTING["workerSubnets"]) <= unseen
    answers = [{"id": "*-0*", "reason": "the network team closes these subnets, see their register"}]
    proof = region.prove(unseen=answers)
    assert [str(each) for each in proof.findings] == []
    assert any("network team" in each.guard for each in proof.assumptions)


def previewed_config() -> dict[str, str]:
    import yaml

    config = yaml.safe_load((PROJECT / "stacks" / "Pulumi.tokyo.yaml").read_text())["config"]
    return {"domicile:aws": json.dumps({**config["domicile:aws"], "images": STAND_IN_IMAGES})}


def test_a_stack_that_isnt_domiciles_names_what_runs_its_sandboxes(tokyo):
    """The same resources without Domicile's components around them, and without its configuration."""
    plain = Stack([dataclasses.replace(each, parent="") for each in tokyo.stack.resources if not each.type.startswith("domicile:")])
    allow = [{"host": "api.anthropic.com"}, *RULES]
    asked = {"allow": allow, "sandboxes": ["worker-hosts"], "accounts": ["123456789012"]}
    rewired = Changed(plain).stack()
    assert [str(each) for each in prove(rewired, declared(Asked(asked))).findings] == []
    narrowed = {**asked, "allow": allow[:2]}
    found = prove(rewired, declared(Asked(narrowed))).findings
    assert any("mirrors.example.com" in each.way.to for each in found)
