"""What files are written of: the things found in one scene, whoever looked for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from earthgptx.scenes.header import SceneHeader
from earthgptx.scenes.objects import SceneObject


class Findings(Protocol):
    """Things in one scene; `earthgptx.scenes.interpret.SceneResult` is such."""

    @property
    def header(self) -> SceneHeader:
        """Of the scene."""

    @property
    def objects(self) -> tuple[SceneObject, ...]:
        """The things found."""


@dataclass(frozen=True)
class SceneFindings:
    """Things of which nothing is told but where and what they are.

    Attributes:
        header: of the scene.
        objects: the things; a score that is not known is NaN.
    """

    header: SceneHeader
    objects: tuple[SceneObject, ...]
