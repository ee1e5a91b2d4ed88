"""What can be said of an image: its truth indexed once, so that each question is cheap.

Places and box text are relative to the image as given: make text after cropping and flipping. Only
of what is marked people want to know where it lies in all of their image, however closely the model
looks.
"""

from __future__ import annotations

from dataclasses import dataclass

from earthgptx.data.labelled_image import LabelledImage, LabelledObject
from earthgptx.data.views import in_whole
from earthgptx.words import place_word


@dataclass(frozen=True)
class Facts:
    """An indexed image.

    Attributes:
        image: the truth.
        things: label -> indices of its countable instances, in reading order.
        stuff: label -> indices of its masks of substance.
        centres_unit: (x, y) of each object's box in 0..1 of the image's width and height.
        areas_unit: share of the image that each object's box covers.
        places: one of the nine place words for each object.
        places_in_whole: the same in what the image was cut from.
        related: (subject, other) -> "next to", "inside" or "on".
    """

    image: LabelledImage
    things: dict[str, tuple[int, ...]]
    stuff: dict[str, tuple[int, ...]]
    centres_unit: tuple[tuple[float, float], ...]
    areas_unit: tuple[float, ...]
    places: tuple[str, ...]
    places_in_whole: tuple[str, ...]
    related: dict[tuple[int, int], str]

    def __getitem__(self, index: int) -> LabelledObject:
        """Object number ``index``."""
        return self.image.objects[index]

    def is_exhaustive(self, label: str) -> bool:
        """Every instance of ``label`` is annotated."""
        return label in self.image.exhaustive

    def is_drawable(self, label: str) -> bool:
        """As good as every instance of ``label`` is annotated: all of it may be drawn."""
        return self.is_exhaustive(label) or label in self.image.mostly_annotated

    def countable_labels(self) -> list[str]:
        """Present labels of which all instances are known."""
        return [label for label in self.things if label in self.image.exhaustive]

    def absent_labels(self) -> list[str]:
        """Labels that are certainly not in the image."""
        present = self.things.keys() | self.stuff.keys()
        return sorted(self.image.exhaustive - present)

    def all_masked(self, indices: tuple[int, ...]) -> bool:
        """All of these objects have masks."""
        return all(self.image.objects[i].mask is not None for i in indices)

    def colour(self, index: int) -> str | None:
        """The colour word, only where the sensor sees colour."""
        return self.image.objects[index].colour if self.image.modality == "optical" else None


def gather_facts(image: LabelledImage) -> Facts:
    """Index an image's truth."""
    width, height = image.width_px, image.height_px
    centres, areas, places, places_in_whole = [], [], [], []
    things: dict[str, list[int]] = {}
    stuff: dict[str, list[int]] = {}
    for index, thing in enumerate(image.objects):
        x0, y0, x1, y1 = thing.box_xyxy_px
        centre = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height)
        centres.append(centre)
        areas.append((x1 - x0) * (y1 - y0) / (width * height))
        places.append(place_word(*centre))
        in_whole_unit = in_whole((*centre, *centre), image.cut_xyxy_unit)
        places_in_whole.append(place_word(*in_whole_unit[:2]))
        (stuff if thing.stuff else things).setdefault(thing.label, []).append(index)

    def reading_order(index: int) -> tuple[int, float]:
        # Rows of an eighth of the image, then from left to right.
        x, y = centres[index]
        return (int(y * 8), x)

    return Facts(
        image=image,
        things={k: tuple(sorted(v, key=reading_order)) for k, v in sorted(things.items())},
        stuff={k: tuple(v) for k, v in sorted(stuff.items())},
        centres_unit=tuple(centres),
        areas_unit=tuple(areas),
        places=tuple(places),
        places_in_whole=tuple(places_in_whole),
        related={(r.subject, r.other): r.kind for r in image.relations},
    )
