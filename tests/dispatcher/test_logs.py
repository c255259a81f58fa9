"""No secret gets into a log line."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from domicile_host.dispatcher.logs import MASK, mask

SECRETS = ("sk-ant-oat01-abcDEF_123", "hvs.CAESIJ", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "Bearer abc.def-ghi")


@given(st.sampled_from(SECRETS), st.text(max_size=20), st.sampled_from(("event", "problem", "detail")))
def test_whatever_has_a_secrets_form_is_masked(secret: str, around: str, field: str) -> None:
    line = json.dumps(mask(None, "info", {field: f"{around} {secret} {around}", "nested": [{"inner": secret}]}))
    assert secret not in line


def test_fields_named_like_secrets_are_masked() -> None:
    event = mask(None, "info", {"event": "x", "token": "plain", "Authorization": "plain", "detail": {"capability": "plain"}})
    assert event == {"event": "x", "token": MASK, "Authorization": MASK, "detail": {"capability": MASK}}


def test_numbers_and_flags_stay_what_they_are() -> None:
    assert mask(None, "info", {"count": 3, "ok": True, "none": None}) == {"count": 3, "ok": True, "none": None}
