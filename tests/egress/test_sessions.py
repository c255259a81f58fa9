"""A session can leave its sandbox exactly between its admission and its withdrawal."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.perimeter


def test_an_admitted_session_reaches_a_tunnelled_host(lab):
    assert lab.sandboxes[0].ask("tunnel.ok.test:443").from_origin


def test_an_admitted_session_reaches_an_inspected_host(lab):
    assert lab.sandboxes[0].ask("api.ok.test:443").from_origin


def test_a_host_off_the_allowlist_is_refused_with_rule_and_remedy(lab):
    _, answer = lab.sandboxes[0].connect("denied.test:443")
    assert answer.status == 403
    assert answer.json["error"] == {
        "type": "egress_denied",
        "rule": "sesn_a/deny/host-not-allowed",
        "host": "denied.test:443",
        "how_to_ask": lab.settings.egress.how_to_ask,
    }
    assert answer.headers["x-egress-denied"] == "deny/host-not-allowed"
