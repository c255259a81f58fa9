"""AWS Lambda."""

from __future__ import annotations

from math import inf

from ..kinds import Distinct, Kind, Ref
from ..rules import AtLeastOne, AtMostOne, Items, Length, Needs, Never, OneOf, Pattern, Range, model
from .tokens import FUNCTION, QUEUE, ROLE, TOPIC
from .vocabulary import ARN, describes, key, lint, reference, schema, sdk, security_groups, subnets

_LAMBDA = ARN + "lambda:{region}:{account}:"
_RETIRED = r"^(nodejs|nodejs4\.3|nodejs4\.3-edge|nodejs6\.10|nodejs8\.10|nodejs10\.x|nodejs12\.x|nodejs14\.x|python2\.7|python3\.[67]|java8|" \
           r"dotnetcore.*|go1\.x|ruby2\.[57]|provided)$"  # fmt: skip
_INVOKE = "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"


def _of_function(path: str) -> Ref:
    return Ref(path, FUNCTION, "function", holds=False, part=True)


KINDS: dict[str, Kind] = {
    FUNCTION: Kind(
        id="{name}", arn=_LAMBDA + "function:{name}", replaces=("name", "packageType", "tenancyConfig"), autoname_length=64, missing="ResourceNotFoundException",
        outputs={"invokeArn": _INVOKE, "qualifiedArn": "{arn}:$LATEST", "qualifiedInvokeArn": _INVOKE, "responseStreamingInvokeArn": _INVOKE, "version": "$LATEST",
                 "lastModified": "2026-11-01T00:00:00.000+0000", "codeSha256": "{hex32}", "sourceCodeHash": "{hex32}", "sourceCodeSize": 1000, "memorySize": 128,
                 "timeout": 3, "signingJobArn": "", "signingProfileVersionArn": "", "architectures": ["x86_64"], "packageType": "Zip"},
        refs=(Ref("role", ROLE, "role", holds=False), key("kmsKeyArn"), subnets("vpcConfig.subnetIds[*]"), security_groups("vpcConfig.securityGroupIds[*]"),
              Ref("deadLetterConfig.targetArn", (QUEUE, TOPIC), holds=False)),
        one_network=True,
        rules=(
            Pattern("name", r"[a-zA-Z0-9-_]{1,64}", "letters, digits, - and _, 64 at most", source=reference("lambda", "CreateFunctionRequest.FunctionName")),
            Pattern("role", r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+", "a role's ARN", source=model("lambda", "RoleArn")),
            Range("timeout", 1, 900, source=reference("lambda", "CreateFunctionRequest.Timeout")), Range("memorySize", 128, 32768, source=model("lambda", "MemorySize")),
            Range("ephemeralStorage.size", 512, 32768, source=model("lambda", "EphemeralStorageSize")), Length("handler", 0, 128, source=model("lambda", "Handler")),
            Length("description", 0, 256, source=model("lambda", "Description")),
            OneOf("packageType", ("Zip", "Image"), source=model("lambda", "PackageType")),
            *(Needs("packageType", need, (None, "Zip"), source=reference("lambda", "CreateFunctionRequest.Handler")) for need in ("handler", "runtime")),
            Needs("packageType", "imageUri", ("Image",), source=reference("lambda", "CreateFunction")),
            Never("runtime", _RETIRED, "no function can be made with a runtime that is retired", source=lint("AdditionalSpecs/LmbdRuntimeLifecycle.json")),
            OneOf("architectures[*]", ("x86_64", "arm64"), source=model("lambda", "Architecture")), Items("architectures", 1, 1, source=model("lambda", "ArchitecturesList")),
            AtMostOne(("code", "s3Bucket", "imageUri"), source=sdk(FUNCTION, "s3Bucket")), AtLeastOne(("code", "s3Bucket", "imageUri"), source=sdk(FUNCTION, "s3Bucket")),
            Needs("s3Bucket", "s3Key", source=sdk(FUNCTION, "s3Key")),
            OneOf("loggingConfig.logFormat", ("JSON", "Text"), source=model("lambda", "LogFormat")),
            OneOf("tracingConfig.mode", ("Active", "PassThrough"), source=model("lambda", "TracingMode")), Range("reservedConcurrentExecutions", -1, inf, source=sdk(FUNCTION, "reservedConcurrentExecutions")),
        ),
        world=(Distinct(("name",), schema("Lambda::Function", "primaryIdentifier"), code="ResourceConflictException"),),
        actions=describes("lambda", "CreateFunction TagResource GetFunction PutFunctionConcurrency iam:PassRole", "GetFunction GetFunctionConfiguration ListVersionsByFunction "
                          "GetFunctionCodeSigningConfig", "UpdateFunctionCode UpdateFunctionConfiguration GetFunction PutFunctionConcurrency DeleteFunctionConcurrency "
                          "TagResource UntagResource iam:PassRole", "DeleteFunction"),
    ),
    "aws:lambda/permission:Permission": Kind(
        id="{function}/{statementId}", outputs={"statementId": "{hex16}", "statementIdPrefix": ""}, autoname="-", refs=(_of_function("function"),),
        replaces=("action", "function", "principal", "sourceArn", "sourceAccount", "statementId", "statementIdPrefix", "qualifier", "eventSourceToken", "principalOrgId",
                  "functionUrlAuthType", "invokedViaFunctionUrl"),
        rules=(
            Pattern("action", r"(lambda:[*]|lambda:[a-zA-Z]+|[*])", "such as lambda:InvokeFunction", source=model("lambda", "Action")),
            Length("statementId", 1, 100, source=model("lambda", "StatementId")), Pattern("statementId", r"([a-zA-Z0-9-_]+)", "letters, digits, - and _", source=model("lambda", "StatementId")),
            Pattern("sourceAccount", r"\d{12}", "an account's id", source=model("lambda", "SourceOwner")),
            OneOf("functionUrlAuthType", ("NONE", "AWS_IAM"), source=model("lambda", "FunctionUrlAuthType")),
        ),
        actions=describes("lambda", "AddPermission GetPolicy", "GetPolicy", "", "RemovePermission"),
    ),
    "aws:lambda/alias:Alias": Kind(
        id="{arn}", arn=_LAMBDA + "function:{functionName}:{name}", outputs={"invokeArn": _INVOKE}, replaces=("name", "functionName"), refs=(_of_function("functionName"),),
        actions=describes("lambda", "CreateAlias", "GetAlias", "UpdateAlias", "DeleteAlias"),
    ),
    "aws:lambda/functionUrl:FunctionUrl": Kind(
        id="{functionName}", outputs={"functionArn": "{ref[function][arn]}", "functionUrl": "https://{hex32}.lambda-url.{region}.on.aws/", "urlId": "{hex32}"},
        replaces=("functionName", "qualifier"), refs=(_of_function("functionName"),),
        rules=(OneOf("authorizationType", ("NONE", "AWS_IAM"), source=model("lambda", "FunctionUrlAuthType")),),
        actions=describes("lambda", "CreateFunctionUrlConfig AddPermission", "GetFunctionUrlConfig", "UpdateFunctionUrlConfig", "DeleteFunctionUrlConfig"),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Kind(
        id="{uuid}", arn=_LAMBDA + "event-source-mapping:{uuid}", replaces=("eventSourceArn", "selfManagedEventSource", "startingPosition", "startingPositionTimestamp"),
        outputs={"uuid": "{uuid}", "functionArn": "{ref[function][arn]}", "state": "Enabled", "stateTransitionReason": "USER_INITIATED", "lastModified": "2026-11-01T00:00:00Z",
                 "lastProcessingResult": "", "parallelizationFactor": 0, "maximumRetryAttempts": 0, "maximumRecordAgeInSeconds": 0},
        refs=(_of_function("functionName"), Ref("eventSourceArn", QUEUE, "source", holds=False, outside=r"arn:[^:]+:(?:kinesis|dynamodb|kafka|mq|rds):.*")),
        rules=(Range("batchSize", 1, 10000, source=model("lambda", "BatchSize")), Range("maximumBatchingWindowInSeconds", 0, 300, source=model("lambda", "MaximumBatchingWindowInSeconds"))),
        actions=describes("lambda", "CreateEventSourceMapping GetEventSourceMapping", "GetEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"),
    ),
}  # fmt: skip
