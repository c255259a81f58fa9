"""Audit: how much a record holds, and which sinks get it beside the archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from domicile.config.faults import Objection, refuse
from domicile.config.section import CertificateFile, Section, endpoint_url, repeated
from domicile_host import settings


class OtlpSink(Section, settings.OtlpSink):
    """An OpenTelemetry collector, over HTTP."""

    kind: Literal["otlp"] = Field("otlp", description="OpenTelemetry over HTTP, JSON")
    name: settings.Name = Field(description="the sink's name, by which its cursor is kept", examples=["collector"])
    url: str = Field(description="base URL; `/v1/logs` is added", examples=["https://collector.example.com"])
    ca_file: CertificateFile = Field(None, description="CA certificates that the sink's must lead to; unset: the system's")

    @field_validator("url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        return endpoint_url(value, "/v1/logs")


class SplunkHecSink(Section, settings.SplunkHecSink):
    """Splunk's HTTP event collector."""

    kind: Literal["splunk-hec"] = Field("splunk-hec", description="Splunk's HTTP event collector")
    name: settings.Name = Field(description="the sink's name, by which its cursor is kept", examples=["splunk"])
    url: str = Field(description="base URL; `/services/collector/event` is added", examples=["https://splunk.example.com:8088"])
    token_from: settings.Name = Field(description="credential whose value is the HEC token", examples=["splunk-hec"])
    ca_file: CertificateFile = Field(None, description="CA certificates that the sink's must lead to; unset: the system's")

    @field_validator("url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        return endpoint_url(value, "/services/collector/event")


Sink = Annotated[OtlpSink | SplunkHecSink, Field(discriminator="kind")]


class Audit(Section):
    """What is recorded and where records go; the archive on the host is always written."""

    content: Literal["digest", "full", "none"] = Field(
        "digest", description="tool inputs and outputs as SHA-256 and size, whole, or not at all"
    )
    sinks: tuple[Sink, ...] = Field((), description="SIEM sinks beside the archive")

    @model_validator(mode="after")
    def _names_once(self) -> Audit:
        refuse(self._repeated_names())
        return self

    def _repeated_names(self) -> Iterator[Objection]:
        for again, first in repeated([sink.name for sink in self.sinks]):
            yield Objection(("sinks", again, "name"), "a name of its own for each sink", f"rename it: sinks[{first}] has that name")
        for place, sink in enumerate(self.sinks):
            if sink.name == settings.ARCHIVE_BUCKET:
                yield Objection(("sinks", place, "name"), "a name other than that of a region's own archive", "rename it")
