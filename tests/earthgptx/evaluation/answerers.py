"""Answerers of which one knows what a score must be: who knows the truth, and who says nothing."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from earthgptx.evaluation.evaluate import Progress
from earthgptx.evaluation.samples import Sample, united_mask
from earthgptx.imagery.marks import Region
from earthgptx.model.question import Question

HEADLINE = {
    "classify_regions": "SS",
    "classify_image": "accuracy",
    "segment": "mIoU",
    "segment_by_mark": "mIoU",
    "detect": "F1@0.5",
    "caption": "BLEU-4",
    "caption_regions": "ROUGE-L",
    "caption_regions_detailed": "S-IoU",
    "answer": "accuracy",
}


@dataclass
class Drawn:
    mask_HW: np.ndarray


@dataclass
class Said:
    text: str = ""
    boxes: tuple = ()
    masks: tuple = ()


class Letters:
    """Counts letters: only equal labels look quite alike."""

    def encode(self, sentences: list[str]) -> np.ndarray:
        counts = [[s.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz "] for s in sentences]
        return np.array(counts, np.float32)


@dataclass
class Knowing:
    """Is told which samples come next."""

    coming: deque[Sample] = field(default_factory=deque)

    def answer_all(self, questions: Sequence[Question], max_new_tokens: int = 0) -> list[Said]:
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Said:
        if len(question.regions) > 1 and not self.coming[0].record_id:
            samples = [self.coming.popleft() for _ in question.regions]
            return Said("\n".join(f"Region {i}: {s.expected}" for i, s in enumerate(samples, 1)))
        sample = self.coming.popleft()
        assert question.words == sample.question
        assert question.pixels_HWC.shape == (sample.image.height_px, sample.image.width_px, 3)
        assert (question.window is not None) == sample.whole
        masks = tuple(Drawn(united_mask(sample.image, (i,))) for i in sample.mask_objects)
        return Said(sample.expected, (("things", sample.boxes),), masks)

    def segment_regions(
        self, pixels_HWC: np.ndarray, regions: Sequence[Region]
    ) -> tuple[Drawn, ...]:
        assert len(regions) == 1
        sample = self.coming.popleft()
        return (Drawn(united_mask(sample.image, sample.mask_objects)),)


class Silent:
    def answer_all(self, questions: Sequence[Question], max_new_tokens: int = 0) -> list[Said]:
        return [Said() for _ in questions]

    def segment_regions(self, *_: object) -> tuple[Drawn, ...]:
        return ()


def told(answerer: Knowing | Silent) -> Progress:
    """Tells who wants to know which samples come next."""

    def tell(samples: Iterable[Sample], total: int) -> Iterator[Sample]:
        for sample in samples:
            if isinstance(answerer, Knowing):
                answerer.coming.append(sample)
            yield sample

    return tell
