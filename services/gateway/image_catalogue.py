"""A tenant's images: kept in the object store, with what is known of them beside."""

from __future__ import annotations

import json

from earthgptx.imagery.channels import shown_as_stored
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import ImageLimits
from earthgptx.imagery.read import Raster, read_image
from services.gateway.header_record import record_of
from shared.errors import NotFound, refused_as_invalid_input
from shared.image_records import ImageRecord, KeptImage, find_image
from shared.messages.json_codec import to_json
from shared.tensors.store import TensorStore
from shared.worker_pool import WorkerPool

# Decoding may take a GiB: one at a time.
DECODE_THREADS = 1
STORE_THREADS = 8


class ImageCatalogue:
    """Keeps, finds and deletes images. Another tenant's image is an unknown one.

    Attributes:
        limits: What an image may be.
    """

    def __init__(self, store: TensorStore, limits: ImageLimits, ttl_s: float) -> None:
        """Takes the store the files lie in."""
        self._store = store
        self.limits = limits
        self._ttl_s = ttl_s
        self._decoding = WorkerPool("decode", DECODE_THREADS)
        self._storing = WorkerPool("images", STORE_THREADS)

    async def keep(self, data: bytes, *, tenant: str) -> KeptImage:
        """Checks the file down to its pixels and keeps it; the same bytes are the same image.

        Raises:
            InvalidInput: Not an image that can be used.
            QueueFull: The object store is full.
            StageUnavailable: It cannot be reached.
        """
        record = await self._decoding.run(self._examine, data)
        ref = await self._storing.run(
            self._store.put_image,
            data,
            tenant=tenant,
            ttl_s=self._ttl_s,
            description=json.loads(to_json(record)),
        )
        return KeptImage(ref, record)

    async def find(self, image_id: str, *, tenant: str) -> KeptImage:
        """The image of that id.

        Raises:
            NotFound: The tenant has none; says the same whether or not another tenant has.
        """
        return await self._storing.run(find_image, self._store, image_id, tenant)

    async def delete(self, image_id: str, *, tenant: str) -> None:
        """Deletes the image; one that is not there is no error."""
        await self._storing.run(self._delete, image_id, tenant)

    async def probe(self) -> None:
        """Whether the object store answers.

        Raises:
            StageUnavailable: It does not.
        """
        await self.delete("sha256:" + "0" * 64, tenant="probe")

    async def close(self) -> None:
        """Ends the threads."""
        await self._decoding.close()
        await self._storing.close()

    def _examine(self, data: bytes) -> ImageRecord:
        with refused_as_invalid_input(ImageryError):
            raster = read_image(data, self.limits)
        return record_of(
            raster.header,
            shown_as_is=_shown_as_is(raster),
            has_gaps=raster.valid_HW is not None,
        )

    def _delete(self, image_id: str, tenant: str) -> None:
        try:
            self._store.delete_image(image_id, tenant=tenant)
        except NotFound:
            return


def _shown_as_is(raster: Raster) -> bool:
    return shown_as_stored(raster.band_meanings, raster.bands_CHW.dtype) and not (
        raster.note or raster.valid_HW is not None
    )
