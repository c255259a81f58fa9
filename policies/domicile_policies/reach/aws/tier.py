"""The machines behind the door: stock Envoy with the environment's policy once more, and the only route out.

They are known by what is in them, not by name: a proxy's bootstrap in their configuration. A machine behind a balancer that has none,
or whose inside can't be seen, passes on whatever its own network lets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from domicile_policies.reach.aws.machines import BALANCERS, Interface
from domicile_policies.reach.aws.security_groups import Door
from domicile_policies.reach.aws.walk import Hops, Walk
from domicile_policies.reach.declared import Declared
from domicile_policies.reach.inside.envoy import Authority, Proxy, proxy
from domicile_policies.reach.inside.ignition import Inside, inside
from domicile_policies.reach.proof import Way, hop
from domicile_policies.reach.traffic import EVERYWHERE, within
from domicile_policies.resource import Resource

BOOTSTRAP = "/envoy.json"
PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10")))


class Tier:
    """Judges one kind of machine behind the door."""

    def __init__(self, walk: Walk, machine: Interface, hops: Hops) -> None:
        self._walk, self._machine, self._hops = walk, machine, hops
        self._proof, self._declared = walk.proof, walk.declared

    def judge(self) -> None:
        found = inside(self._walk.stack, self._machine.at)
        name = next((path for path in found.files if path.endswith(BOOTSTRAP)), "")
        if not name:
            because = "what this machine passes on can't be seen" + (f": {found.why}" if found.why else "")
            self._proof.find("undecided", because, self._hops, "wherever it reaches", found.source, "content")
            return
        if not found.pinned:
            self._proof.assume(
                f"machines of {self._machine.at.name} take the configuration that this preview shows", "its hash in user data"
            )
        self._policy(found, name, proxy(found.json(name)))
        self._network()

    def _policy(self, found: Inside, name: str, envoy: Proxy) -> None:
        path = f"content {name}"
        if envoy.unguarded:
            self._proof.find("open", f"the second door is open: {envoy.unguarded}", self._hops, "any host", found.source, path)
        for authority in envoy.authorities:
            self._authority(found, path, authority)
        for host, port in envoy.dials:
            self._proof.find("open", "the second door dials a place of its own", self._hops, f"{host}:{port}", found.source, path)
        missing = [each for each in PRIVATE if not any(within(each, refused) for refused in envoy.refused)]
        if envoy.forwards and missing:
            to = f"private addresses: {', '.join(map(str, missing))}"
            self._proof.find("one-lock", "the second door doesn't refuse private addresses", self._hops, to, found.source, path)

    def _authority(self, found: Inside, path: str, authority: Authority) -> None:
        port = authority.port or 0
        way = (*self._hops, hop(found.source, f"policy {authority.policy} of port {authority.door}"), *self._out())
        to = f"internet: {authority.host}:{port or 'any port'}"
        declared = self._walk.doors.get(authority.door, Declared()) if self._walk.doors else self._declared
        if port and declared.allows(authority.host, port, machines=True):
            whose = "" if declared.allows(authority.host, port) else "for the hosts' own services; no sandbox's rule has it"
            self._proof.allow(Way(to, way, whose))
        else:
            self._proof.find("open", "the second door's policy allows what isn't declared", way, to, found.source, path)

    def _out(self) -> Hops:
        """The way on, as its first subnet has it."""
        for subnet, table in self._walk.tables(self._machine):
            for route in table.toward(EVERYWHERE[0]):
                return (hop(subnet), hop(route.at, route.by))
        return ()

    def _network(self) -> None:
        """Beside the proxy its groups hold it to ports, and to endpoints that are closed."""
        ports = {port for _, port in self._declared.hosts | self._declared.beside}
        for group in self._machine.groups.resources:
            for door in self._walk.groups.doors(group, "egress"):
                way = (*self._hops, hop(group, f"egress rule {door.rule.name}: {door.by}"))
                if door.network is None:
                    self._walk.through(self._machine, door, way)
                elif not self._holds(door, ports):
                    because = "the second door's group lets out more than declared ports: its policy alone stands before"
                    self._proof.find("one-lock", because, (*way, *self._out()), f"{door.network}, {door.ports}", door.rule, door.path)
        if self._machine.public:
            self._proof.find(
                "entrance", "the second door has a public address", self._hops, "internet", self._machine.at, self._machine.path
            )

    def _holds(self, door: Door, ports: set[int]) -> bool:
        return door.ports.protocol == "tcp" and set(range(door.ports.first, door.ports.last + 1)) <= ports


def entrances(walk: Walk, origins: Iterable[Interface]) -> None:
    """Who else could come in by the door, and so go out by it."""
    held = {id(group) for each in origins for group in each.groups.resources}
    for balancer in walk.machines.of(*walk.stack.of(*BALANCERS)):
        behind = [machine for _, _, machine in walk.behind(balancer.at) if machine and (machine in walk.reached or _is_tier(walk, machine))]
        if not behind:
            continue
        for rule, path, who in _others(walk, balancer, held):
            walk.proof.find("entrance", f"{who} can use the way out", (hop(rule, who), hop(balancer.at)), "the declared hosts", rule, path)
        if balancer.public:
            walk.proof.find("entrance", "the door isn't internal", (hop(balancer.at),), "the declared hosts", balancer.at, "internal")
        for machine in behind:
            for rule, path, who in _others(walk, machine, {id(group) for group in balancer.groups.resources}):
                way = (hop(rule, who), hop(machine.at))
                walk.proof.find("entrance", f"{who} can use the way out, past its balancer", way, "the declared hosts", rule, path)


def _is_tier(walk: Walk, machine: Interface) -> bool:
    return any(path.endswith(BOOTSTRAP) for path in inside(walk.stack, machine.at).files)


def _others(walk: Walk, there: Interface, held: set[int]) -> Iterator[tuple[Resource, str, str]]:
    if not there.filtered:
        yield there.at, "securityGroups", "whoever reaches its address"
    for group in there.groups.resources:
        for door in walk.groups.doors(group, "ingress"):
            if door.group is None or id(door.group) not in held:
                yield door.rule, door.path, f"{door.peer} ({door.ports})"
