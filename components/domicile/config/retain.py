"""What stays when a stack is destroyed."""

from __future__ import annotations

from pydantic import Field

from domicile.config.section import Section


class Retain(Section):
    """Everything that isn't retained here is removed."""

    archive: bool = Field(True, description="keep the audit archive; of a region the images that ran, too")
