"""The linter of policy documents finds what is wrong: each way to get one wrong, in each kind of document that a stack has."""

import copy
import json

from domicile.aws import policies
from domicile.aws.names import Names

from .policy_lint import faults

ACCOUNT, REGION = "123456789012", "ap-northeast-1"
NAMES = Names("tokyo", ACCOUNT, REGION, f"arn:aws:iam::{ACCOUNT}:role/w", (f"arn:aws:iam::{ACCOUNT}:role/admin",))
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DOCUMENTS = {
    ("RolePolicy", "egress"): policies.egress_proxy(NAMES, KEY),
    ("Role", "egress"): policies.trust("ec2.amazonaws.com", NAMES),
    ("BucketPolicy", "settings"): policies.settings_bucket(NAMES),
    ("Key", "key"): policies.encryption_key(NAMES),
    ("SecretPolicy", "key"): policies.secret(NAMES, "vpce-1"),
    ("RepositoryPolicy", "host"): policies.repository(NAMES),
    ("VpcEndpoint", "kms"): policies.endpoint("kms", NAMES, KEY),
    ("TopicPolicy", "alarms"): policies.alarm_topic(NAMES, f"arn:aws:sns:{REGION}:{ACCOUNT}:domicile-tokyo-alarms"),
}
WRONG = {
    "effect": lambda s: s.update(Effect="Permit"),
    "no action": lambda s: s.pop("Action"),
    "operator": lambda s: s.update(Condition={"StringIs": {"aws:PrincipalArn": "x"}}),
    "key": lambda s: s.update(Condition={"StringEquals": {"s3:nothing": "x"}}),
    "member": lambda s: s.update(Resources=["*"]),
}


def found():
    return {key: json.loads(text) for key, text in DOCUMENTS.items()}


def test_documents_as_they_are_have_no_fault():
    assert faults(found(), REGION) == []


def test_each_way_to_get_a_document_wrong_is_found_in_each_kind():
    spoilt = {}
    for kind in DOCUMENTS:
        for way, spoil in WRONG.items():
            document = copy.deepcopy(found()[kind])
            spoil(document["Statement"][0])
            spoilt[kind[0], f"{kind[1]} {way}"] = document
        document = copy.deepcopy(found()[kind])
        document["Statement"][0].pop("Principal", None) if kind[0] != "RolePolicy" else document["Statement"][0].update(Principal="*")
        spoilt[kind[0], f"{kind[1]} principal"] = document
    identity = {"Sid": "Spoilt", "Effect": "Allow", "Resource": ["arn:aws:s3:::a/b"], "Action": ["s3:GetObject"]}
    for way, spoil in {
        "action": {"Action": ["s3:GetObjekt"]},
        "resource": {"Resource": ["arn:aws:ec2:eu-west-1:123456789012:vpc/v"]},
    }.items():
        spoilt["RolePolicy", f"egress {way}"] = {"Version": "2012-10-17", "Statement": [{**identity, **spoil}]}
    told = {fault.partition(":")[0] for fault in faults(spoilt, REGION)}
    assert {" ".join(key) for key in spoilt} - told == set()
