"""The words in which a provider's tables speak: what a type's ids look like, what it refers to, what is refused. Data, no deeds.

One `Kind` a resource type; types without one are taken as their SDK describes them. `world` and `provider` act on these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .cloud import Cloud
from .rules import Rule, Source

Properties = dict[str, Any]


@dataclass(frozen=True)
class Ref:
    """A property that names another thing: a path (`routes[*].gatewayId`) and the types that it may name, by any of their handles.

    `name` is what ids, outputs and world rules call the thing found ("{ref[vpc][cidrBlock]}"); default: the path. `outside` is a pattern of
    values that lie in nobody's account, and are taken as given. `prefix` is cut off before looking up.
    """

    path: str
    types: tuple[str, ...] | str
    name: str = ""
    holds: bool = True
    part: bool = False
    outside: str = ""
    prefix: str = ""
    anywhere: bool = False  # the thing may lie in another region
    here: bool = False  # it must lie in this region, though its name is known in all: a bucket for a bucket's logs

    @property
    def tokens(self) -> tuple[str, ...]:
        return (self.types,) if isinstance(self.types, str) else self.types


@dataclass(frozen=True)
class Inside:
    """The network in `path` lies within a network of the referent `ref`, in its property `of`."""

    path: str
    ref: str
    of: str
    source: Source
    code: str = "InvalidSubnet.Range"


@dataclass(frozen=True)
class Apart:
    """The network in `path` overlaps none of the same type under the same referent."""

    path: str
    ref: str
    source: Source
    code: str = "InvalidSubnet.Conflict"


@dataclass(frozen=True)
class Distinct:
    """No two things have the same values in these paths: within a region (`scope` "region"), an account, or the whole world.

    `folded` names aren't told apart by capitals.
    """

    paths: tuple[str, ...]
    source: Source
    scope: str = "region"
    code: str = "AlreadyExists"
    folded: bool = False


@dataclass(frozen=True)
class OnePer:
    """The referents of `ref` (a list) differ in their property `of`: one subnet a zone, say."""

    ref: str
    of: str
    source: Source
    code: str = "InvalidParameter"


@dataclass(frozen=True)
class Demand:
    """The referent `ref` must have these property values, if this thing's property `when` has one of `values`."""

    ref: str
    wanted: Mapping[str, Any]
    source: Source
    when: str = ""
    values: tuple[Any, ...] = ()
    code: str = "InvalidParameter"


@dataclass(frozen=True)
class Neighbour:
    """One of these types must refer to the `network` type's thing that the referent `ref` names in its property `of`: an internet gateway
    in a NAT gateway's VPC."""

    tokens: tuple[str, ...]
    ref: str
    of: str
    network: str
    source: Source
    when: str = ""
    values: tuple[Any, ...] = ()
    unless: Mapping[str, Any] = field(default_factory=dict)  # properties of the referent that make it needless
    code: str = "Gateway.NotAttached"


@dataclass(frozen=True)
class Grants:
    """The referent's own policy must allow something to this service: a key's, that CloudWatch Logs may use it."""

    ref: str
    service: str
    source: Source
    code: str = "InvalidParameter"


@dataclass(frozen=True)
class PolicyOf:
    """Every resource that the policy document in `path` speaks of lies under this ARN (a template)."""

    path: str
    arn: str
    source: Source
    code: str = "MalformedPolicy"


@dataclass(frozen=True)
class Native:
    """The id in `path` is one that the cloud itself told for this region, or for the one that the property `region` names (`made`), or of a
    thing brought along."""

    path: str
    made: Callable[[str, str], bool]
    source: Source
    region: str = ""
    code: str = "NotFound"


World = Inside | Apart | Distinct | OnePer | Demand | Neighbour | Grants | PolicyOf | Native


@dataclass(frozen=True)
class Actions:
    """What a principal must be allowed to do so that the provider can make, look at, change and delete a thing of this type."""

    create: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A resource type. `id`, `arn` and texts in `outputs` are templates: {id} {arn} {name} {region} {account} {partition} {hex} (17 digits)
    {hex8} {uuid} {ref[vpc][ownerId]}, and every input by its name; `{hex.main}` is another number of the same thing.
    """

    id: str = ""
    arn: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    changing: tuple[str, ...] = ()  # computed outputs that an update changes, counted up if a number; `x?y`: if input y is true
    terms: Mapping[str, tuple[str, Mapping[Any, str]]] = field(default_factory=dict)  # further words of templates, by an input's value
    replaces: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()  # that the SDK's prose says replace, but don't
    refs: tuple[Ref, ...] = ()
    rules: tuple[Rule, ...] = ()
    world: tuple[World, ...] = ()
    handles: tuple[str, ...] = ()  # further templates of what others may call it, beside id, ARN and name
    also: Mapping[str, str] = field(default_factory=dict)  # other types' things that come with it: token -> template of their handle
    one_network: bool = False  # all that it refers to lies in one VPC
    network: str = ""  # which property names the network that it lies in; `id` if it is one
    everywhere: bool = False  # it lies in no region: IAM
    known_everywhere: bool = False  # it lies in a region, but its name is known in all: S3 buckets
    json: tuple[str, ...] = ()  # properties that hold JSON, and are the same if their JSON is
    autoname: str = ""  # template of the automatic name, if it isn't "{name}-{hex7}"; "-" for none
    autoname_length: int = 0
    actions: Actions = Actions()
    guards: Mapping[str, Any] = field(default_factory=dict)  # property values that forbid a deletion
    guarded: str = "OperationNotPermitted"
    force: str = ""  # the property that lets it be deleted with what is in it
    lingers: bool = False  # a deleted one keeps its claims for a while: a secret's name
    lingers_unless: tuple[str, Any] = ("", None)  # … but not with this property value
    in_use: str = "DependencyViolation"
    missing: str = "NotFound"


@dataclass(frozen=True)
class Place:
    """Where a call happens, and who makes it."""

    cloud: Cloud
    account: str
    region: str
    partition: str = "aws"


Function = Callable[[Properties, Place], Properties]


@dataclass(frozen=True)
class Package:
    """A provider's tables. With none, any package whose SDK is installed can be rehearsed by its types alone."""

    name: str
    module: str
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    configuration: Callable[[Properties, str], tuple[str, str, Properties]] | None = None
    """The provider's configuration, with the account of whoever calls, as (account, region, default tags); raises ValueError for one that
    it refuses."""
    regions: frozenset[str] = frozenset()
    default: Callable[[str], Kind] | None = None  # the Kind of a type that has none
    names: tuple[str, ...] = ("name",)  # properties that are named automatically, the first that a type has
    common: tuple[Rule, ...] = ()  # what holds of every type
    touched: Callable[[str, str, Iterable[str], str, str], list[str]] | None = None  # by (action, token, ARNs concerned, account, region)
    context: Callable[[str, str, str], Mapping[str, str]] | None = None  # what conditions may ask of (action, token, region)
    derive_actions: Callable[[str, str], tuple[str, ...]] | None = None  # the actions of (operation, token) that no table gives

    def actions(self, operation: str, token: str) -> tuple[str, ...]:
        """What a principal must be allowed for this call: `ec2:CreateVpc`."""
        listed: tuple[str, ...] = getattr(self.kind(token).actions, operation, ())
        if token in self.kinds or self.derive_actions is None:
            return listed
        return self.derive_actions(operation, token)

    def kind(self, token: str) -> Kind:
        if token in self.kinds:
            return self.kinds[token]
        return self.default(token) if self.default else Kind(id=token.rpartition(":")[2].lower() + "-{hex}")
