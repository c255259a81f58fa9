"""Takes guards away inside a running stack program: the rows of `mutations` as a resource transform. Imported by the program under test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from mutations import TABLE


class _Registration:
    """What a row changes, of the one resource that is being registered."""

    def __init__(self, props: dict[str, Any]) -> None:
        self._props = props

    def inputs(self, _kind: str, _of: str) -> dict[str, Any]:
        return self._props


def _copied(value: Any) -> Any:
    """Of objects and lists; what is made later stays the same thing."""
    if isinstance(value, Mapping):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


def take_away(*names: str) -> None:
    """From each resource as it is registered, by the rows of these names."""

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        rows = [TABLE[name] for name in names if args.type_.endswith(f":{TABLE[name].kind}") and args.name == TABLE[name].of]
        props = _copied(args.props)
        for row in rows:
            row.change(_Registration(props))  # type: ignore[arg-type]
        return pulumi.ResourceTransformResult(props, args.opts) if rows else None

    pulumi.runtime.register_resource_transform(transform)
