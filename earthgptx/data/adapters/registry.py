"""All formats by name, and the one way to open a dataset.

dataset = open_dataset(Path("data/DIOR"))
for image in dataset.images("train"):
    ...
"""

from __future__ import annotations

from pathlib import Path

from earthgptx.data.adapters import (
    captions,
    coco_file,
    conversations,
    dior,
    dior_rsvg,
    dota,
    hit_uav,
    msar,
    own_lines,
    refsegrs,
    rrsis_d,
    rsvqa,
    scene_folders,
    ssdd,
)
from earthgptx.data.adapters.dataset import Dataset, Format
from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import Report, refuse

FORMATS: dict[str, Format] = {
    "dior_rsvg": dior_rsvg.FORMAT,
    "rrsis_d": rrsis_d.FORMAT,
    "refsegrs": refsegrs.FORMAT,
    **captions.FORMATS,
    **rsvqa.FORMATS,
    "dior": dior.FORMAT,
    "dota": dota.FORMAT,
    "ssdd": ssdd.FORMAT,
    "msar": msar.FORMAT,
    "hit_uav": hit_uav.FORMAT,
    **coco_file.FORMATS,
    **scene_folders.FORMATS,
    **conversations.FORMATS,
    **own_lines.FORMATS,
}
# Looked at only where no public set is recognised.
GENERIC = ("shards", "jsonl", "coco", "folders")
AUTO = "auto"


def open_dataset(path: Path, format_name: str = AUTO, report: Report = refuse) -> Dataset:
    """Opens a dataset; nothing but names is read until it is iterated.

    Args:
        path: a folder or file in one of ``FORMATS``.
        format_name: key of ``FORMATS``, or "auto" to tell it from names of files.
        report: called with each broken record; the default raises at the first.

    Raises:
        DataError: nothing there, an unknown format, or "auto" fits none or more than one.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if format_name == AUTO:
        format_name = _recognised(path)
    elif format_name not in FORMATS:
        raise DataError(f"format {format_name!r} is none of {', '.join(sorted(FORMATS))}")
    return Dataset(path, format_name, FORMATS[format_name], report)


def _recognised(path: Path) -> str:
    fitting = [n for n in FORMATS if n not in GENERIC and FORMATS[n].recognises(path)]
    fitting = fitting or [n for n in GENERIC if FORMATS[n].recognises(path)][:1]
    if len(fitting) == 1:
        return fitting[0]
    told = f"could be {' or '.join(fitting)}" if fitting else "is in no known format"
    raise DataError(f"{path}: {told}; name it (earthgptx data formats lists them)")
