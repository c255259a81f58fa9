"""Where the work queue and the sessions are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from domicile.config.faults import ConfigRefusedError, Objection
from domicile.config.section import CertificateFile, Section, endpoint_url
from domicile_host import settings

STAND_IN_ADDRESS = "203.0.113.10"
"""The stand-in's address in the namespace that stands for the internet (TEST-NET-3, RFC 5737)."""

STAND_IN_RESOLVER = "203.0.113.53"
"""The DNS server of that namespace."""

LATER_KIND = "claude-platform-aws"
"""Workers there sign with IAM, and no environment key works (platform.claude.com: Claude Platform on AWS, 2026-08)."""

FIXED_URLS = {"stand-in": f"https://{STAND_IN_ADDRESS}", "anthropic": "https://api.anthropic.com"}


class ControlPlane(Section, settings.ControlPlane):
    """Anthropic's API, another endpoint with the same API, or the stand-in on this machine for trying and testing."""

    kind: Literal["stand-in", "anthropic", "url"] = Field(description="which control plane", examples=["stand-in", "anthropic", "url"])
    url: str = Field("", description="base URL, without a trailing slash: with `kind: url` only", examples=["https://cma.example.com"])
    ca_file: CertificateFile = Field(
        None, description="CA certificates that the endpoint's certificate must lead to; unset: the system's, or the stand-in's own"
    )

    @model_validator(mode="before")
    @classmethod
    def _with_fixed_url(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("kind") == LATER_KIND:
            allowed = f"stand-in, anthropic or url: {LATER_KIND} (IAM in place of the environment key) is not in this version"
            raise ConfigRefusedError(Objection(("kind",), allowed, "set `kind: anthropic`"))
        if isinstance(given, dict) and "url" not in given and isinstance(given.get("kind"), str) and given["kind"] in FIXED_URLS:
            return {**given, "url": FIXED_URLS[given["kind"]]}
        return given

    @model_validator(mode="after")
    def _url_by_kind(self) -> ControlPlane:
        fixed = FIXED_URLS.get(self.kind)
        if fixed is not None and self.url != fixed:
            raise ConfigRefusedError(Objection(("url",), f"no `url` with `kind: {self.kind}`", "remove `url`, or set `kind: url`"))
        if self.kind == "stand-in" and self.ca_file is not None:
            raise ConfigRefusedError(Objection(("caFile",), "no `caFile` with `kind: stand-in`: it has a CA of its own", "remove `caFile`"))
        if fixed is None:
            self._check_url()
        return self

    def _check_url(self) -> None:
        if not self.url:
            raise ConfigRefusedError(Objection(("url",), "required with `kind: url`", "set for example `url: https://cma.example.com`"))
        try:
            endpoint_url(self.url)
        except ConfigRefusedError as refusal:
            raise ConfigRefusedError(*(Objection(("url", *found.at), found.allowed, found.fix) for found in refusal.objections)) from None
