"""A signed image in the machine's container store."""

from __future__ import annotations


class Image:  # replaced when the builder lands
    reference: str
