"""The egress policy: the allowlist of one environment. What it doesn't name is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from domicile.config.faults import ConfigRefusedError, Objection, closest, refuse
from domicile.config.section import CertificateFile, Section, repeated
from domicile_host import settings

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()+,;=:@/-]*")
_ROUTING_HEADERS = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    )
)
"""Headers that say where a message goes or ends (RFC 9110 §7.6, RFC 9112 §6): a credential in one of them changes the request itself."""


def canonical_host(value: object) -> object:
    """A rule's host validator: says what is wrong with a name before its pattern refuses it without a word."""
    if isinstance(value, str):
        refuse(_host_objections(value))
    return value


def _host_objections(host: str) -> Iterator[Objection]:
    """At most one: the first that holds."""
    bare = re.sub(r"^[a-z][a-z0-9+.-]*://", "", host, flags=re.IGNORECASE).split("/")[0].rsplit("@", 1)[-1]
    name, _, port = bare.partition(":")
    canonical = name.rstrip(".").lower()
    if _is_address(host):
        yield Objection((), "a host name: an address says nothing about who answers", "write the name that the certificate bears")
    elif host in ("", "*", "*."):
        yield Objection((), "a host name: a policy that allows every host is none", "name each host, as in `packages.example.com`")
    elif "://" in host or "/" in host or "@" in host:
        yield Objection((), "a host name alone, without scheme, user or path", f"write `{canonical}`")
    elif port:
        yield Objection((), "a host name alone; the port is a key of its own", f"write `host: {canonical}` and `port: {port}`")
    elif not host.isascii():
        yield Objection((), "a host name in ASCII (IDNA)", f"write `{_punycode(host)}`")
    elif "*" in host.removeprefix("*."):
        yield Objection((), "`*` for whole labels at the front only, as in `*.example.com`", "name the hosts, or allow the whole domain")
    elif host != canonical:
        yield Objection((), "a host name in lower case, without a trailing dot", f"write `{canonical}`")
    elif len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.removeprefix("*.").split(".")):
        yield Objection((), "letters, digits and hyphens in labels of at most 63, 253 in all", "write the name as DNS has it")
    elif host.removeprefix("*.").count(".") < 1:
        yield Objection(
            (), "a whole name, with a domain", "write the full name, as in `packages.example.com`; a wildcard covers one domain at most"
        )


