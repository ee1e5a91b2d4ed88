"""RSVQA, low and high resolution: questions and answers generated from OpenStreetMap.

- LR: 772 images of 256x256 px, Sentinel-2 over the Netherlands, 10 m, 77,232 questions. Layout:
  ``LR_split_{train,val,test}_{questions,answers,images}.json``, ``Images_LR/0.tif``.
  doi:10.5281/zenodo.6344334, CC BY 4.0.
- HR: 10,659 images of 512x512 px, USGS aerial, 0.15 m, 1,066,316 questions. Layout:
  ``USGS_split_{train,val,test,test_phili}_{questions,answers,images}.json``, ``Data/0.tif``.

Both: Lobry et al. 2020, doi:10.1109/TGRS.2020.2988782. A file holds every record of all splits;
those of other splits are stubs ``{"id": 7, "active": false}``. A question has ``img_id``, ``type``
(presence, count, comp, area, rural_urban), ``question`` and ``answers_ids``; an answer ``id``,
``question_id``, ``answer``. Counts and areas ("1934m2") are given as they are: papers bin them,
each in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.faults import Report, each, named, objects, read_json
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.data.records import InstructionRecord

LR = Origin("RSVQA-LR", "CC BY 4.0", gsd_m=10.0)
HR = Origin("RSVQA-HR", "not stated (images: USGS, public domain)", gsd_m=0.15)
LR_SPLITS = ("train", "val", "test")
HR_SPLITS = (*LR_SPLITS, "test_phili")


@dataclass(frozen=True)
class _Split:
    """One split's files; an image's header is read once for all its questions."""

    origin: Origin
    folder: Path
    path: Path
    name: str
    answers: dict[Any, dict[str, Any]]
    known: dict[Any, LabelledImage] = field(default_factory=dict)

    def record(self, raw: dict[str, Any]) -> InstructionRecord:
        with named(self.path, f"question {raw.get('id')}"):
            answer = self.answers[raw["answers_ids"][0]]
            return InstructionRecord(
                f"{self.origin.source}/{self.name}/{raw['id']}",
                self._image(raw["img_id"]),
                str(raw["type"]),
                str(raw["question"]),
                str(answer["answer"]),
                split=self.name,
            )

    def _image(self, number: Any) -> LabelledImage:
        if number not in self.known:
            path = self.folder / f"{number}.tif"
            self.known[number] = self.origin.image(path, str(number))
        return self.known[number]


def _records(
    origin: Origin,
    prefix: str,
    pictures: str,
    splits: tuple[str, ...],
    root: Path,
    split: str | None,
    report: Report,
) -> Iterator[InstructionRecord]:
    for name in (split,) if split else splits:
        path = root / f"{prefix}_split_{name}_questions.json"
        if split is None and not path.exists():
            continue
        told = root / f"{prefix}_split_{name}_answers.json"
        questions, answers = read_json(path), read_json(told)
        with named(told, "the file"):
            by_id = {a["id"]: a for a in objects(answers["answers"]) if a.get("active")}
        with named(path, "the file"):
            active = [q for q in objects(questions["questions"]) if q.get("active")]
        # One image's questions after each other: its pixels are then decoded, and stored, once.
        active.sort(key=lambda q: str(q.get("img_id")))
        read = _Split(origin, root / pictures, path, name, by_id)
        yield from each(active, read.record, report)


def _has(prefix: str, splits: tuple[str, ...], root: Path) -> bool:
    return any((root / f"{prefix}_split_{name}_questions.json").is_file() for name in splits)


FORMATS = {
    "rsvqa_lr": Format(
        about="Sentinel-2, questions and answers",
        licence=LR.licence,
        splits=LR_SPLITS,
        recognises=partial(_has, "LR", LR_SPLITS),
        records=partial(_records, LR, "LR", "Images_LR", LR_SPLITS),
    ),
    "rsvqa_hr": Format(
        about="aerial optical, questions and answers",
        licence=HR.licence,
        splits=HR_SPLITS,
        recognises=partial(_has, "USGS", HR_SPLITS),
        records=partial(_records, HR, "USGS", "Data", HR_SPLITS),
    ),
}
