"""AWS's policy documents as normalised statements, whoever wrote them and however. Called by the concerns' rules and by the egress proof.

Grammar: IAM User Guide, "Grammar of the IAM JSON policy language". A document that breaks it is read as one that allows everything to
anyone, so that no rule takes it for harmless; `DOM-ACC-001` says what is wrong with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from domicile_policies.resource import NotKnown, Resource, Unknown, known

Kind = Literal["identity", "trust", "resource", "key", "endpoint"]

DOCUMENTS: Mapping[str, Sequence[tuple[Kind, str]]] = {
    "aws:iam/policy:Policy": [("identity", "policy")],
    "aws:iam/rolePolicy:RolePolicy": [("identity", "policy")],
    "aws:iam/userPolicy:UserPolicy": [("identity", "policy")],
    "aws:iam/groupPolicy:GroupPolicy": [("identity", "policy")],
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": [("identity", "inlinePolicy")],
    "aws:iam/role:Role": [("trust", "assumeRolePolicy"), ("identity", "inlinePolicies[*].policy")],
    "aws:kms/key:Key": [("key", "policy")],
    "aws:kms/keyPolicy:KeyPolicy": [("key", "policy")],
    "aws:kms/externalKey:ExternalKey": [("key", "policy")],
    "aws:kms/replicaKey:ReplicaKey": [("key", "policy")],
    "aws:ec2/vpcEndpoint:VpcEndpoint": [("endpoint", "policy")],
    "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy": [("endpoint", "policy")],
    "aws:s3/bucket:Bucket": [("resource", "policy")],
    "aws:s3/bucketV2:BucketV2": [("resource", "policy")],
    "aws:s3/bucketPolicy:BucketPolicy": [("resource", "policy")],
    "aws:s3/accessPoint:AccessPoint": [("resource", "policy")],
    "aws:s3control/accessPointPolicy:AccessPointPolicy": [("resource", "policy")],
    "aws:secretsmanager/secret:Secret": [("resource", "policy")],
    "aws:secretsmanager/secretPolicy:SecretPolicy": [("resource", "policy")],
    "aws:sns/topic:Topic": [("resource", "policy")],
    "aws:sns/topicPolicy:TopicPolicy": [("resource", "policy")],
    "aws:sqs/queue:Queue": [("resource", "policy")],
    "aws:sqs/queuePolicy:QueuePolicy": [("resource", "policy")],
    "aws:ecr/repositoryPolicy:RepositoryPolicy": [("resource", "policy")],
    "aws:ecr/registryPolicy:RegistryPolicy": [("resource", "policy")],
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": [("resource", "policyDocument")],
    "aws:cloudwatch/logDestinationPolicy:LogDestinationPolicy": [("resource", "accessPolicy")],
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": [("resource", "policy")],
    "aws:efs/fileSystemPolicy:FileSystemPolicy": [("resource", "policy")],
    "aws:backup/vaultPolicy:VaultPolicy": [("resource", "policy")],
    "aws:dynamodb/resourcePolicy:ResourcePolicy": [("resource", "policy")],
    "aws:kinesis/resourcePolicy:ResourcePolicy": [("resource", "policy")],
    "aws:opensearch/domain:Domain": [("resource", "accessPolicies")],
    "aws:opensearch/domainPolicy:DomainPolicy": [("resource", "accessPolicies")],
    "aws:elasticsearch/domain:Domain": [("resource", "accessPolicies")],
    "aws:apigateway/restApi:RestApi": [("resource", "policy")],
    "aws:apigateway/restApiPolicy:RestApiPolicy": [("resource", "policy")],
    "aws:lambda/permission:Permission": [("resource", "")],
}
"""Where documents lie, by type. A Lambda permission has none, but is a statement of the function's policy."""

IDENTITY = tuple(type_ for type_, kinds in DOCUMENTS.items() if any(kind == "identity" for kind, _ in kinds))
"""Types that carry rights of somebody."""

BINDING = frozenset(
    key.lower() for key in (
        "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount", "aws:SourceArn",
        "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:userid", "kms:CallerAccount",
        "kms:EncryptionContext:aws:logs:arn", "lambda:SourceFunctionArn", "s3:DataAccessPointAccount", "s3:DataAccessPointArn",
    )
)  # fmt: skip
"""Condition keys that say who or whence, so that `*` isn't anyone (S3 User Guide: the meaning of "public"; IAM: global condition keys)."""

_POSITIVE = ("Bool", "StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike")


