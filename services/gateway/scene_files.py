"""A large file that was uploaded: hashed, and its header judged; no pixels are decoded.

But of a file that UploadImage would take: a client may send by parts what was refused there.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from earthgptx.imagery.channels import shown_as_stored
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import ImageLimits, inspect_image
from earthgptx.imagery.read import read_image
from earthgptx.scenes.scene import open_scene
from services.gateway.header_record import record_of
from shared.errors import InvalidInput, StageUnavailable, refused_as_invalid_input
from shared.image_records import ImageRecord
from shared.tensors.digest import SHA256

# Masks are run-length code, of which the tools of the trade count pixels in 32 bits.
MAX_PIXELS = 2**32 - 1
_PREFIX = "upload-"
_LONGEST_LOOK_S = 86_400.0


@dataclass(frozen=True)
class SceneFile:
    """A file on this machine for as long as it is looked at.

    Attributes:
        image_id: "sha256:<hex>" of its bytes.
        record: What is to be known of it.
        path: Where it is.
    """

    image_id: str
    record: ImageRecord
    path: Path


@contextmanager
def scene_file(chunks: Iterable[memoryview], folder: Path) -> Iterator[SceneFile]:
    """Writes the chunks into a file, which is gone when the block ends, and judges it.

    Args:
        chunks: The file's bytes in order.
        folder: Where there is room for all of it; made if it is not there.

    Raises:
        InvalidInput: Of no format that is read by window, cut short, half written, or over a limit
            (field "image", "bands").
        StageUnavailable: There is no room in the folder.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear_away(folder)
        with TemporaryDirectory(dir=folder, prefix=_PREFIX) as private:
            path = Path(private) / "scene"
            image_id = _write(chunks, path)
            yield SceneFile(image_id, examine(path), path)
    except OSError as error:
        what = error.strerror or "an error of the disk"
        raise StageUnavailable(f"the scene cannot be looked at here: {what}") from error


def examine(path: Path) -> ImageRecord:
    """What is known of a scene from its header; its table of blocks is compared with its size.

    One that could be an image is judged as such, down to its pixels: runs would fail at it later.

    Raises:
        InvalidInput: It cannot be used.
    """
    with refused_as_invalid_input(ImageryError), open_scene(path) as scene:
        header = scene.header
        plain = shown_as_stored(header.band_meanings, header.band_dtype)
        if header.width_px * header.height_px > MAX_PIXELS:
            raise InvalidInput(
                f"the image is {header.width_px} x {header.height_px} px",
                field="image",
                limit=f"{MAX_PIXELS} px in all",
            )
        _refuse_damaged_image(path)
        return record_of(
            header,
            shown_as_is=plain and not scene.may_have_gaps and not header.notes,
            by_window=True,
        )


def _refuse_damaged_image(path: Path) -> None:
    limits = ImageLimits()
    if path.stat().st_size > limits.max_bytes:
        return
    data = path.read_bytes()
    try:
        inspect_image(data, limits)
    except ImageryError:
        # Too many pixels or bands for an image, or of a format of scenes only.
        return
    read_image(data, limits)


def _clear_away(folder: Path) -> None:
    """Deletes what gateways left that were killed at it."""
    for left in folder.glob(_PREFIX + "*"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _LONGEST_LOOK_S:
                shutil.rmtree(left, ignore_errors=True)


def _write(chunks: Iterable[memoryview], path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
    return f"{SHA256}:{digest.hexdigest()}"
