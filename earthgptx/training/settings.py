"""How long a training of views takes, how fast it learns, how often it keeps what it has."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class LoopSettings:
    """How long, how fast, how often.

    Attributes:
        steps: optimiser steps in all.
        words_from: share of the steps after which questions are answered; until then all
            learn to see, from then on the conv expert is frozen.
        decay_from: share of the steps after which the learning rate falls to zero
            (warm-up, constant, warm-up with words, constant, then linear).
        batch_size: images a step, of all processes together.
        conv_rests: the conv expert learns no more once there are words.
        settling_steps: after words began, for which the resting conv expert's batch norms go on
            looking.
        save_every: steps between two states that a cut off training goes on from.
        pictures_every: steps between two sheets of answers, once there are words.
        log_every: steps whose means make a line of the log.
        precision: of matrix products.
    """

    steps: int
    batch_size: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_steps: int = 100
    words_from: float = 0.15
    decay_from: float = 0.75
    clip_norm: float = 1.0
    average_decay: float = 0.997
    conv_rests: bool = True
    settling_steps: int = 40
    save_every: int = 250
    pictures_every: int = 500
    log_every: int = 10
    precision: torch.dtype = torch.bfloat16

    @property
    def first_step_with_words(self) -> int:
        """The step with which the second phase begins."""
        return round(self.words_from * self.steps)

    def draws_after(self, step: int) -> bool:
        """Whether a sheet of answers is drawn after this step."""
        with_words = step >= self.first_step_with_words
        return with_words and (step + 1) % self.pictures_every == 0

    def step_of_phase(self, step: int) -> int:
        """Steps since the phase of ``step`` began."""
        first = self.first_step_with_words
        return step - first if step >= first else step


def learning_rate_at(step: int, settings: LoopSettings) -> float:
    """Warm-up, constant, warm-up again where words begin, then linear to zero."""
    warm = min(1.0, (settings.step_of_phase(step) + 1) / settings.warmup_steps)
    start = settings.decay_from * settings.steps
    left = (settings.steps - step) / max(settings.steps - start, 1.0)
    return settings.learning_rate * warm * min(1.0, max(left, 0.0))
