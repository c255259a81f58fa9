"""DOM-KEY-012: No secret's value is an input."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.ssm.Parameter(at("plain"), type="String", value="a setting")
    aws.rds.Instance(at("database"), instance_class="db.t4g.small", manage_master_user_password=True)


def failing(at):
    aws.secretsmanager.SecretVersion(at("value"), secret_id="s", secret_string="not-a-real-one")


def unknown(at):
    aws.secretsmanager.SecretVersion(at("value"), secret_id="s", secret_string=at.unknown)
