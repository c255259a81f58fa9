"""The SDK of AWS loaded file by file: every name means what it means by itself, and little is loaded for a few of them."""

from __future__ import annotations

import json
import subprocess
import sys

EVERY_NAME = """
import ast, json, sys
from pathlib import Path
import pulumi_aws
from domicile.aws import sdk

sdk.load_by_file()
told = {}
for service in sys.argv[1:]:
    module = getattr(pulumi_aws, service)
    names = []
    for file in sorted(Path(module.__path__[0]).glob("*.py")):
        names += [file.stem] if file.stem in ("outputs", "_inputs", "_enums") else []
        for node in ast.parse(file.read_text()).body if file.stem not in ("__init__", "outputs") else ():
            if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
                names += ast.literal_eval(node.value)
    found = {name: getattr(module, name) for name in names}
    module.__spec__.loader.exec_module(module)
    told[service] = [len(names), [name for name in names if getattr(module, name) is not found[name]]]
print(json.dumps(told))
"""
NAMED = """
import sys
import pulumi_aws
from domicile.aws import sdk

sdk.load_by_file()
assert pulumi_aws.ec2.Vpc.__module__ == "pulumi_aws.ec2.vpc"
import pulumi_aws.ec2.get_vpc
assert pulumi_aws.ec2.get_vpc is sys.modules["pulumi_aws.ec2.get_vpc"].get_vpc  # the function, not the file
assert not hasattr(pulumi_aws.ec2, "__wrapped__")
print(len([name for name in sys.modules if name.startswith("pulumi_aws.ec2.")]))
"""
UNKNOWN = """
import pulumi_aws
from domicile.aws import sdk

sdk.load_by_file()
try:
    pulumi_aws.kms.Nonsense
except AttributeError as e:
    print(e)
assert "Topic" in dir(pulumi_aws.sns)
from pulumi_aws.sqs import *
assert Queue
assert pulumi_aws.config.region is None  # has a class of its own
"""


def test_every_name_of_a_service_is_what_it_is_when_all_is_loaded() -> None:
    told = json.loads(_run(EVERY_NAME, "ec2", "s3", "iam", "lb", "kms", "cloudwatch", "autoscaling", "apigatewayv2", "vpc", "lambda_"))
    assert {service: others for service, (_, others) in told.items() if others} == {}
    assert all(count > 10 for count, _ in told.values())


def test_a_name_loads_its_own_file_alone() -> None:
    assert int(_run(NAMED)) <= 6  # of 180: beside the two, what all of them share


def test_a_name_that_a_service_lacks_is_no_attribute_and_all_the_others_can_be_listed() -> None:
    assert "Nonsense" in _run(UNKNOWN)


def _run(program: str, *arguments: str) -> str:
    """In a process where nothing is loaded yet."""
    return subprocess.run([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout
