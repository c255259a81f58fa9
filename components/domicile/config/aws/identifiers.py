"""AWS's identifiers as a stack writes them: each a type whose refusal says what is allowed, and the fix."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from domicile.config.faults import ConfigRefusedError, Objection, closest
from domicile.residency import REGIONS

_ARN = re.compile(r"arn:aws:([a-z0-9-]+):([a-z0-9-]*):(\d{12}):(.+)")
_KEY_ID = r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
_RESOURCES = {
    ("iam", "role"): (r"role/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}", "arn:aws:iam::111122223333:role/platform-admin"),
    ("iam", "policy"): (r"policy/([\w+=,.@-]+/)*[\w+=,.@-]{1,128}", "arn:aws:iam::111122223333:policy/boundary"),
    ("iam", "instance-profile"): (r"instance-profile/([\w+=,.@-]+/)*[\w+=,.@-]{1,128}", "arn:aws:iam::111122223333:instance-profile/w"),
    ("kms", "key"): (f"key/{_KEY_ID}", "arn:aws:kms:ap-northeast-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
}  # fmt: skip
"""The resource part of each ARN, and an example (IAM and KMS API references: names, paths, key ids)."""


def _refused(allowed: str, fix: str) -> ConfigRefusedError:
    return ConfigRefusedError(Objection((), allowed, fix))


def arn_region(arn: str) -> str:
    """The region of a checked ARN; empty for IAM."""
    return arn.split(":")[3]


def arn_account(arn: str) -> str:
    """The account of a checked ARN."""
    return arn.split(":")[4]


def _arn(service: str, kind: str) -> AfterValidator:
    pattern, example = _RESOURCES[service, kind]

    def check(value: str) -> str:
        match = _ARN.fullmatch(value)
        if match is None or match[1] != service or not re.fullmatch(pattern, match[4]) or (service == "iam") != (match[2] == ""):
            raise _refused(f"the ARN of an {service.upper()} {kind}, without wildcards", f"write for example `{example}`")
        return value

    return AfterValidator(check)


def _id(prefix: str, noun: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(rf"{prefix}-([0-9a-f]{{8}}|[0-9a-f]{{17}})", value):
            raise _refused(
                f"the id of {noun}: `{prefix}-` and 8 or 17 hexadecimal digits", f"write for example `{prefix}-0123456789abcdef0`"
            )
        return value

    return AfterValidator(check)


def _account(value: object) -> object:
    """YAML reads twelve digits without quotes as a number, and drops a leading zero."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise _refused("an account id: twelve digits in quotes", f'write `"{value:012d}"`')
    if isinstance(value, str) and not re.fullmatch(r"\d{12}", value, re.ASCII):
        raise _refused("an account id: twelve digits in quotes", 'write for example `"111122223333"`, without hyphens')
    return value


def _region(value: str) -> str:
    if value not in REGIONS:
        meant = closest(value, REGIONS)
        raise _refused("an AWS region that the residency table knows", f"write `{meant or 'ap-northeast-1'}`")
    return value


def _instance_type(value: str) -> str:
    """Families and sizes as AWS names them; only x86-64 ones, since that is what the images are built for."""
    match = re.fullmatch(r"([a-z]+\d+[a-z]*(?:-flex)?)\.(nano|micro|small|medium|large|\d{0,2}xlarge|metal(?:-\d+xl)?)", value)
    if match is None:
        raise _refused("an instance type", "write for example `m7i.2xlarge`")
    if re.fullmatch(r"(a1|[a-z]+\d+g[a-z]*)", match[1]):
        raise _refused("an x86-64 instance type: the images are built for amd64", "write for example `m7i.2xlarge`")
    if match[2] in ("nano", "micro", "small"):
        raise _refused("an instance with at least 4 GiB: the host services alone take 3 GiB", "write for example `m7i.large`")
    return value


Account = Annotated[str, BeforeValidator(_account)]
RegionName = Annotated[str, AfterValidator(_region)]
InstanceType = Annotated[str, AfterValidator(_instance_type)]
RoleArn = Annotated[str, _arn("iam", "role")]
PolicyArn = Annotated[str, _arn("iam", "policy")]
InstanceProfileArn = Annotated[str, _arn("iam", "instance-profile")]
KeyArn = Annotated[str, _arn("kms", "key")]
VpcId = Annotated[str, _id("vpc", "a VPC")]
SubnetId = Annotated[str, _id("subnet", "a subnet")]
MachineImageId = Annotated[str, _id("ami", "a machine image")]