def _is_address(host: str) -> bool:
    """An address in any form that a resolver would take for one: `10.0.0.1`, `[::1]`, `0x7f.1`, `2130706433`."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return bool(re.fullmatch(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+))*\.?", host, re.IGNORECASE))
    return True


def _punycode(host: str) -> str:
    try:
        return host.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return "packages.example.com"


class HttpRule(Section, settings.HttpRule):
    """Methods and paths allowed at an inspected host."""

    @model_validator(mode="after")
    def _canonical(self) -> HttpRule:
        refuse([*self._method_objections(), *self._path_objections()])
        return self

    def _method_objections(self) -> Iterator[Objection]:
        for place, method in enumerate(self.methods):
            if method not in METHODS:
                meant = closest(method, METHODS)
                yield Objection(("methods", place), "one of " + ", ".join(METHODS), f"write `{meant}`" if meant else "name each method")
        for again, first in repeated(self.methods):
            yield Objection(("methods", again), "each method once", f"remove it: methods[{first}] says the same")

    def _path_objections(self) -> Iterator[Objection]:
        for place, path in enumerate(self.paths):
            allowed = "a path from `/` on, in plain characters, exact, or a prefix that ends in `/`"
            if path.endswith("*"):
                yield Objection(
                    ("paths", place), allowed, f"write `{path.rstrip('*').rstrip('/')}/`: a path that ends in `/` allows all below"
                )
            elif not _PATH.fullmatch(path) or "//" in path or {".", ".."} & set(path.split("/")):
                yield Objection(("paths", place), allowed, "write it as the server sees it: without query, escapes, `//` and dot segments")
        for again, first in repeated(self.paths):
            yield Objection(("paths", again), "each path once", f"remove it: paths[{first}] says the same")


class Credential(Section, settings.Credential):
    """A credential that the proxy adds. `domicile key --credential NAME` puts its value into the secrets manager, never this file."""

    name: settings.Name = Field(description="the secret below `credentials` in the secrets manager", examples=["demo-api"])

    @model_validator(mode="after")
    def _only_a_header(self) -> Credential:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        if self.header in _ROUTING_HEADERS or self.header.startswith(("x-domicile-", "x-envoy-", "x-forwarded-")):
            yield Objection(
                ("header",), "a header that says who asks, not where the request goes", "write `authorization` or the API's own header"
            )
        if not re.fullmatch(r"([A-Za-z-]{1,20}[ =:]?)?", self.prefix):
            allowed = "a scheme's name and a space, as in `Bearer `, or nothing: the value itself comes from the secrets manager"
            yield Objection(("prefix",), allowed, 'write `prefix: "Bearer "`, and put the value in with `domicile key --credential`')


class EgressRule(Section, settings.EgressRule):
    """One allowed host. `tunnel` leaves TLS end to end; `inspect` opens it and holds each request to `http`."""

    host: Annotated[settings.Hostname, BeforeValidator(canonical_host)] = Field(
        description="a host name, or in a tunnel `*.` and a domain", examples=["packages.example.com"]
    )
    http: tuple[HttpRule, ...] = Field((), description="with `mode: inspect`: what a request may be")
    credential: Credential | None = Field(None, description="with `mode: inspect`: what the proxy adds to each request")

    @model_validator(mode="after")
    def _by_mode(self) -> EgressRule:
        refuse(self._inspect_objections() if self.mode == "inspect" else self._tunnel_objections())
        return self

    def _inspect_objections(self) -> Iterator[Objection]:
        if self.host.startswith("*."):
            yield Objection(("host",), "one whole host name with `mode: inspect`", "write a rule for each host, or set `mode: tunnel`")
        if not self.http:
            yield Objection(
                ("http",), "at least one entry with `mode: inspect`", "write for example `http: [{methods: [GET], paths: [/v1/]}]`"
            )

    def _tunnel_objections(self) -> Iterator[Objection]:
        for name, given in (("http", self.http), ("credential", self.credential)):
            if given:
                yield Objection((name,), "only with `mode: inspect`: a tunnel isn't opened", f"set `mode: inspect`, or remove `{name}`")

    def covers(self, host: str) -> bool:
        """Whether this rule allows `host`, on whichever port."""
        return host == self.host or (self.host.startswith("*.") and host.endswith(self.host[1:]))


class Egress(Section, settings.EgressPolicy):
    """The allowlist, and the DNS servers that the proxy asks."""

    rules: tuple[EgressRule, ...] = Field((), description="what is allowed")
    resolvers: tuple[IPv4Address, ...] = Field(
        (), max_length=8, description="DNS servers that the proxy asks; none: the machine's, or the stand-in's"
    )
    upstream_ca_file: CertificateFile = Field(None, description="CA certificates for inspected hosts; unset: the system's")

    @field_validator("how_to_ask")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not 1 <= len(value) <= 300 or not value.isprintable():
            raise ConfigRefusedError(
                Objection((), "one line of 1 to 300 printable characters: it ends each refusal", "write whom to ask, and where")
            )
        return value

    @model_validator(mode="after")
    def _each_once(self) -> Egress:
        refuse([*self._repeated_rules(), *self._resolver_objections()])
        return self

    def _repeated_rules(self) -> Iterator[Objection]:
        for again, first in repeated([(rule.host, rule.port) for rule in self.rules]):
            yield Objection(("rules", again, "host"), "each host and port once", f"merge it into rules[{first}]")

    def _resolver_objections(self) -> Iterator[Objection]:
        for place, address in enumerate(self.resolvers):
            if address.is_loopback or address.is_multicast or address.is_unspecified or address.is_reserved or address.is_link_local:
                allowed = "a server's address that the proxy can reach from its own network namespace"
                yield Objection(("resolvers", place), allowed, "name your network's DNS server; loopback ends at the proxy itself")
        for again, first in repeated(self.resolvers):
            yield Objection(("resolvers", again), "each server once", f"remove it: resolvers[{first}] is the same")
