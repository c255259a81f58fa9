"""Amazon API Gateway, version 2: HTTP and WebSocket APIs."""

from __future__ import annotations

from ..kinds import Distinct, Kind, Ref
from ..rules import Length, Needs, OneOf, Pattern, Range, model
from .tokens import API, INTEGRATION, LOG_GROUP
from .vocabulary import describes, reference, refusal, schema, sdk, security_groups, subnets

_OF_API = Ref("apiId", API, "api", holds=False, part=True)
_NAME = reference("apigatewayv2", "StringWithLengthBetween1And128")
_ACTIONS = describes("apigateway", "POST", "GET", "PATCH PUT POST DELETE", "DELETE")

KINDS: dict[str, Kind] = {
    API: Kind(
        id="{hex10}", arn="arn:{partition}:apigateway:{region}::/apis/{id}", replaces=("protocolType",), autoname_length=128, missing="NotFoundException",
        outputs={"apiEndpoint": "https://{hex10}.execute-api.{region}.amazonaws.com", "executionArn": "arn:{partition}:execute-api:{region}:{account}:{hex10}"},
        rules=(OneOf("protocolType", ("WEBSOCKET", "HTTP"), source=model("apigatewayv2", "ProtocolType")), Length("name", 1, 128, source=_NAME),
               Length("description", 0, 1024, source=reference("apigatewayv2", "StringWithLengthBetween0And1024")),
               OneOf("ipAddressType", ("ipv4", "dualstack"), source=model("apigatewayv2", "IpAddressType"))),
        actions=_ACTIONS,
    ),
    INTEGRATION: Kind(
        id="{hex7}", replaces=("apiId", "integrationType", "integrationSubtype", "connectionType"), keeps=("connectionType",), refs=(_OF_API,),
        missing="NotFoundException", in_use="ConflictException",
        outputs={"integrationResponseSelectionExpression": "", "timeoutMilliseconds": 30000},
        rules=(
            OneOf("integrationType", ("AWS", "HTTP", "MOCK", "HTTP_PROXY", "AWS_PROXY"), source=model("apigatewayv2", "IntegrationType")),
            OneOf("connectionType", ("INTERNET", "VPC_LINK"), source=model("apigatewayv2", "ConnectionType")),
            OneOf("payloadFormatVersion", ("1.0", "2.0"), source=reference("apigatewayv2", "CreateIntegrationRequest.PayloadFormatVersion")),
            Range("timeoutMilliseconds", 50, 30000, source=model("apigatewayv2", "IntegerWithLengthBetween50And30000")),
        ),
        actions=_ACTIONS,
    ),
    "aws:apigatewayv2/route:Route": Kind(
        id="{hex7}", replaces=("apiId",), refs=(_OF_API, Ref("target", INTEGRATION, "integration", prefix="integrations/")),
        rules=(
            Pattern("routeKey", r"\$default|\$connect|\$disconnect|(?:ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /.*|[\w-]+", "$default, or a method and a path", source=sdk("aws:apigatewayv2/route:Route", "routeKey")),
            OneOf("authorizationType", ("NONE", "AWS_IAM", "CUSTOM", "JWT"), source=model("apigatewayv2", "AuthorizationType")),
            Pattern("target", r"integrations/.+", "integrations/ID", source=sdk("aws:apigatewayv2/route:Route", "target")),
        ),
        world=(Distinct(("apiId", "routeKey"), refusal("apigatewayv2", "CreateRoute"), code="ConflictException"),), actions=_ACTIONS,
    ),
    "aws:apigatewayv2/stage:Stage": Kind(
        id="{apiId}/{name}", arn="arn:{partition}:apigateway:{region}::/apis/{apiId}/stages/{name}", replaces=("apiId", "name"),
        outputs={"executionArn": "{ref[api][executionArn]}/{name}", "invokeUrl": "{ref[api][apiEndpoint]}/{name}", "deploymentId": ""},
        refs=(_OF_API, Ref("accessLogSettings.destinationArn", LOG_GROUP, "log", holds=False, outside=r"arn:[^:]+:firehose:.*")),
        rules=(Length("name", 1, 128, source=_NAME), Pattern("name", r"\$default|[A-Za-z0-9_-]+", "$default, or letters, digits, - and _", source=schema("ApiGatewayV2::Stage", "StageName"))),
        world=(Distinct(("apiId", "name"), schema("ApiGatewayV2::Stage", "primaryIdentifier"), code="ConflictException"),),
        actions=describes("apigateway", "POST logs:CreateLogDelivery logs:PutResourcePolicy logs:DescribeResourcePolicies", "GET", "PATCH POST DELETE", "DELETE"),
    ),
    "aws:apigatewayv2/authorizer:Authorizer": Kind(
        id="{hex7}", replaces=("apiId",), refs=(_OF_API,), outputs={"authorizerResultTtlInSeconds": 300},
        rules=(OneOf("authorizerType", ("REQUEST", "JWT"), source=model("apigatewayv2", "AuthorizerType")), Range("authorizerResultTtlInSeconds", 0, 3600,
               source=model("apigatewayv2", "IntegerWithLengthBetween0And3600")), Needs("authorizerType", "jwtConfiguration", ("JWT",), source=reference("apigatewayv2", "CreateAuthorizerRequest.JwtConfiguration"))), actions=_ACTIONS,
    ),
    "aws:apigatewayv2/vpcLink:VpcLink": Kind(
        id="{hex7}", arn="arn:{partition}:apigateway:{region}::/vpclinks/{id}", replaces=("securityGroupIds", "subnetIds"), refs=(subnets(), security_groups()), one_network=True,
        rules=(Length("name", 1, 128, source=_NAME),), actions=_ACTIONS,
    ),
}  # fmt: skip
