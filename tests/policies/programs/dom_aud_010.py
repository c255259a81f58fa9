"""DOM-AUD-010: No lifecycle removes records."""

from __future__ import annotations

import pulumi_aws as aws
from parts import locked

UNKNOWN = "undecided"


def cycle(at, rules):
    aws.s3.BucketLifecycleConfiguration(at("cycle"), bucket=locked(at).id, rules=rules)


def passing(at):
    cycle(at, [{"id": "broken", "status": "Enabled", "abort_incomplete_multipart_upload": {"days_after_initiation": 7}}])


def failing(at):
    cycle(at, [{"id": "old", "status": "Enabled", "expiration": {"days": 30}}])


def unknown(at):
    cycle(at, at.unknown)