@dataclass(frozen=True)
class Condition:
    """One key under one operator. `operator` as written, with its `ForAnyValue:` and `IfExists`."""

    operator: str
    key: str
    values: tuple[Any, ...]

    def is_about(self, *keys: str) -> bool:
        """Whether its key is one of these; IAM doesn't look at the case of keys."""
        return self.key.lower() in {key.lower() for key in keys}

    @property
    def needs(self) -> bool:
        """Whether it holds only if its key is there and like one of its values (`IfExists` and `ForAllValues:` hold without)."""
        return self.operator.removeprefix("ForAnyValue:") in _POSITIVE

    @property
    def narrow(self) -> bool:
        """Whether it needs values that leave something out. An account or an organisation must be named whole."""
        return self.needs and bool(self.values) and not any(_boundless(value) for value in self.values)


@dataclass(frozen=True)
class Statement:
    """One statement. `path` is where it stands (`policy.Statement[2]`); lists may hold `Unknown`s where the document was no text.

    Of `actions`/`not_actions` (and so on) one is empty. Principals are pairs such as `("AWS", "*")`; `("*", "*")` for a bare `*`.
    """

    path: str
    effect: Literal["Allow", "Deny"]
    sid: str = ""
    actions: tuple[Any, ...] = ()
    not_actions: tuple[Any, ...] = ()
    resources: tuple[Any, ...] = ()
    not_resources: tuple[Any, ...] = ()
    principals: tuple[tuple[str, Any], ...] = ()
    not_principals: tuple[tuple[str, Any], ...] = ()
    conditions: tuple[Condition, ...] = field(default=())

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    def covers(self, action: str) -> bool:
        """Whether it is about this action, whole or in part: `s3:Put*` covers `s3:PutObject`, and `s3:*` is covered by `s3:GetObject`."""
        if self.not_actions:
            return not any(matches(pattern, action, fold=True) for pattern in self.not_actions)
        return any(overlap(pattern, action, fold=True) for pattern in self.actions)

    def covers_resource(self, arn: str) -> bool:
        """Whether it is about any resource of this pattern; a statement that names none (trust, repository) is about its own."""
        if self.not_resources:
            return not any(matches(pattern, arn) for pattern in self.not_resources)
        return not self.resources or any(overlap(pattern, arn) for pattern in self.resources)

    @property
    def for_anyone(self) -> bool:
        """Whether its principals, conditions aside, are everybody: `*`, or all but some."""
        if self.not_principals:
            return True
        return any(value == "*" and kind in ("*", "AWS", "CanonicalUser", "Federated") for kind, value in self.principals)

    @property
    def bound(self) -> bool:
        """Whether a condition says who or whence, by named values."""
        about = [condition for condition in self.conditions if condition.key.lower() in BINDING]
        if any(condition.narrow for condition in about if known(condition.values)):
            return True
        return any(condition.narrow for condition in about)

    def condition(self, *keys: str) -> list[Condition]:
        """Its conditions on these keys."""
        return [condition for condition in self.conditions if condition.is_about(*keys)]


@dataclass(frozen=True)
class Document:
    """One policy of a resource. `broken` says what breaks IAM's grammar; its statements then allow everything."""

    kind: Kind
    path: str
    statements: tuple[Statement, ...]
    broken: str = ""


def documents(resource: Resource, *kinds: Kind) -> Iterator[Document]:
    """The policies that a resource carries, of these kinds or all. Raises NotKnown on the first whose text isn't known."""
    for kind, path in DOCUMENTS.get(resource.type, ()):
        if kinds and kind not in kinds:
            continue
        if not path:
            yield Document(kind, "principal", (_permission(resource),))
        elif "[*]" in path:
            yield from _each(resource, kind, path)
        elif resource.get(path) is not None:
            yield read(resource.get(path), path, kind)


def read(value: Any, path: str, kind: Kind = "identity") -> Document:
    """A document from its text, or from the object that some SDKs take for it."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
        return Document(kind, path, tuple(_statements(found, path)))
    except NotKnown:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        return Document(kind, path, (everything(path),), broken=str(error))


def everything(path: str) -> Statement:
    """All actions on all things to anyone: what a document is taken for that can't be read, or an endpoint's that isn't given."""
    return Statement(path, "Allow", actions=("*",), resources=("*",), principals=(("*", "*"),))


def matches(pattern: Any, value: str, *, fold: bool = False) -> bool:
    """Whether IAM's pattern (`*` and `?`) takes the value. `fold`: whatever the case, as for actions."""
    text = _text(pattern).replace("[", "[[]")
    return fnmatchcase(value.lower(), text.lower()) if fold else fnmatchcase(value, text)


def overlap(one: Any, other: Any, *, fold: bool = False) -> bool:
    """Whether any value is taken by both patterns."""
    a, b = _text(one), _text(other)
    return _meet(a.lower(), b.lower()) if fold else _meet(a, b)


