"""What every section of the configuration shares: camelCase keys as in Pulumi's own configuration, and the checks that several need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Network, ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from domicile.config.amounts import AmountError, parse_duration, parse_size
from domicile.config.faults import ConfigRefusedError, Objection, refuse
from domicile_host.settings import Settings

_CERTIFICATE_FILE_LIMIT_BYTES = 4 << 20


def key(name: str) -> str:
    """A field's key in the YAML: `polls_per_minute` is `pollsPerMinute`, `memory_bytes` is `memory`: units stand with values."""
    return to_camel(name.removesuffix("_bytes").removesuffix("_seconds"))


class Section(Settings):
    """A frozen part of the configuration. Written by its keys (`by_name=False` in `load`), built in Python by its names."""

    model_config = ConfigDict(alias_generator=key, validate_by_name=True, validate_by_alias=True)


def amount(parse: Callable[[str], float], value: object) -> object:
    """A text by its parser, anything else as it is; for a field's validator."""
    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except AmountError as error:
        fix = f"write `{error.suggestion}`" if error.suggestion else f"write for example `{'8h' if parse is parse_duration else '1GiB'}`"
        raise ConfigRefusedError(Objection((), error.allowed, fix)) from None


def size(value: object) -> object:
    return amount(parse_size, value)


def duration(value: object) -> object:
    return amount(parse_duration, value)


Duration = Annotated[float, BeforeValidator(duration)]
"""Seconds, written as `90s` or `1h30m`."""

Size = Annotated[int, BeforeValidator(size)]
"""Bytes, written as `1GiB`."""


def whole_network(value: object, example: str = "10.64.0.0/16") -> object:
    """A field's validator: `10.1.2.3/16` is refused with the network that was meant."""
    try:
        meant = IPv4Network(value, strict=False) if isinstance(value, str) and "/" in value else None
    except ValueError:
        meant = None
    if meant is None:
        raise ConfigRefusedError(Objection((), "an IPv4 network with its prefix length", f"write for example `{example}`"))
    if str(meant) != value:
        raise ConfigRefusedError(Objection((), "an IPv4 network by its first address and prefix length", f"write `{meant}`"))
    return value


WholeNetwork = Annotated[IPv4Network, BeforeValidator(whole_network)]


def certificate_file(path: Path | None) -> Path | None:
    """A field's validator: an absolute path of a file that holds a certificate."""
    if path is None:
        return None
    allowed = "the absolute path of a readable PEM file with at least one certificate"
    if not path.is_absolute():
        raise ConfigRefusedError(Objection((), allowed, "write the whole path, from `/` on"))
    try:
        if not path.is_file():
            raise ConfigRefusedError(Objection((), allowed, "put the file there, or correct the path"))
        with path.open("rb") as file:
            content = file.read(_CERTIFICATE_FILE_LIMIT_BYTES)
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigRefusedError):
            raise
        raise ConfigRefusedError(Objection((), allowed, f"make the file readable: {error}")) from None
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ConfigRefusedError(Objection((), allowed, "give the CA's certificate in PEM form (`-----BEGIN CERTIFICATE-----`)"))
    return path


CertificateFile = Annotated[Path | None, AfterValidator(certificate_file)]


def endpoint_url(url: str, added: str = "") -> str:
    """A field's validator: a base URL, https, or http to this machine's loopback. `added` is the path that the product adds itself."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigRefusedError(Objection((), _URL_FORM, f"correct the URL: {error}")) from None
    refuse(_url_objections(url, parts, port, added))
    return url


_URL_FORM = "a base URL, as in https://collector.example.com; http only to loopback"


def _url_objections(url: str, parts: SplitResult, port: int | None, added: str) -> Iterator[Objection]:
    """At most one: the first that holds."""
    host = parts.hostname or ""
    if not re.fullmatch(r"[!-~]+", url) or parts.scheme not in ("https", "http") or not _is_host(host) or port == 0:
        yield Objection((), _URL_FORM, "write scheme and host, as in https://collector.example.com")
    elif parts.username is not None or parts.password is not None:
        yield Objection((), "a URL without user name and password", "take them out; credentials belong in the secrets manager")
    elif parts.query or parts.fragment or "?" in url or "#" in url:
        yield Objection((), "a URL without query and fragment", f"write `{parts.scheme}://{parts.netloc}{parts.path}`")
    elif parts.scheme == "http" and not is_loopback(host):
        yield Objection((), "https; http only to loopback (127.0.0.0/8, ::1, localhost)", f"write `https://{parts.netloc}{parts.path}`")
    elif url.endswith("/"):
        yield Objection((), "a URL without a trailing slash", f"write `{url.rstrip('/')}`")
    elif added and url.endswith(added):
        yield Objection((), f"the base URL: `{added}` is added to it", f"write `{url.removesuffix(added)}`")


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this machine itself, by its form alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return bool(re.fullmatch(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?", host)) and len(host) <= 253
    return True


def repeated(values: Sequence[object]) -> Iterator[tuple[int, int]]:
    """The places of values that stand there before: (again, first)."""
    first: dict[object, int] = {}
    for place, value in enumerate(values):
        if value in first:
            yield place, first[value]
        else:
            first[value] = place
