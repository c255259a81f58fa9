"""Where images come from: the project's folder, with their recipes, and the builder's cache in it."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
IMAGE_CACHE = CHECKOUT / ".cache" / "images"