def _meet(a: str, b: str) -> bool:
    """Of two globs: reachable pairs of positions, as of two small automata at once."""
    seen, todo = set(), [(0, 0)]
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        i, j = here
        if i == len(a) and j == len(b):
            return True
        if i < len(a) and a[i] == "*":
            todo += [(i + 1, j), *([(i, j + 1)] if j < len(b) else [])]
        if j < len(b) and b[j] == "*":
            todo += [(i, j + 1), *([(i + 1, j)] if i < len(a) else [])]
        if i < len(a) and j < len(b) and "*" not in (a[i], b[j]) and (a[i] == b[j] or "?" in (a[i], b[j])):
            todo.append((i + 1, j + 1))
    return False


def _boundless(value: Any) -> bool:
    """`*`, and what has a wildcard where the account stands: `arn:aws:iam::*:role/x` is anyone's."""
    text = _text(value)
    if not text.strip("*?"):
        return True
    parts = text.split(":", 5)
    return len(parts) == 6 and parts[0] == "arn" and bool(re.search(r"[*?]", parts[4]))


def _text(value: Any) -> str:
    if isinstance(value, Unknown):
        raise NotKnown(value.path)
    return str(value)


def _each(resource: Resource, kind: Kind, path: str) -> Iterator[Document]:
    before, after = path.split("[*].")
    for at, each in resource.items(before):
        if isinstance(each, Unknown):
            raise NotKnown(at)
        if (text := each.get(after)) is not None:
            if isinstance(text, Unknown):
                raise NotKnown(f"{at}.{after}")
            yield read(text, f"{at}.{after}", kind)


def _permission(resource: Resource) -> Statement:
    """What a Lambda permission adds to its function's policy."""
    principal = resource.get("principal", "*")
    kind = "Service" if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "AWS"
    keys = {"sourceArn": ("ArnLike", "aws:SourceArn"), "sourceAccount": ("StringEquals", "aws:SourceAccount"),
            "principalOrgId": ("StringEquals", "aws:PrincipalOrgID")}  # fmt: skip
    told = [Condition(*how, (_named(resource, name),)) for name, how in keys.items() if name in resource.inputs]
    return Statement("principal", "Allow", actions=(resource.get("action", "*"),), principals=((kind, principal),), conditions=tuple(told))


def _named(resource: Resource, name: str) -> Any:
    """A value that isn't known but made from a thing of this stack names that thing, whatever it is called later."""
    value = resource.inputs[name]
    made_from = resource.sources(name) if isinstance(value, Unknown) else None
    return made_from[0].urn if made_from else value


def _statements(document: Any, path: str) -> Iterator[Statement]:
    if isinstance(document, Unknown):
        raise NotKnown(path)
    if not isinstance(document, Mapping):
        raise TypeError("a policy is an object")
    found = document.get("Statement", document.get("statements"))
    if isinstance(found, Unknown):
        raise NotKnown(f"{path}.Statement")
    if not found:
        raise ValueError("a policy has at least one Statement")
    for n, each in enumerate(_listed(found)):
        yield _statement(each, f"{path}.Statement[{n}]")


def _statement(each: Any, path: str) -> Statement:
    if isinstance(each, Unknown):
        raise NotKnown(path)
    if not isinstance(each, Mapping):
        raise TypeError(f"{path} isn't an object")
    effect = each.get("Effect")
    if isinstance(effect, Unknown):
        raise NotKnown(f"{path}.Effect")
    if effect not in ("Allow", "Deny"):
        raise ValueError(f"{path}.Effect is Allow or Deny")
    if ("Action" in each) == ("NotAction" in each):
        raise ValueError(f"{path} has one of Action and NotAction")
    return Statement(
        path, effect, str(each.get("Sid", "")) if not isinstance(each.get("Sid"), Unknown) else "",
        actions=tuple(_listed(each.get("Action"))), not_actions=tuple(_listed(each.get("NotAction"))),
        resources=tuple(_listed(each.get("Resource"))), not_resources=tuple(_listed(each.get("NotResource"))),
        principals=tuple(_principals(each.get("Principal"), f"{path}.Principal")),
        not_principals=tuple(_principals(each.get("NotPrincipal"), f"{path}.NotPrincipal")),
        conditions=tuple(_conditions(each.get("Condition"), f"{path}.Condition")),
    )  # fmt: skip


def _principals(found: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(found, Unknown):
        raise NotKnown(path)
    if found == "*":
        yield "*", "*"
    elif isinstance(found, Mapping):
        yield from ((str(kind), value) for kind, values in found.items() for value in _listed(values))
    elif found is not None:
        raise ValueError(f"{path} is `*` or an object")


def _conditions(found: Any, path: str) -> Iterator[Condition]:
    if isinstance(found, Unknown):
        raise NotKnown(path)
    for operator, keys in (found or {}).items():
        if isinstance(keys, Unknown):
            raise NotKnown(f"{path}.{operator}")
        for key, values in keys.items():
            yield Condition(str(operator), str(key), tuple(_listed(values)))


def _listed(value: Any) -> Sequence[Any]:
    if isinstance(value, Unknown) or not isinstance(value, list | tuple):
        return [] if value is None else [value]
    return value
