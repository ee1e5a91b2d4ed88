"""What a STAC item tells beside what was found: its files, and what the model was shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ItemAsset:
    """A file of an item.

    Attributes:
        name: of the file, which lies in the item's folder.
        media_type: such as "image/png".
        roles: as STAC has them: "data", "overview", "metadata".
        size_bytes: of its content.
        sha256: of its content, hexadecimal.
        classes: of a mask: its values from 1 by class; None of other files.
    """

    name: str
    media_type: str
    roles: tuple[str, ...]
    size_bytes: int
    sha256: str
    classes: Mapping[str, int] | None = None


@dataclass(frozen=True)
class ShownToModel:
    """What the model was shown of the scene.

    Attributes:
        side_px: of the squares; -1 where they were of several sizes.
        note: what was done to show it, in words.
        overlap_px: of neighbouring tiles, in pixels of the scene; None where it was no one grid.
    """

    side_px: int
    note: str
    overlap_px: int | None = None
