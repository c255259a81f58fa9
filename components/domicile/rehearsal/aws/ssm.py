"""AWS Systems Manager: parameters."""

from __future__ import annotations

from ..kinds import Distinct, Kind
from ..rules import AtLeastOne, AtMostOne, Length, Needs, Never, OneOf, Pattern, Size, model
from .vocabulary import ARN, describes, key, provider, reference, schema, sdk

_NAME = reference("ssm", "PutParameterRequest.Name")
_ONE_VALUE = ("value", "insecureValue", "valueWo")
_PARAMETER = provider("ssm/parameter.go", "0073593e7d69")

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
            AtLeastOne(_ONE_VALUE, source=_PARAMETER), AtMostOne(_ONE_VALUE, source=_PARAMETER),
            Needs("valueWo", "valueWoVersion", source=sdk("aws:ssm/parameter:Parameter", "valueWo")),
        ),
        world=(Distinct(("name",), schema("SSM::Parameter", "primaryIdentifier"), code="ParameterAlreadyExists"),),
        actions=describes("ssm", "PutParameter AddTagsToResource GetParameter DescribeParameters", "GetParameter DescribeParameters ListTagsForResource",
                          "PutParameter AddTagsToResource RemoveTagsFromResource", "DeleteParameter"),
    ),
}  # fmt: skip
