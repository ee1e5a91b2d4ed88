"""Uploaded files as durable objects: named by their SHA-256, with a JSON description beside."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from shared.errors import InvalidInput, NotFound, TensorGone
from shared.tensors.digest import SHA256, matches
from shared.tensors.object_tier import RAW_PREFIX, keep_alive, object_name
from shared.tensors.objects import ObjectMissing, Objects

IMAGE_LIMIT_BYTES = 256 * 1024 * 1024

_IMAGE_ID = re.compile(rf"{SHA256}:([0-9a-f]{{64}})")
_DESCRIPTION_LIMIT_BYTES = 64 * 1024
_READ_BYTES = 1024 * 1024
_CHUNK_BYTES = 8 * 1024 * 1024


class Images:
    """Files of one or many tenants in an object store."""

    def __init__(self, objects: Objects, clock: Callable[[], float] = time.time) -> None:
        """Takes the backend that holds the files."""
        self._objects = objects
        self._clock = clock

    def put(
        self,
        data: bytes | memoryview | IO[bytes],
        *,
        tenant: str,
        expires_at_ms: int,
        description: Mapping[str, Any],
    ) -> tuple[str, int]:
        """Keeps a file; one that is there already is not written again.

        Returns:
            The image id, "sha256:<hex>", and the file's size in bytes.

        Raises:
            InvalidInput: It is empty or larger than `IMAGE_LIMIT_BYTES`.
            ObjectsFull, ObjectsUnavailable: The object store cannot take it.
        """
        content = _gather(data)
        image_id = f"{SHA256}:{hashlib.sha256(content).hexdigest()}"

        def write(name: str) -> None:
            self._objects.write(name, [content], expires_at_ms)

        self._keep(image_id, len(content), write, tenant, expires_at_ms, description)
        return image_id, len(content)

    def put_file(
        self,
        path: Path,
        image_id: str,
        *,
        tenant: str,
        expires_at_ms: int,
        description: Mapping[str, Any],
    ) -> None:
        """Keeps a local file of any size, whose id the caller has found.

        Raises:
            ObjectsFull, ObjectsUnavailable: The object store cannot take it.
            OSError: The file cannot be read.
        """

        def write(name: str) -> None:
            self._objects.write_file(name, path, expires_at_ms)

        size_bytes = path.stat().st_size
        self._keep(image_id, size_bytes, write, tenant, expires_at_ms, description)

    def _keep(
        self,
        image_id: str,
        size_bytes: int,
        write: Callable[[str], None],
        tenant: str,
        expires_at_ms: int,
        description: Mapping[str, Any],
    ) -> None:
        """Lets the file live on, or writes it; then what is said of it."""
        name = object_name(tenant, image_key(image_id))
        text = json.dumps(description, separators=(",", ":"), sort_keys=True).encode()
        if not keep_alive(self._objects, name, size_bytes, expires_at_ms, self._clock()):
            write(name)
        # After the file, so that a description never stands for a file that is not there; and for
        # as long as the file, which an earlier upload may have given a longer life.
        found = self._objects.stat(name)
        lasting_ms = found.expires_at_ms if found else expires_at_ms
        self._objects.write(name + ".json", [memoryview(text)], lasting_ms)

    def expiry_and_size(self, image_id: str, *, tenant: str) -> tuple[int, int]:
        """When the file expires (Unix ms; 0: never), and its size in bytes.

        Raises:
            NotFound: The tenant has no such image.
        """
        found = self._objects.stat(object_name(tenant, image_key(image_id)))
        if found is None or not found.is_alive(int(self._clock() * 1000)):
            raise NotFound("there is no such image", field="image_id")
        return found.expires_at_ms, found.size_bytes

    def get(self, image_id: str, *, tenant: str) -> bytes:
        """The file.

        Raises:
            NotFound: The tenant has no such image.
            TensorGone: It is damaged; uploading it again mends it.
        """
        _, size_bytes = self.expiry_and_size(image_id, tenant=tenant)
        try:
            data = self._objects.read(object_name(tenant, image_key(image_id)), size_bytes)
        except ObjectMissing:
            raise NotFound("there is no such image", field="image_id") from None
        if not matches(data, image_id):
            raise TensorGone("the stored image is damaged")
        return bytes(data)

    def chunks(self, image_id: str, *, tenant: str) -> Iterator[bytes]:
        """The file piece by piece, whatever its size; whoever reads it compares the digest.

        Raises:
            NotFound: The tenant has no such image, or it was deleted meanwhile.
        """
        _, size_bytes = self.expiry_and_size(image_id, tenant=tenant)
        name = object_name(tenant, image_key(image_id))
        for start in range(0, size_bytes, _CHUNK_BYTES):
            try:
                yield bytes(self._objects.read_range(name, start, _CHUNK_BYTES))
            except ObjectMissing:
                raise NotFound("there is no such image", field="image_id") from None

    def description(self, image_id: str, *, tenant: str) -> dict[str, Any]:
        """What was said of the file when it was put; empty if nothing was.

        Raises:
            NotFound: The tenant has no such image.
        """
        self.expiry_and_size(image_id, tenant=tenant)
        name = object_name(tenant, image_key(image_id)) + ".json"
        try:
            found = json.loads(bytes(self._objects.read(name, _DESCRIPTION_LIMIT_BYTES)))
        except (ObjectMissing, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def delete(self, image_id: str, *, tenant: str) -> bool:
        """Deletes file and description; False if there was none."""
        name = object_name(tenant, image_key(image_id))
        deleted = self._objects.delete(name)
        self._objects.delete(name + ".json")
        return deleted


def image_key(image_id: str) -> str:
    """The object key of an image.

    Raises:
        NotFound: It is not an image id.
    """
    match = _IMAGE_ID.fullmatch(image_id)
    if match is None:
        raise NotFound("there is no such image", field="image_id")
    return RAW_PREFIX + match.group(1)


def _gather(data: bytes | memoryview | IO[bytes]) -> memoryview:
    if isinstance(data, bytes | memoryview):
        content = memoryview(data).cast("B")
    else:
        gathered = bytearray()
        while len(gathered) <= IMAGE_LIMIT_BYTES and (part := data.read(_READ_BYTES)):
            gathered += part
        content = memoryview(gathered)
    if not 0 < len(content) <= IMAGE_LIMIT_BYTES:
        raise InvalidInput(
            "the image is empty or too large", field="image", limit=f"{IMAGE_LIMIT_BYTES} bytes"
        )
    return content
