"""An uploaded scene on its way to a local file: GDAL reads files, the store gives bytes.

A large file is uploaded in parts (presigned), which the store joins; what comes out of it is one
stream of bytes, whatever its size, and it is never held in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from earthgptx.imagery.errors import DamagedImage, ImageryError
from earthgptx.scenes.whole_file import whole_file


def spool(
    chunks: Iterable[bytes],
    path: Path,
    *,
    limit_bytes: int,
    size_bytes: int | None = None,
    sha256: str = "",
) -> Path:
    """Writes a stream into a file that appears only when all of it is there.

    Args:
        chunks: the object's bytes in order.
        path: the file to make; its folder exists.
        limit_bytes: what is refused as soon as it is passed.
        size_bytes: what the store says the object has; None: not known.
        sha256: hexadecimal digest it must have; empty: not known.

    Returns:
        The path.

    Raises:
        FileExistsError: there is such a file.
        ImageryError: larger than the limit; ``DamagedImage`` where size or digest differ (field
            "image"). Nothing is left of it then.
    """
    digest = hashlib.sha256()
    written = 0
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        for chunk in chunks:
            written += len(chunk)
            if written > limit_bytes:
                raise ImageryError("image", "is too large", f"{limit_bytes} bytes")
            digest.update(chunk)
            file.write(chunk)
        if size_bytes is not None and written != size_bytes:
            raise DamagedImage("image", f"came with {written} bytes", f"{size_bytes} bytes")
        if sha256 and digest.hexdigest() != sha256.lower():
            raise DamagedImage("image", f"has the SHA-256 {digest.hexdigest()}", sha256.lower())
    return path
