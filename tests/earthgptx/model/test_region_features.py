"""What a region's token tells: nothing of places until they are learnt, then where it lies."""

from __future__ import annotations

from pathlib import Path

import torch

from earthgptx.data.instructions.facts import gather_facts
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.imagery.marks import BoxMark, Region
from earthgptx.imagery.windows import whole_image
from earthgptx.model.pipeline import EarthGptX
from earthgptx.model.region_features import RegionFeatures

NANO = Path("weights/nano")
SCENES = range(8)  # training begins with a million
BORDER_UNIT = 0.06


def test_places_and_colours_say_nothing_until_they_are_learnt() -> None:
    torch.manual_seed(0)
    features = RegionFeatures((8, 4), 16).eval()
    hybrid_BND, pyramid = torch.rand(1, 16, 16), (torch.rand(1, 8, 8, 8), torch.rand(1, 4, 16, 16))
    marks = torch.rand(1, 2, 16), torch.rand(1, 2, 16, 16)
    here, there = torch.rand(2, 1, 2, 4)
    unlearnt = features(hybrid_BND, pyramid, *marks, here)
    assert torch.equal(unlearnt, features(hybrid_BND, pyramid, *marks, there))
    for silent in (features.placed, features.tinted):
        torch.nn.init.ones_(silent[2].weight)
    learnt = features(hybrid_BND, pyramid, *marks, here)
    assert not torch.allclose(learnt, features(hybrid_BND, pyramid, *marks, there))


def test_a_marked_thing_lies_where_it_lies_in_the_image_however_closely_it_is_looked_at() -> None:
    model = EarthGptX.load(NANO)
    wrong, asked = [], 0
    for seed in SCENES:
        image = generate_scene(seed, 256).labelled("sar")
        facts = gather_facts(image)
        for label, (index, *_) in facts.things.items():
            centre = facts.centres_unit[index]
            # On the border between two ninths either word is right.
            if min(abs(at - border) for at in centre for border in (1 / 3, 2 / 3)) < BORDER_UNIT:
                continue
            mark = Region((BoxMark(*facts[index].box_xyxy_px),))
            for window in (None, whole_image(256, 256)):
                pixels = image.load_pixels()
                said = model.answer(pixels, "where is <Region 1>?", [mark], "sar", window).text
                asked += 1
                if said != facts.places_in_whole[index]:
                    wrong.append((seed, label, facts.places_in_whole[index], said))
    assert asked >= 12
    assert len(wrong) <= 0.1 * asked, wrong
