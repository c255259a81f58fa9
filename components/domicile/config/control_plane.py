"""Where the work queue and the sessions are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from domicile.config.aws.identifiers import RegionName
from domicile.config.faults import ConfigRefusedError, Objection, refuse
from domicile.config.section import CertificateFile, Section, endpoint_url
from domicile.residency import AWS_URL, FIXED_URLS
from domicile_host import settings

STAND_IN_RESOLVER = "203.0.113.53"
"""The DNS server of that namespace."""


class ControlPlane(Section, settings.ControlPlane):
    """Anthropic's API, Claude Platform on AWS, another endpoint with the same API, or the stand-in on this machine for trying."""

    kind: Literal["stand-in", "anthropic", "aws", "url"] = Field(
        description="which control plane; `aws`: Claude Platform on AWS", examples=["stand-in", "anthropic", "aws", "url"]
    )
    region: RegionName | None = Field(None, description="with `kind: aws`: the workspace's region", examples=["ap-northeast-1"])
    workspace_id: str | None = Field(
        None, pattern=r"^wrkspc_[A-Za-z0-9]{1,64}$", description="with `kind: aws`: the workspace", examples=["wrkspc_01AbCdEf23GhIj"]
    )
    private_link: bool | None = Field(
        None, description="with `kind: aws`: reach it through an endpoint in the VPC; unset: where the workspace is in the stack's region"
    )
    url: str = Field("", description="base URL, without a trailing slash: with `kind: url` only", examples=["https://cma.example.com"])
    ca_file: CertificateFile = Field(
        None, description="CA certificates that the endpoint's certificate must lead to; unset: the system's, or the stand-in's own"
    )

    @model_validator(mode="before")
    @classmethod
    def _with_fixed_url(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("kind") == "aws" and isinstance(given.get("region"), str) and "url" not in given:
            return {**given, "url": AWS_URL.format(region=given["region"])}
        if isinstance(given, dict) and "url" not in given and isinstance(given.get("kind"), str) and given["kind"] in FIXED_URLS:
            return {**given, "url": FIXED_URLS[given["kind"]]}
        return given

    @model_validator(mode="after")
    def _url_by_kind(self) -> ControlPlane:
        refuse(self._workspace_objections())
        fixed = AWS_URL.format(region=self.region) if self.kind == "aws" else FIXED_URLS.get(self.kind)
        if fixed is not None and self.url != fixed:
            raise ConfigRefusedError(Objection(("url",), f"no `url` with `kind: {self.kind}`", "remove `url`, or set `kind: url`"))
        if self.kind == "stand-in" and self.ca_file is not None:
            raise ConfigRefusedError(Objection(("caFile",), "no `caFile` with `kind: stand-in`: it has a CA of its own", "remove `caFile`"))
        if fixed is None:
            self._check_url()
        return self

    def _workspace_objections(self) -> Iterator[Objection]:
        """What `kind: aws` needs, and no other kind knows."""
        needed = (("region", self.region, "ap-northeast-1"), ("workspaceId", self.workspace_id, "wrkspc_01AbCdEf23GhIj"))
        for name, value, example in needed:
            if self.kind == "aws" and value is None:
                yield Objection((name,), "required with `kind: aws`: as the AWS Console shows it", f"set for example `{name}: {example}`")
        for name, given in (("region", self.region), ("workspaceId", self.workspace_id), ("privateLink", self.private_link)):
            if self.kind != "aws" and given is not None:
                yield Objection((name,), f"only with `kind: aws`, not with `kind: {self.kind}`", f"remove `{name}`, or set `kind: aws`")
        if self.kind == "aws" and self.ca_file is not None:
            yield Objection(("caFile",), "no `caFile` with `kind: aws`: AWS's certificate is one that the system knows", "remove `caFile`")

    def _check_url(self) -> None:
        if not self.url:
            raise ConfigRefusedError(Objection(("url",), "required with `kind: url`", "set for example `url: https://cma.example.com`"))
        try:
            endpoint_url(self.url)
        except ConfigRefusedError as refusal:
            raise ConfigRefusedError(*(Objection(("url", *found.at), found.allowed, found.fix) for found in refusal.objections)) from None
