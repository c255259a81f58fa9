"""The wrong configurations of `wrong.yaml` and `wrong_aws.yaml`, as YAML texts."""

from copy import deepcopy
from datetime import date
from pathlib import Path

import pytest
import yaml

TODAY = date(2026, 11, 21)


def _table(name):
    """Each case with its file's base."""
    table = yaml.safe_load((Path(__file__).parent / name).read_text())
    return {case_id: {"base": table["base"], **case} for case_id, case in table["cases"].items()}


CASES = {**_table("wrong.yaml"), **_table("wrong_aws.yaml")}


def as_yaml(case):
    """The text of a case's stack file."""
    if "text" in case:
        return case["text"]
    config = deepcopy(case["base"])
    for dotted, value in case["set"].items():
        *above, last = dotted.split(".")
        place = config
        for step in above:
            place = place.setdefault(step, {})
        if value is None:
            del place[last]
        else:
            place[last] = None if value == "null" else value
    return yaml.safe_dump({"config": {f"domicile:{key}": value for key, value in config.items()}}, allow_unicode=True)


def pytest_generate_tests(metafunc):
    """`wrong`: every case; `wrong_value`: those whose file is well-formed, so that Pulumi would hand it on."""
    for name in {"wrong", "wrong_value"} & set(metafunc.fixturenames):
        cases = {case_id: case for case_id, case in CASES.items() if name == "wrong" or "set" in case}
        metafunc.parametrize(name, [{**case, "yaml": as_yaml(case)} for case in cases.values()], ids=list(cases))


@pytest.fixture(autouse=True)
def _exceptions_in_force(monkeypatch):
    """Exceptions from residency end on a day; the tables' and the stacks' are judged as of one on which they hold."""
    monkeypatch.setattr("domicile.config.residency._today", lambda: TODAY)
