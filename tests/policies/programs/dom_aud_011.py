"""DOM-AUD-011: Alarms reach somebody, and silence is one."""

from __future__ import annotations

from parts import ACCOUNT, alarm

UNKNOWN = "undecided"

TOPIC = f"arn:aws:sns:ap-northeast-1:{ACCOUNT}:alarms"


def passing(at):
    alarm(at, "NobodyPolls", alarm_actions=[TOPIC], treat_missing_data="breaching")


def failing(at):
    alarm(at, "NobodyPolls", treat_missing_data="breaching")


def unknown(at):
    alarm(at, "NobodyPolls", alarm_actions=[TOPIC], treat_missing_data=at.unknown)
