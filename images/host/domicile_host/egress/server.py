"""The dispatcher's word to Envoy: which sessions there are, what they may reach, and with which certificates and credentials.

The dispatcher starts one `PolicyServer` and calls `admit` before a sandbox's worker starts and `withdraw` when its session ends. It runs in
the dispatcher's process, reads nothing that a sandbox wrote, and needs CAP_NET_ADMIN in the services' network namespace.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address

import grpc.aio
from envoy.config.core.v3 import extension_pb2  # type: ignore[import-untyped]
from envoy.config.rbac.v3 import rbac_pb2 as rbac_action  # type: ignore[import-untyped]
from envoy.extensions.filters.http.rbac.v3 import rbac_pb2  # type: ignore[import-untyped]
from envoy.extensions.matching.common_inputs.network.v3 import network_inputs_pb2  # type: ignore[import-untyped]
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2  # type: ignore[import-untyped]
from envoy.service.discovery.v3 import ads_pb2_grpc  # type: ignore[import-untyped]
from envoy.type.matcher.v3 import http_inputs_pb2  # type: ignore[import-untyped]
from google.protobuf import json_format
from xds.type.matcher.v3 import matcher_pb2  # type: ignore[import-untyped]

from domicile_host.egress import names, tunnels
from domicile_host.egress.authority import Authority, AuthorityPem, Leaf
from domicile_host.egress.discovery import EXTENSIONS, SECRETS, Discovery, RefusedError
from domicile_host.egress.envoy import SOURCE, Json
from domicile_host.egress.policy import connect_rules, request_rules
from domicile_host.settings import HostSettings

CONFIRM_SECONDS = 5.0

_SESSION = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SPOKEN = (rbac_action, network_inputs_pb2, http_inputs_pb2)
"""Types named inside policies; imported so that the JSON form of a policy can be read."""


class PolicyRefused(Exception):
    """A session's part of the policy can't be in force; it isn't, and what was in force before stays. The message has the reason."""


class PolicyUnconfirmed(Exception):
    """Envoy didn't acknowledge in time: it is away or overloaded. An admission was taken back; a withdrawal stands."""


