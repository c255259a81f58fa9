"""One perimeter: everything that Claude Managed Agents' self-hosted sandboxes need, in one region, on one platform."""

from __future__ import annotations

import pulumi

from domicile.config import PerimeterConfig


class Perimeter(pulumi.ComponentResource):
    """A perimeter by a validated configuration (`domicile.config.from_pulumi()` in a stack program).

    Outputs, on each platform: `environment_id`, `control_plane_url`. On `local` also `image_digests` (by image) and `audit_path` (the
    retained archive); on `aws` `environment_key` (the secret's ARN), `archive` (the bucket), `repositories` (by image), `worker_profile`,
    `residency`.
    """

    outputs: dict[str, pulumi.Output[object]]
    """For a stack program to export."""

    def __init__(self, name: str, config: PerimeterConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("domicile:index:Perimeter", name, None, opts)
        built = _build(config, self)
        self.outputs = {output: pulumi.Output.from_input(value) for output, value in built.items()}
        for output, value in self.outputs.items():
            setattr(self, output, value)
        self.register_outputs(self.outputs)


def _build(config: PerimeterConfig, perimeter: Perimeter) -> dict[str, pulumi.Input[object]]:
    """A platform is imported only when it is asked for."""
    if config.platform == "aws":
        from domicile.aws import region

        return region.assemble(config, perimeter)
    from domicile import local

    assembled = local.assemble(config, pulumi.ResourceOptions(parent=perimeter))
    return {
        "environment_id": assembled.settings.environment_id,
        "control_plane_url": assembled.settings.control_plane.url,
        "image_digests": assembled.image_digests,
        "audit_path": str(assembled.settings.audit.archive),
    }
