"""One perimeter: everything that Claude Managed Agents' self-hosted sandboxes need, in one region, on one platform."""

from __future__ import annotations

import pulumi

from domicile.config import PerimeterConfig


class Perimeter(pulumi.ComponentResource):
    """A perimeter by a validated configuration (`domicile.config.from_pulumi()` in a stack program).

    Outputs: `environment_id`, `control_plane_url`, `image_digests` (by image), `audit_path` (the retained archive).
    """

    environment_id: pulumi.Output[str]
    control_plane_url: pulumi.Output[str]
    image_digests: pulumi.Output[dict[str, str]]
    audit_path: pulumi.Output[str]

    def __init__(self, name: str, config: PerimeterConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("domicile:index:Perimeter", name, None, opts)
        if config.platform != "local":
            raise pulumi.RunError(f"platform {config.platform}: this version checks its configuration, and builds nothing yet")
        from domicile import local  # a platform is imported only when it is asked for

        assembled = local.assemble(config, pulumi.ResourceOptions(parent=self))
        self.environment_id = pulumi.Output.from_input(assembled.settings.environment_id)
        self.control_plane_url = pulumi.Output.from_input(assembled.settings.control_plane.url)
        self.image_digests = pulumi.Output.from_input(assembled.image_digests)
        self.audit_path = pulumi.Output.from_input(str(assembled.settings.audit.archive))
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, pulumi.Output[object]]:
        """For a stack program to export."""
        names = ("environment_id", "control_plane_url", "image_digests", "audit_path")
        return {name: getattr(self, name) for name in names}
