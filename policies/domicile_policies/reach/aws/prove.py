"""The proof of a VPC: worker hosts from the inside, then their network, the door, its machines, names, metadata, functions."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from domicile_policies.reach.aws.adrift import adrift, unlaunched
from domicile_policies.reach.aws.machines import FUNCTION, INSTANCE, SCALING_GROUP, TEMPLATE, Interface, hop_limit
from domicile_policies.reach.aws.names import Names
from domicile_policies.reach.aws.tier import Tier, entrances
from domicile_policies.reach.aws.walk import Hops, Walk
from domicile_policies.reach.declared import Declared
from domicile_policies.reach.inside.host import PROXY, SANDBOX, Door, Host, Judge, Text
from domicile_policies.reach.inside.ignition import inside
from domicile_policies.reach.proof import Hop, Proof, Way, hop
from domicile_policies.reach.relations import Relations
from domicile_policies.resource import Resource, Stack

WORKERS = "domicile:aws:WorkerHosts"
_FILES = {"settings": "/settings.json", "bootstrap": "/bootstrap.json", "services": "/services.nft", "machine": "/machine.nft"}
COPIES = {
    "aws:ec2/trafficMirrorSession:TrafficMirrorSession": "traffic mirroring copies what passes an interface to somewhere else",
    "aws:vpclattice/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation": "VPC Lattice leads past groups and routes to its services",
    "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment": "a group is added to an interface by its id",
    "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment": "an interface is added to a machine by its id",
    "aws:ec2/vpcEndpointSecurityGroupAssociation:VpcEndpointSecurityGroupAssociation": "a group is added to an endpoint by its id",
    "aws:ec2clientvpn/endpoint:Endpoint": "a client VPN joins other networks to the VPC",
    "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation": "DHCP options may name resolvers that no DNS firewall guards",
}
"""What this model doesn't follow, and why it may be a way."""


def prove(stack: Stack, relations: Relations, declared: Declared, proof: Proof) -> bool:
    """Whether there was anything on AWS that runs sandboxes, or functions beside them; what was found is in `proof`."""
    walk = Walk(stack, relations, declared, proof)
    wanted = _wanted(stack, declared)
    workers = walk.machines.of(*wanted)
    unlaunched([each for each in wanted if each.is_a(SCALING_GROUP)], walk.machines, proof)
    if not wanted:
        return False
    adrift(stack, relations, declared, proof)
    for worker in workers:
        _host(walk, worker)
    functions = list(_functions(stack, walk))
    for machine, hops in list(walk.reached.items()):
        Tier(walk, machine, hops).judge()
    entrances(walk, [*workers, *functions])
    _names(walk, relations, workers)
    _unfollowed(stack, proof)
    proof.assume("AWS keeps to what its guides say", "docs/EGRESS_PROOF.md names each, and the test that holds this model to it")
    return True


def _wanted(stack: Stack, declared: Declared) -> list[Resource]:
    """The groups, templates and instances that run sandboxes."""
    machines = stack.of(SCALING_GROUP, INSTANCE, TEMPLATE)
    if declared.sandboxes:
        return [r for r in machines if any(fnmatchcase(name, p) for p in declared.sandboxes for name in (r.name, r.urn))]
    below = {id(r) for component in stack.of(WORKERS) for r in stack.under(component)}
    return [r for r in machines if id(r) in below]


def _host(walk: Walk, worker: Interface) -> None:
    """One kind of worker host."""
    door = _inside(walk, worker)
    limit, answers = hop_limit(worker.at)
    if answers and limit != 1:
        how = "metadata answers over more than one hop, or without a token" if limit else "how far metadata answers isn't said"
        way = (SANDBOX, hop(worker.at, f"metadataOptions: hop limit {limit or 'unknown'}"), Hop("instance metadata", "169.254.169.254"))
        walk.proof.find("one-lock", how, way, "the machine's role and its credentials", worker.at, "metadataOptions")
    through = f"it dials {door.host}:{door.port} alone" if door else "where it dials isn't known"
    walk.start(worker, (SANDBOX, Hop(PROXY, through, worker.at)))


def _inside(walk: Walk, worker: Interface) -> Door | None:
    found = inside(walk.stack, worker.at)
    texts: dict[str, Text] = {}
    for name, ending in _FILES.items():
        path = next((each for each in found.files if each.endswith(ending)), "")
        if path:
            content = found.json(path) if path.endswith(".json") else found.files[path]
            texts[name] = Text(content, found.source, f"content {path}")
    if texts.keys() != _FILES.keys():
        because = "what a sandbox reaches on its host can't be seen" + (f": {found.why}" if found.why else "")
        walk.proof.find("undecided", because, (SANDBOX, hop(worker.at, "user data")), "whatever its host reaches", found.source, "content")
        return None
    host = Host(texts["settings"], texts["bootstrap"], texts["services"], texts["machine"])
    own = walk.declared.of(worker.at)
    door = Judge(host, own, walk.proof).judge()
    if door is not None:
        walk.doors[door.port] = own
    if door is None:
        way = (SANDBOX, Hop(PROXY, "no second door in its settings", found.source))
        walk.proof.find("one-lock", "the host's proxy has a way out of its own", way, "internet", found.source, texts["settings"].path)
    walk.proof.assume(
        "a sandbox has its one link, and no other interface, address or resolver: the host's programs make it so",
        "the host image's digest and signature; the hash of this configuration in the launch template"
        + ("" if found.pinned else ", once made"),
    )
    return door


def _functions(stack: Stack, walk: Walk) -> Iterator[Interface]:
    """Functions run beside the sandboxes, with roles of their own: what one reaches, who has it called reaches."""
    for function in stack.of(FUNCTION):
        interfaces = walk.machines.of(function)
        if not interfaces:
            because = "a function outside the VPC reaches the internet, and carries there what it is called with"
            walk.proof.find("open", because, (hop(function, "no vpcConfig"),), "internet", function, "vpcConfig")
        for interface in interfaces:
            walk.start(interface, (Hop("function", function.name, function),))
            yield interface


def _names(walk: Walk, relations: Relations, workers: list[Interface]) -> None:
    names = Names(walk.stack, relations, walk.declared)
    vpcs = {id(vpc): (vpc, worker) for worker in workers for vpc in walk.vpcs(worker)}
    for vpc, worker in vpcs.values():
        before: Hops = (SANDBOX, Hop("worker host", "its resolver", worker.at), Hop("the VPC's resolver", "passes every group", vpc))
        for leak in names.leaks(vpc):
            way = (*before, hop(leak.resource, leak.because))
            walk.proof.find("undecided" if leak.undecided else "open", leak.because, way, f"DNS: {leak.name}", leak.resource, leak.path)
        for name, each in names.resolved(vpc):
            walk.proof.allow(Way(f"DNS: {name}", (*before, hop(each)), "for the host itself; a sandbox has no resolver"))


def _unfollowed(stack: Stack, proof: Proof) -> None:
    for kind, because in COPIES.items():
        for found in stack.of(kind):
            proof.find("undecided", because, (hop(found),), "what it leads to", found)
