"""Files that appear only when they are whole, and never in place of another unless that is said."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A path to write to; what was written there is moved to ``path`` when the block ends well.

    The block writes in a folder of its own beside the file, so that sidecars and journals of a
    writer go with it when the block fails.

    Args:
        path: the file to make; its folder exists.
        overwrite: replace a file of that name.

    Yields:
        A path with the same name in the folder of its own.

    Raises:
        FileExistsError: there is such a file, at the beginning or at the end.
        OSError: it cannot be written.
    """
    _refuse_existing(path, overwrite)
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        unfinished = folder / path.name
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        _refuse_existing(path, overwrite)
        os.replace(unfinished, path)
    finally:
        shutil.rmtree(folder)


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise FileExistsError(errno.EEXIST, "exists; say that it may be overwritten", str(path))