class PolicyServer:
    """Serves Envoy's policy on the ADS socket of `settings`.

    `authority_pem` is the CA for inspected hosts; `credentials` are the values of injected credentials by name. A request that needs a
    credential without a value is refused by Envoy. Raises `AuthorityError`.
    """

    def __init__(
        self,
        settings: HostSettings,
        authority_pem: AuthorityPem,
        credentials: Mapping[str, str],
        *,
        confirm_seconds: float = CONFIRM_SECONDS,
    ) -> None:
        self._socket = settings.places.ads
        self._policy = settings.egress
        self._authority = Authority(AuthorityPem(*authority_pem))
        self._confirm_seconds = confirm_seconds
        self._discovery = Discovery()
        self._sessions: dict[str, str] = {}
        self._table = _SessionTable()
        self._put_policy()
        self._put_credentials(credentials)
        self._leaves = {rule.host: self._put_leaf(rule.host) for rule in self._policy.rules if rule.mode == "inspect"}
        self._server: grpc.aio.Server | None = None
        self._renewal: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Envoy is on the line."""
        return self._discovery.connected

    async def start(self, admitted: Mapping[str, str]) -> None:
        """Serves from now on, with `admitted` (source address to session) in the first policy. Doesn't wait for Envoy.

        Raises `PolicyRefused` for an address or session that can't be admitted, `OSError` if the socket can't be opened.
        """
        for source, session_id in admitted.items():
            self._accept(source, session_id)
        self._put_sessions()
        self._socket.unlink(missing_ok=True)
        self._server = grpc.aio.server()
        ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(self._discovery, self._server)
        try:
            self._server.add_insecure_port(f"unix:{self._socket}")
        except RuntimeError as error:
            raise OSError(f"can't listen on {self._socket}: {error}") from error
        await self._server.start()
        self._restrict_socket()
        self._renewal = asyncio.create_task(self._renew_leaves())

    async def stop(self) -> None:
        """Stops serving. Envoy keeps the last policy until somebody serves another."""
        if self._renewal:
            self._renewal.cancel()
        if self._server:
            await self._server.stop(None)

    async def admit(self, source: str, session_id: str) -> None:
        """Lets `session_id` out from `source`; returns when Envoy has it in force.

        Raises `PolicyRefused` or `PolicyUnconfirmed`; then the session isn't admitted.
        """
        added = self._accept(source, session_id)
        try:
            await self._confirm(EXTENSIONS, names.SESSIONS, self._put_sessions())
        except BaseException:
            if added and self._sessions.get(source) == session_id:
                self._forget(source)
                self._put_sessions()
            raise

    async def withdraw(self, source: str) -> None:
        """Refuses everything from `source`; returns when Envoy has that in force and its live connections are cut.

        Raises `PolicyUnconfirmed` (connections are cut all the same) or `TunnelsAliveError`.
        """
        self._forget(source)
        try:
            await self._confirm(EXTENSIONS, names.SESSIONS, self._put_sessions())
        finally:
            await asyncio.to_thread(tunnels.cut, source)

    async def replace_credentials(self, credentials: Mapping[str, str]) -> None:
        """Injects these values from now on; returns when Envoy has them. Raises as `admit` does."""
        for name, version in self._put_credentials(credentials).items():
            await self._confirm(SECRETS, name, version)

    # --- sessions ----------------------------------------------------------------------------------------------------------

    def _accept(self, source: str, session_id: str) -> bool:
        try:
            IPv4Address(source)
        except AddressValueError as error:
            raise PolicyRefused(f"{source!r} isn't an IPv4 address") from error
        if not _SESSION.fullmatch(session_id):
            raise PolicyRefused(f"{session_id!r} isn't a session's id: letters, digits, `_` and `-`, at most 128")
        holder = self._sessions.get(source)
        if holder not in (None, session_id):
            raise PolicyRefused(f"{source} is session {holder}'s: withdraw that first")
        self._sessions[source] = session_id
        self._table.add(source, session_id)
        return holder is None

    def _forget(self, source: str) -> None:
        if self._sessions.pop(source, None):
            self._table.remove(source)

    def _put_sessions(self) -> int:
        return self._discovery.put(EXTENSIONS, names.SESSIONS, self._table.resource())

    async def _confirm(self, kind: str, name: str, version: int) -> None:
        try:
            async with asyncio.timeout(self._confirm_seconds):
                await self._discovery.confirmed(kind, name, version)
        except RefusedError as error:
            raise PolicyRefused(f"Envoy refused the policy: {error}") from error
        except TimeoutError as error:
            state = "is connected but silent" if self.connected else "isn't connected"
            raise PolicyUnconfirmed(f"no acknowledgement within {self._confirm_seconds:g} s: Envoy {state}") from error

    # --- what all sessions share -------------------------------------------------------------------------------------------

    def _put_policy(self) -> None:
        for name, rules in ((names.CONNECTS, connect_rules(self._policy)), (names.REQUESTS, request_rules(self._policy))):
            self._discovery.put(EXTENSIONS, name, _extension(name, rules))

    def _put_credentials(self, credentials: Mapping[str, str]) -> dict[str, int]:
        wanted = {rule.credential.name for rule in self._policy.rules if rule.credential}
        versions = {}
        for given in sorted(wanted & credentials.keys()):
            secret = secret_pb2.Secret(name=names.credential(given))
            secret.generic_secret.secret.inline_string = credentials[given]
            versions[secret.name] = self._discovery.put(SECRETS, secret.name, secret)
        return versions

    def _put_leaf(self, host: str) -> Leaf:
        leaf = self._authority.leaf(host)
        secret = secret_pb2.Secret(name=names.leaf(host))
        secret.tls_certificate.certificate_chain.inline_bytes = leaf.certificate
        secret.tls_certificate.private_key.inline_bytes = leaf.key
        self._discovery.put(SECRETS, names.leaf(host), secret)
        return leaf

    async def _renew_leaves(self) -> None:
        while self._leaves:
            host, leaf = min(self._leaves.items(), key=lambda item: item[1].renew_at)
            await asyncio.sleep((leaf.renew_at - datetime.now(UTC)).total_seconds())
            self._leaves[host] = self._put_leaf(host)

    def _restrict_socket(self) -> None:
        """Owner and group only; the group is the folder's, which provisioning set to Envoy's."""
        self._socket.chmod(0o660)
        group = self._socket.parent.stat().st_gid
        if self._socket.stat().st_gid != group:
            os.chown(self._socket, -1, group)


class _SessionTable:
    """The RBAC resource `sessions`, kept built: an admission changes one entry of it."""

    def __init__(self) -> None:
        unknown = _verdict(names.UNKNOWN_SESSION, allow=False)
        self._none = rbac_pb2.RBAC(matcher=matcher_pb2.Matcher(on_no_match=unknown))
        self._some = rbac_pb2.RBAC(matcher=matcher_pb2.Matcher(on_no_match=unknown))
        source = self._some.matcher.matcher_tree.input
        source.name = SOURCE
        source.typed_config.Pack(network_inputs_pb2.FilterStateInput(key=SOURCE))

    def add(self, source: str, session_id: str) -> None:
        self._map()[source].CopyFrom(_verdict(session_id, allow=True))

    def remove(self, source: str) -> None:
        del self._map()[source]

    def resource(self) -> extension_pb2.TypedExtensionConfig:
        rules = self._some if self._map() else self._none
        resource = extension_pb2.TypedExtensionConfig(name=names.SESSIONS)
        resource.typed_config.Pack(rules)
        return resource

    def _map(self) -> dict[str, matcher_pb2.Matcher.OnMatch]:
        entries: dict[str, matcher_pb2.Matcher.OnMatch] = self._some.matcher.matcher_tree.exact_match_map.map
        return entries


def _verdict(rule: str, *, allow: bool) -> matcher_pb2.Matcher.OnMatch:
    outcome = matcher_pb2.Matcher.OnMatch()
    outcome.action.name = "envoy.filters.rbac.action"
    effect = rbac_action.RBAC.ALLOW if allow else rbac_action.RBAC.DENY
    outcome.action.typed_config.Pack(rbac_action.Action(name=rule, action=effect))
    return outcome


def _extension(name: str, rules: Json) -> extension_pb2.TypedExtensionConfig:
    return json_format.ParseDict({"name": name, "typed_config": rules}, extension_pb2.TypedExtensionConfig())
