"""DOM-RES-007 on values that a preview doesn't know: they lie where what they are made from lies, or nobody can tell."""

from __future__ import annotations

import pytest

from domicile_policies.pack import rules
from domicile_policies.resource import NotKnown, Resource, Unknown, normalised
from domicile_policies.rule import Asked

TOPIC = Resource("aws:sns/topic:Topic", "alarms", "urn:alarms", {}, leans_on={})
ELSEWHERE = Resource("pulumi:pulumi:StackReference", "other", "urn:other", {}, leans_on={})


def judged(inputs, made_from):
    target = Resource("aws:cloudwatch/metricAlarm:MetricAlarm", "full", "urn:full", normalised(inputs), leans_on=made_from)
    check = rules()["DOM-RES-007"].check
    return list(check(target, Asked(config={"domicile:jurisdiction": "jp"}, preview=True)))


def test_one_made_from_a_thing_of_this_stack_is_judged_there():
    assert judged({"alarmActions": [Unknown("")], "kmsKeyId": Unknown("")}, {"alarmActions": [TOPIC], "kmsKeyId": [TOPIC]}) == []


@pytest.mark.parametrize("made_from", [None, {}, {"alarmActions": [ELSEWHERE]}, {"alarmActions": [TOPIC, ELSEWHERE]}])
def test_one_made_from_nothing_here_or_from_elsewhere_is_not_decided(made_from):
    with pytest.raises(NotKnown) as told:
        judged({"alarmActions": ["arn:aws:sns:ap-northeast-1:123456789012:a", Unknown("")]}, made_from)
    assert told.value.path == "alarmActions[1]"


def test_what_names_no_arn_may_be_unknown():
    assert judged({"dimensions": {"group": Unknown("")}}, {}) == []
