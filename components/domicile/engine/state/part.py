"""A checkpoint's entries with their texts, kept so that a write puts together anew only where something has changed."""

from __future__ import annotations

from collections.abc import Callable

from ..state.snapshot import Resource

BLOCK = 64  # entries; a write puts together anew only the blocks in which something has changed


class Block:
    """Neighbours in the file, by their places, and their text there once it has been written."""

    __slots__ = ("entries", "text")

    def __init__(self) -> None:
        self.entries: dict[int, tuple[Resource, bytes]] = {}
        self.text: bytes | None = None


class Part:
    """A run of entries in the order of their places, where a change costs little beside the whole: `text` is that of an entry."""

    def __init__(self, text: Callable[[Resource], bytes]) -> None:
        self._text = text
        self._blocks: dict[int, Block] = {}

    def __contains__(self, place: int) -> bool:
        block = self._blocks.get(place // BLOCK)
        return block is not None and place in block.entries

    def put(self, place: int, resource: Resource) -> None:
        """At a new place, after all that are there, or in the place of another."""
        block = self._blocks.setdefault(place // BLOCK, Block())
        block.entries[place], block.text = (resource, self._text(resource)), None

    def take_out(self, place: int) -> None:
        block = self._blocks[place // BLOCK]
        del block.entries[place]
        block.text = None
        if not block.entries:
            del self._blocks[place // BLOCK]

    def items(self) -> list[tuple[int, Resource]]:
        return [(place, r) for block in self._blocks.values() for place, (r, _) in block.entries.items()]

    def texts(self) -> list[bytes]:
        for block in self._blocks.values():
            if block.text is None:
                block.text = b",\n".join(text for _, text in block.entries.values())
        return [block.text or b"" for block in self._blocks.values()]
