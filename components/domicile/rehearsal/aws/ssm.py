"""AWS Systems Manager: parameters."""

from __future__ import annotations

from ..kinds import Distinct, Kind
from ..rules import MEMORY, AtLeastOne, AtMostOne, Length, Needs, Never, OneOf, Pattern, Size, model
from .vocabulary import ARN, describes, key, reference, schema

_NAME = reference("ssm", "PutParameterRequest.Name")

KINDS: dict[str, Kind] = {
    "aws:ssm/parameter:Parameter": Kind(
        id="{name}", arn=ARN + "ssm:{region}:{account}:parameter/{name}", changing=("version",), replaces=("name",), missing="ParameterNotFound",
        outputs={"version": 1, "dataType": "text", "tier": "Standard", "hasValueWo": False, "keyId": "", "insecureValue": ""}, refs=(key("keyId"),),
        rules=(
            Length("name", 1, 1011, source=_NAME), Pattern("name", r"[a-zA-Z0-9_./-]+", "letters, digits and _./-", source=_NAME),
            Never("name", r"(?i)^/?(aws|ssm)", "it can't begin with 'aws' or 'ssm'", source=_NAME), Never("name", r"^[^/].*/", "a path begins with '/'", source=_NAME),
            OneOf("type", ("String", "StringList", "SecureString"), source=model("ssm", "ParameterType")),
            OneOf("tier", ("Standard", "Advanced", "Intelligent-Tiering"), source=model("ssm", "ParameterTier")),
            Length("description", 0, 1024, source=model("ssm", "ParameterDescription")), Size("value", 8192, source=reference("ssm", "PutParameterRequest.Value")),
            AtLeastOne(("value", "insecureValue", "valueWo"), source=MEMORY), AtMostOne(("value", "insecureValue", "valueWo"), source=MEMORY),
            Needs("valueWo", "valueWoVersion", source=MEMORY),
        ),
        world=(Distinct(("name",), schema("SSM::Parameter", "primaryIdentifier"), code="ParameterAlreadyExists"),),
        actions=describes("ssm", "PutParameter AddTagsToResource GetParameter DescribeParameters", "GetParameter DescribeParameters ListTagsForResource",
                          "PutParameter AddTagsToResource RemoveTagsFromResource", "DeleteParameter"),
    ),
}  # fmt: skip
