"""`domicile egress prove`: what it prints, writes and exits with, by a CLI on PATH whose pack leaves a proof made beforehand."""

import json
import os

import pytest

from domicile_policies.findings import Finding, Findings, Judged, RuleFacts
from domicile_policies.reach.proof import Hop, Proof, Way
from domicile_policies.resource import Resource

URN = "urn:pulumi:local::domicile::aws:ec2/route:Route::extra"
ROUTE = Resource("aws:ec2/route:Route", "extra", URN, {})
FACTS = {"DOM-EGR-100": RuleFacts("Sandboxes reach what is declared.", "why", "close it", "critical", "advisory", ())}
CLEAN = Findings("domicile", "local", "preview", True, FACTS, (Judged(URN, ROUTE.type, "extra"),))
FOUND = Findings(
    "domicile", "local", "preview", True, FACTS, CLEAN.resources, (Finding("DOM-EGR-100", "advisory", URN, ROUTE.type, "extra", "", "way"),)
)
SCRIPT = """#!/bin/sh
case "$*" in
  preview*)
    cp "$FINDINGS" "$DOMICILE_POLICY_REPORT"
    [ -f "$PROOF" ] && cp "$PROOF" "$DOMICILE_EGRESS_PROOF"
    exit 0 ;;
esac
"""


def proof(holds: bool) -> Proof:
    made = Proof()
    made.allow(Way("internet: packages.example.com:443", (Hop("sandbox"), Hop("worker host's proxy", "its rule"))))
    made.assume("the proxy keeps its rules", "its image's digest")
    if not holds:
        made.find("open", "a worker host has a way out", (Hop("sandbox"), Hop("route extra", "0.0.0.0/0", ROUTE)), "internet", ROUTE)
    return made


@pytest.fixture
def prove(small_project, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pulumi").write_text(SCRIPT)
    (folder / "pulumi").chmod(0o755)
    places = {name: str(tmp_path / name.lower()) for name in ("FINDINGS", "PROOF")}
    small_project.environment |= {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", **places}
    small_project.environment.pop("DOMICILE_ENGINE")

    def run(findings, left, *arguments):
        findings.write(tmp_path / "findings")
        if left:
            (tmp_path / "proof").write_text(json.dumps(left.as_json()))
        return small_project("egress", "prove", *arguments)

    return run


def test_a_proven_stack_shows_each_way_and_what_was_assumed(prove):
    ran = prove(CLEAN, proof(True))
    assert ran.returncode == 0, ran.stderr
    assert "proven" in ran.stdout
    assert "internet: packages.example.com:443" in ran.stdout
    assert "its image's digest" in ran.stdout


def test_a_way_that_isnt_declared_is_shown_hop_by_hop_and_fails(prove, tmp_path):
    picture = tmp_path / "ways.mmd"
    ran = prove(FOUND, proof(False), "--picture", str(picture))
    assert ran.returncode == 1
    hops = [ran.stdout.index(text) for text in ("→ sandbox", "→ route extra: 0.0.0.0/0", "→ internet")]
    assert hops == sorted(hops)
    assert "flowchart LR" in picture.read_text() and "-.->" in picture.read_text()


def test_json_is_the_whole_proof(prove):
    ran = prove(FOUND, proof(False), "--json")
    assert ran.returncode == 1
    told = json.loads(ran.stdout)
    assert not told["holds"]
    assert [hop["urn"] for hop in told["findings"][0]["hops"]] == ["", URN]
    assert told["assumptions"]


def test_what_an_exception_covers_passes_and_is_said(prove):
    ran = prove(CLEAN, proof(False))
    assert ran.returncode == 0
    assert "exception" in ran.stdout


def test_where_nothing_was_proven_it_fails(prove):
    ran = prove(CLEAN, None)
    assert ran.returncode == 1
    assert "nothing is proven" in ran.stderr


def test_a_picture_that_has_no_folder_is_refused_before_anything_runs(prove, tmp_path):
    assert prove(CLEAN, proof(True), "--picture", str(tmp_path / "none" / "x.mmd")).returncode == 2
