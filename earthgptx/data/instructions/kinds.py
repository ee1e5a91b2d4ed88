"""Which kinds of question are made of an image, and how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from earthgptx.data.instructions.instruction import Instruction

Maker = TypeVar("Maker")


def made_by_share(
    makers: Mapping[str, tuple[Maker, float]],
    shares: Mapping[str, float] | None,
    count: int,
    rng: np.random.Generator,
    make: Callable[[Maker], Instruction | None],
) -> list[Instruction]:
    """Up to ``count`` instructions, of kinds drawn by their shares.

    Args:
        makers: each kind's maker with its usual share.
        shares: of kinds that are made more or less often than usual.
        count: most of them; fewer where makers often have nothing to say.
        rng: draws the kinds.
        make: calls a maker.
    """
    names = list(makers)
    weights = np.array([(shares or {}).get(name, makers[name][1]) for name in names])
    made: list[Instruction] = []
    for _ in range(count * 4):
        if len(made) == count:
            break
        name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        instruction = make(makers[name][0])
        if instruction is not None:
            made.append(instruction)
    return made
