"""The wrong configurations of `wrong.yaml`, as YAML texts."""

from copy import deepcopy
from pathlib import Path

import yaml

TABLE = yaml.safe_load((Path(__file__).parent / "wrong.yaml").read_text())


def as_yaml(case):
    """The text of a case's stack file."""
    if "text" in case:
        return case["text"]
    config = deepcopy(TABLE["base"])
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
        cases = {case_id: case for case_id, case in TABLE["cases"].items() if name == "wrong" or "set" in case}
        metafunc.parametrize(name, [{**case, "yaml": as_yaml(case)} for case in cases.values()], ids=list(cases))
