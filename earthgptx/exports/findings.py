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

    @property
    def resampling(self) -> str:
        """What was done to the scene's pixels before the model saw them; "" if nobody looked."""


@dataclass(frozen=True)
class SceneFindings:
    """Things of which nothing is told but where and what they are.

    Attributes:
        header: of the scene.
        objects: the things; a score that is not known is NaN.
        resampling: what was done to the scene's pixels before the model saw them, in words.
    """

    header: SceneHeader
    objects: tuple[SceneObject, ...]
    resampling: str = ""
