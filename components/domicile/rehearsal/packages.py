"""The packages that can be rehearsed: those with tables of their own, and any other whose SDK is installed."""

from __future__ import annotations

from .kinds import Package


def package(name: str) -> Package:
    """The tables of a package by its provider's name (`aws`); a package without any is rehearsed by its types alone."""
    if name == "aws":
        from .aws import PACKAGE  # only here: another package's plugin has no use for it

        return PACKAGE
    if name == "kubernetes":  # by its types too; its objects have their names within
        return Package(name, "pulumi_kubernetes", names=("metadata.name",))
    return Package(name, f"pulumi_{name.replace('-', '_')}")
