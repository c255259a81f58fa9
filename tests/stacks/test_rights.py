"""The committed least rights to deploy a stack: enough for its whole life on the double, and not one action too many can be taken away."""

import copy
import json
from pathlib import Path

import pytest

from domicile.rehearsal.stages.scene import STAND_IN_IMAGES

from .policy_lint import faults

IAM = Path(__file__).parents[2] / "docs" / "aws" / "iam"
STACKS = ("tokyo", "eu", "uae", "bahrain", "us")


def rights(name):
    return [json.loads(path.read_text()) for path in sorted(IAM.glob(f"{name}-*.json"))]


def test_the_committed_rights_suffice_for_a_stacks_life_and_one_action_less_doesnt(stacked):
    region = stacked("eu")
    region.configure(images=STAND_IN_IMAGES)
    region.rehearsal.principal(*without("sns:CreateTopic"))
    refused = region.up()
    assert "AccessDenied" in "\n".join(refused.errors)
    assert "sns:CreateTopic" in "\n".join(refused.errors)
    region.rehearsal.principal(*rights("eu"))
    for operation in (region.up, region.refresh, region.destroy):
        result = operation()
        assert result.exit_code == 0, result.errors


def without(action):
    documents = copy.deepcopy(rights("eu"))
    for document in documents:
        for statement in document["Statement"]:
            statement["Action"] = [each for each in statement["Action"] if each != action]
    return documents


@pytest.mark.parametrize("name", STACKS)
def test_the_committed_rights_stay_in_their_account_region_and_names(name):
    """Nothing is allowed everywhere; only what AWS has no narrower resource for is allowed on `*`, in this region."""
    statements = [statement for document in rights(name) for statement in document["Statement"]]
    assert statements
    for found in statements:
        assert not [action for action in found["Action"] if "*" in action]
        if "*" in found["Resource"]:
            assert found["Resource"] == ["*"]
            assert set(found["Condition"]["StringEquals"]) == {"aws:RequestedRegion"} or found["Action"] == ["sts:GetCallerIdentity"]
        roles = [arn for arn in found["Resource"] if ":role/" in arn]
        assert all(f":role/domicile-{name}-" in arn or ":role/aws-service-role/" in arn for arn in roles)
        secrets = [arn for arn in found["Resource"] if ":secret:" in arn]
        assert all(f":secret:domicile-{name}/" in arn for arn in secrets)
        assert "secretsmanager:GetSecretValue" not in found["Action"]


def test_the_committed_rights_have_no_fault_that_a_linter_finds():
    assert faults({("Policy", f"{name} {place}"): each for name in STACKS for place, each in enumerate(rights(name))}, "eu-central-1") == []
