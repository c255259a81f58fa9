"""A pack's configuration: what it sets, and that each fault of it is told with path, value, what is allowed and the fix."""

from __future__ import annotations

from datetime import date

import pytest

from domicile_policies.parameters import ConfigurationError, read, settings
from domicile_policies.rule import Rule

DAY = date(2026, 11, 1)
SECONDS = {"seconds": {"type": "integer", "minimum": 60, "default": 600}}
RULES = {
    "DOM-KEY-901": Rule("DOM-KEY-901", "t", "w", "f", "high", (), parameters=SECONDS),
    "DOM-KEY-902": Rule("DOM-KEY-902", "t", "w", "f", "low", (), "advisory"),
}
EXCEPTION = {"resource": "web", "reason": "it is public on purpose", "owner": "platform", "expires": "2027-01-31"}


def of(document):
    return settings(RULES, document, DAY)


def test_what_is_not_said_is_the_rules_own():
    found = of({})
    assert [each.level for each in found.values()] == ["mandatory", "advisory"]
    assert found["DOM-KEY-901"].parameters == {"seconds": 600}


@pytest.mark.parametrize(
    ("document", "levels"),
    [
        ({"all": "advisory"}, ["advisory", "advisory"]),
        ({"all": "disabled", "DOM-KEY-902": "mandatory"}, ["disabled", "mandatory"]),
        ({"DOM-KEY-901": {"enforcementLevel": "advisory"}}, ["advisory", "advisory"]),
        ({"DOM-KEY-902": "remediate"}, ["mandatory", "mandatory"]),
    ],
)
def test_levels_are_set_for_all_and_for_one(document, levels):
    assert [each.level for each in of(document).values()] == levels


def test_a_parameter_and_an_exception_are_taken():
    found = of({"DOM-KEY-901": {"seconds": 61, "exceptions": [EXCEPTION]}})["DOM-KEY-901"]
    assert found.parameters == {"seconds": 61}
    assert (found.exceptions[0].owner, found.exceptions[0].expires) == ("platform", date(2027, 1, 31))


@pytest.mark.parametrize(
    ("document", "path", "allowed"),
    [
        ({"DOM-KEY-91": "advisory"}, "DOM-KEY-91", "DOM-KEY-901"),
        ({"DOM-KEY-901": "severe"}, "DOM-KEY-901", "advisory, mandatory, remediate, disabled"),
        ({"all": 3}, "all", "advisory, mandatory"),
        ({"DOM-KEY-901": {"second": 5}}, "DOM-KEY-901.second", "seconds"),
        ({"DOM-KEY-901": {"seconds": 5}}, "DOM-KEY-901.seconds", '"minimum": 60'),
        ({"DOM-KEY-901": {"seconds": "long"}}, "DOM-KEY-901.seconds", '"type": "integer"'),
        ({"DOM-KEY-901": {"exceptions": "web"}}, "DOM-KEY-901.exceptions", "a list"),
        ({"DOM-KEY-901": {"exceptions": ["web"]}}, "DOM-KEY-901.exceptions[0]", "`resource`"),
        ({"DOM-KEY-901": {"exceptions": [{**EXCEPTION, "until": "x"}]}}, "DOM-KEY-901.exceptions[0]", "`expires`"),
        ({"DOM-KEY-901": {"exceptions": [{**EXCEPTION, "reason": "short"}]}}, "DOM-KEY-901.exceptions[0].reason", "10 to 300"),
        ({"DOM-KEY-901": {"exceptions": [{**EXCEPTION, "owner": None}]}}, "DOM-KEY-901.exceptions[0].owner", "is missing"),
        ({"DOM-KEY-901": {"exceptions": [{**EXCEPTION, "expires": "soonish..."}]}}, "DOM-KEY-901.exceptions[0].expires", "write it as"),
        ({"DOM-KEY-901": {"exceptions": [{**EXCEPTION, "expires": "2099-01-01"}]}}, "DOM-KEY-901.exceptions[0].expires", "a year ahead"),
    ],
)
def test_a_fault_is_told_with_its_path_and_what_is_allowed(document, path, allowed):
    with pytest.raises(ConfigurationError) as refused:
        of(document)
    (fault,) = refused.value.faults
    assert fault.startswith(f"{path}: ") and allowed in fault


def test_all_faults_are_told_at_once():
    with pytest.raises(ConfigurationError) as refused:
        of({"DOM-KEY-901": {"second": 5, "seconds": 5}, "DOM-KEY-902": "severe", "x": "advisory"})
    assert len(refused.value.faults) == 4


@pytest.mark.parametrize("text", ["{", "[]", "7"])
def test_a_file_that_is_no_object_is_refused(tmp_path, text):
    file = tmp_path / "rules.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"rules\.json"):
        read(file)
