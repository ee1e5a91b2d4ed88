"""A small training in fp32 that writes every step's losses; run by tests, alone or by torchrun.

python -m tests.earthgptx.training.small_training FOLDER STEPS
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer
from earthgptx.model.language_model import Words
from earthgptx.model.presets import nano
from earthgptx.training.loop import train
from earthgptx.training.mixture import Mixture, MixturePart, synthetic_source
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.processes import Processes
from earthgptx.training.recipes import bear_names
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings
from tests.earthgptx.training.small_network import small

BATCH_SIZE = 4
VOCABULARY = 900


def main(folder: Path, steps: int) -> None:
    """Trains with words from the first step: batch norms that learn look at their own share."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    settings = LoopSettings(
        steps=steps,
        batch_size=BATCH_SIZE,
        warmup_steps=2,
        words_from=0.0,
        settling_steps=0,
        precision=torch.float32,
        log_every=1,
    )
    parts = [MixturePart("sar", synthetic_source("sar", (256,)), 1.0)]
    samples = SampleSettings(nano().view_side_px, nano().grid_side)
    mixture = Mixture(parts, samples, 0, steps * BATCH_SIZE)
    # Its own: shipped tokenizers change with the weights.
    words = Words(train_bpe_tokenizer(template_corpus(scenes=40), VOCABULARY))
    processes = Processes(on_cpu=True, workers=0)
    network = TrainingNetwork(small(VOCABULARY))
    bear_names(network, words)
    train(network, mixture, words, settings, folder, processes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("steps", type=int)
    given = parser.parse_args()
    main(given.folder, given.steps)
