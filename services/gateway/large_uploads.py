"""Uploads of large scenes by parts: taken in, gone on with, made an image of."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from protos.earthgptx.v1 import images_pb2
from services.gateway.scene_files import scene_file
from services.gateway.unfinished_uploads import UnfinishedUploads, Upload
from services.gateway.uploads import MAX_CHUNK_BYTES, HeldBytes
from shared.errors import Conflict, InvalidInput, NotFound, QueueFull
from shared.image_records import ImageRecord, KeptImage, find_image
from shared.messages.json_codec import to_json
from shared.single_flight import SingleFlight
from shared.tensors.store import TensorStore
from shared.worker_pool import WorkerPool

STORE_THREADS = 4
# Each reads, hashes and writes a whole file: more at once would only share the disk.
COMPLETING_THREADS = 1


class LargeUploads:
    """What the calls of uploads by parts do. Another tenant's upload is an unknown one."""

    def __init__(
        self, store: TensorStore, uploads: UnfinishedUploads, folder: Path, ttl_s: float
    ) -> None:
        """Takes the stores.

        Args:
            store: Where images lie.
            uploads: What is under way.
            folder: Where a file is put together to be looked at.
            ttl_s: Life of an image.
        """
        self._store = store
        self._uploads = uploads
        self._folder = folder
        self._ttl_s = ttl_s
        self._storing = WorkerPool("parts", STORE_THREADS)
        self._completing = WorkerPool("completing", COMPLETING_THREADS)
        self._completed: SingleFlight[KeptImage] = SingleFlight()

    async def begin(
        self, request: images_pb2.BeginUploadRequest, tenant: str
    ) -> images_pb2.UploadInfo:
        """A new upload, or the one under way with the request's key.

        Raises:
            InvalidInput: The file is too large or empty, or a text too long.
            Conflict: The key is that of a file of another size.
            QuotaExceeded: The tenant has as many under way as it may, or as many bytes.
        """
        return await self._storing.run(self._begin, request, tenant)

    async def find(self, upload_id: str, tenant: str) -> images_pb2.UploadInfo:
        """The upload as it stands.

        Raises:
            NotFound: The tenant has none of that id.
        """
        return await self._storing.run(self._find, upload_id, tenant)

    async def take_part(
        self,
        requests: AsyncIterator[images_pb2.UploadPartRequest],
        held: HeldBytes,
        tenant: str,
    ) -> None:
        """Keeps a part that comes in chunks.

        Raises:
            InvalidInput: Messages out of order, no such part, or not of its size.
            NotFound: The tenant has no such upload.
            QueueFull: Too many bytes of uploads at once, or the store is full.
        """
        upload: Upload | None = None
        number = 0
        async for request in requests:
            if (request.WhichOneof("part") == "header") != (upload is None):
                message = "the first message, and only it, carries the header"
                raise InvalidInput(message, field="header")
            if upload is None:
                number = request.header.number
                upload = await self._storing.run(
                    self._uploads.find, request.header.upload_id, tenant
                )
                continue
            _check_chunk(request.chunk, held.size_bytes, upload.size_of(number))
            held.add(request.chunk)
        if upload is None:
            raise InvalidInput("nothing was sent", field="header")
        await self._storing.run(self._uploads.write_part, upload, number, memoryview(held.data))

    async def complete(self, upload_id: str, tenant: str) -> KeptImage:
        """Makes an image of the parts; again, it is the same image.

        Raises:
            Conflict: Parts are missing.
            InvalidInput: The file cannot be used; it is dropped.
            NotFound: The tenant has no such upload, or its image was deleted since.
            QueueFull, StageUnavailable: The object store, or the disk here, cannot take it.
        """

        async def work() -> KeptImage:
            return await self._completing.run(self._complete, upload_id, tenant)

        return await self._completed.run((tenant, upload_id), work)

    async def abort(self, upload_id: str, tenant: str) -> None:
        """Deletes the upload; one that is not there is no error."""
        await self._storing.run(self._uploads.abort, upload_id, tenant)

    async def close(self) -> None:
        """Ends the threads."""
        await self._storing.close()
        await self._completing.close()

    def _begin(self, request: images_pb2.BeginUploadRequest, tenant: str) -> images_pb2.UploadInfo:
        return self._info(
            self._uploads.begin(
                tenant, request.size_bytes, request.file_name, request.idempotency_key
            )
        )

    def _find(self, upload_id: str, tenant: str) -> images_pb2.UploadInfo:
        return self._info(self._uploads.find(upload_id, tenant))

    def _info(self, upload: Upload) -> images_pb2.UploadInfo:
        missing = self._uploads.missing(upload)
        return images_pb2.UploadInfo(
            upload_id=upload.upload_id,
            size_bytes=upload.size_bytes,
            part_size_bytes=upload.part_bytes,
            part_count=upload.part_count,
            expires_at_ms=upload.expires_at_ms,
            missing_parts=[
                images_pb2.MissingPart(number=number, url=self._uploads.url(upload, number))
                for number in missing
            ],
            image_id=upload.image_id,
        )

    def _complete(self, upload_id: str, tenant: str) -> KeptImage:
        upload = self._uploads.find(upload_id, tenant)
        if upload.image_id:
            return find_image(self._store, upload.image_id, tenant)
        if missing := self._uploads.missing(upload):
            raise Conflict(
                f"{len(missing)} of {upload.part_count} parts are not there, the first is "
                f"{missing[0]}",
                field="upload_id",
                limit=f"{upload.part_count} parts",
            )
        try:
            image_id = self._keep(upload)
        except InvalidInput:
            # It will not become better; its place is for another.
            self._uploads.abort(upload_id, tenant)
            raise
        self._uploads.finish(upload, image_id)
        return find_image(self._store, image_id, tenant)

    def _keep(self, upload: Upload) -> str:
        """Keeps the file as an image; returns its id."""
        with scene_file(self._uploads.content(upload), self._folder) as scene:
            record = self._known(scene.image_id, upload.tenant) or scene.record
            put = partial(
                self._store.put_image_file,
                scene.path,
                scene.image_id,
                tenant=upload.tenant,
                ttl_s=self._ttl_s,
                description=json.loads(to_json(record)),
            )
            try:
                put()
            except QueueFull:
                # A store without room for the file twice has it here in between.
                self._uploads.drop_parts(upload)
                put()
            self._uploads.drop_parts(upload)
            return scene.image_id

    def _known(self, image_id: str, tenant: str) -> ImageRecord | None:
        """What was said of the same bytes before: an image that stages can read stays one."""
        try:
            return find_image(self._store, image_id, tenant).record
        except NotFound:
            return None


def _check_chunk(chunk: bytes, before_bytes: int, limit_bytes: int) -> None:
    if len(chunk) > MAX_CHUNK_BYTES:
        raise InvalidInput(
            f"a chunk has {len(chunk)} bytes", field="chunk", limit=f"{MAX_CHUNK_BYTES} bytes"
        )
    if before_bytes + len(chunk) > limit_bytes:
        raise InvalidInput("the part is too large", field="chunk", limit=f"{limit_bytes} bytes")
