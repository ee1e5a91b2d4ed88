"""Scene classification: a folder for each class. RESISC45, AID, EuroSAT, UC Merced, one's own.

- RESISC45: 31,500 images of 256x256 px, 0.2 to 30 m, 45 classes (Cheng et al. 2017,
  doi:10.1109/JPROC.2017.2675998); ``airplane/airplane_001.jpg``.
- AID: 10,000 images of 600x600 px, 0.5 to 8 m, 30 classes (Xia et al. 2017,
  doi:10.1109/TGRS.2017.2685945); ``Airport/airport_1.jpg``.
- EuroSAT: 27,000 images of 64x64 px, Sentinel-2, 10 m, 10 classes (Helber et al. 2019,
  doi:10.1109/JSTARS.2019.2918242); ``AnnualCrop/AnnualCrop_1.jpg``, with all 13 bands ``.tif``.
- UC Merced: 2,100 images of 256x256 px, USGS, 0.3 m, 21 classes (Yang and Newsam 2010,
  doi:10.1145/1869790.1869829); ``agricultural/agricultural00.tif``.

RESISC45 and AID state no licence (images: Google Earth); EuroSAT is MIT, UC Merced public domain.
The class folders may lie in the root or one or two folders deeper, as the archives unpack
(``NWPU-RESISC45/``, ``2750/``, ``UCMerced_LandUse/Images/``). Of EuroSAT's 13 bands B4, B3 and B2
are shown, stretched. None of them has a split of its own. The class is the scene of the image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.labels import label_words
from earthgptx.data.adapters.pixels import SUFFIXES, load_pixels
from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import Report, each, named
from earthgptx.data.labelled_image import LabelledImage

# B4, B3 and B2 of the order B1, B2, B3, ... in EuroSAT's files.
EUROSAT_RGB = (3, 2, 1)
_GOOGLE = "not stated (images: Google Earth)"
_DEEPEST = 2
# What people call a folder of images that is no class; with such a folder, nothing is guessed.
_NO_CLASSES = frozenset({"images", "imgs", "jpegimages", "data", "train", "val", "test", "masks"})


@dataclass(frozen=True)
class _SceneSet:
    """A set of class folders.

    Attributes:
        file_name: pattern of folder and file; ``{folder}`` and ``{lower}`` stand for the folder's
            name.
        bands: shown of files with more than three.
    """

    origin: Origin
    file_name: str
    bands: tuple[int, ...] | None = None

    def holds(self, picture: Path) -> bool:
        folder = picture.parent.name
        pattern = self.file_name.format(folder=re.escape(folder), lower=re.escape(folder.lower()))
        return re.fullmatch(pattern, f"{folder}/{picture.name}") is not None

    def recognises(self, root: Path) -> bool:
        classes = _class_folders(root) if root.is_dir() else []
        if {folder.name.lower() for folder in classes} & _NO_CLASSES:
            return False
        first = [_pictures(folder)[:1] for folder in classes]
        return bool(first) and all(found and self.holds(found[0]) for found in first)

    def images(self, root: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
        classes = _class_folders(root)
        if not classes:
            raise DataError(f"{root}: no folders of images")
        for folder in classes:
            yield from each(
                _pictures(folder), partial(self._image, label_words(folder.name)), report
            )

    def _image(self, scene: str, picture: Path) -> LabelledImage:
        name = f"{picture.parent.name}/{picture.name}"
        with named(picture, "its name"):
            if not self.holds(picture):
                raise ValueError(f"is not like those of {self.origin.source}")
        image = self.origin.image(picture, name, scene=scene)
        if self.bands is not None and picture.suffix == ".tif":
            load = partial(load_pixels, picture, self.origin.modality, self.bands)
            return replace(image, load_pixels=load)
        return image


def _class_folders(root: Path) -> list[Path]:
    """The folders that hold the images: all on one level, at most two below the root."""
    level = [root]
    for _ in range(_DEEPEST + 1):
        level = sorted(path for folder in level for path in folder.iterdir() if path.is_dir())
        holding = [folder for folder in level if _pictures(folder)]
        if holding:
            return holding
    return []


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


_SETS = {
    "resisc45": _SceneSet(Origin("RESISC45", _GOOGLE), r"[a-z].*/{folder}_\d{{3}}\.jpg"),
    "aid": _SceneSet(Origin("AID", _GOOGLE), r"[A-Z].*/{lower}_\d+\.jpg"),
    "eurosat": _SceneSet(
        Origin("EuroSAT", "MIT", gsd_m=10.0), r"[A-Z].*/{folder}_\d+\.(?:jpg|tif)", EUROSAT_RGB
    ),
    "ucmerced": _SceneSet(
        Origin("UC-Merced", "public domain (USGS)", gsd_m=0.3), r".*/{folder}\d{{2}}\.tif"
    ),
    "folders": _SceneSet(Origin("own", "unknown"), r".*"),
}
_ABOUT = {
    "resisc45": "optical, 45 scene classes",
    "aid": "optical, 30 scene classes",
    "eurosat": "Sentinel-2, 10 land cover classes (RGB or 13 bands)",
    "ucmerced": "aerial optical, 21 land use classes",
    "folders": "one's own: a folder of images for each scene class",
}
FORMATS = {
    name: Format(
        about=_ABOUT[name],
        licence="as told" if name == "folders" else scenes.origin.licence,
        splits=(),
        recognises=scenes.recognises,
        images=scenes.images,
    )
    for name, scenes in _SETS.items()
}
