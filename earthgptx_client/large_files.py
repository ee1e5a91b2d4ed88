"""A large scene on its way to the suite, part by part; what was sent before is not sent again."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator

from earthgptx_client.calls import Caller, Deadline
from earthgptx_client.errors import ClientError
from earthgptx_client.image_files import (
    SCENE_STARTS,
    TIFF_STARTS,
    File,
    OnSent,
    first_bytes,
    is_tar,
    name_of,
    read_at,
    size_bytes,
)
from protos.earthgptx.v1 import images_pb2, images_pb2_grpc

# What UploadImage takes.
IMAGE_LIMIT_BYTES = 256 * 1024 * 1024

_CHUNK_BYTES = 512 * 1024
_NAME_CHARS = 255
# Parts that get lost on the way are sent again so often.
_ROUNDS = 3
_PART_TIMEOUT_S = 300.0
# The suite reads, hashes and writes the whole file before it answers.
_LEAST_BYTES_PER_S = 10_000_000


def is_large(file: File) -> bool:
    """Whether the file is one that only goes by parts.

    Raises:
        ClientError: it cannot be read.
    """
    if size_bytes(file) > IMAGE_LIMIT_BYTES:
        return True
    return is_tar(file) or first_bytes(file).startswith(SCENE_STARTS)


def may_be_large(file: File) -> bool:
    """Whether it may have more pixels than UploadImage takes, for all its few bytes.

    Raises:
        ClientError: it cannot be read.
    """
    return first_bytes(file).startswith(TIFF_STARTS)


class PartsUpload:
    """One file going by parts."""

    def __init__(
        self,
        images: images_pb2_grpc.ImagesStub,
        caller: Caller,
        file: File,
        timeout_s: float | None,
        on_sent: OnSent | None,
    ) -> None:
        """Takes the file.

        Args:
            images: the service.
            caller: makes its calls.
            file: path or bytes.
            timeout_s: for everything; None: each call has a time of its own, and the whole may take
                as long as it takes.
            on_sent: told bytes that are there and bytes in all.
        """
        self._images = images
        self._caller = caller
        self._file = file
        self._size_bytes = size_bytes(file)
        self._whole = None if timeout_s is None else Deadline.after(timeout_s)
        self._on_sent = on_sent

    def run(self, key: str) -> images_pb2.ImageInfo:
        """Sends what is missing; an upload that was begun with the same key is gone on with.

        Args:
            key: names the file's content.

        Raises:
            ClientError: the suite does not take it, or there is no time left.
        """
        upload = self._begin(key)
        for _ in range(_ROUNDS):
            self._send_missing(upload)
            try:
                return self._complete(upload)
            except ClientError as error:
                if error.code != "CONFLICT":
                    raise
                lost = error
            upload = self._look(upload.upload_id)
        raise lost

    def _begin(self, key: str) -> images_pb2.UploadInfo:
        request = images_pb2.BeginUploadRequest(
            size_bytes=self._size_bytes,
            file_name=name_of(self._file)[:_NAME_CHARS],
            idempotency_key=key,
        )
        begun = self._caller.call(
            "Images/BeginUpload", self._images.BeginUpload, lambda: request, self._deadline()
        )
        upload: images_pb2.UploadInfo = begun.upload
        return upload

    def _look(self, upload_id: str) -> images_pb2.UploadInfo:
        request = images_pb2.GetUploadRequest(upload_id=upload_id)
        found = self._caller.call(
            "Images/GetUpload", self._images.GetUpload, lambda: request, self._deadline()
        )
        upload: images_pb2.UploadInfo = found.upload
        return upload

    def _send_missing(self, upload: images_pb2.UploadInfo) -> None:
        part_bytes = upload.part_size_bytes
        sizes = {
            part.number: min(part_bytes, self._size_bytes - (part.number - 1) * part_bytes)
            for part in upload.missing_parts
        }
        sent_bytes = self._size_bytes - sum(sizes.values())
        for part in upload.missing_parts:
            data = read_at(self._file, (part.number - 1) * part_bytes, sizes[part.number])
            if not (part.url and _put(part.url, data, self._deadline().remaining_s())):
                self._send(upload.upload_id, part.number, data)
            sent_bytes += len(data)
            if self._on_sent:
                self._on_sent(sent_bytes, self._size_bytes)

    def _send(self, upload_id: str, number: int, data: bytes) -> None:
        def messages() -> Iterator[images_pb2.UploadPartRequest]:
            header = images_pb2.PartHeader(upload_id=upload_id, number=number)
            yield images_pb2.UploadPartRequest(header=header)
            for start in range(0, len(data), _CHUNK_BYTES):
                yield images_pb2.UploadPartRequest(chunk=data[start : start + _CHUNK_BYTES])

        self._caller.call("Images/UploadPart", self._images.UploadPart, messages, self._deadline())

    def _complete(self, upload: images_pb2.UploadInfo) -> images_pb2.ImageInfo:
        request = images_pb2.CompleteUploadRequest(upload_id=upload.upload_id)
        deadline = self._deadline(self._size_bytes / _LEAST_BYTES_PER_S)
        completed = self._caller.call(
            "Images/CompleteUpload", self._images.CompleteUpload, lambda: request, deadline
        )
        image: images_pb2.ImageInfo = completed.image
        return image

    def _deadline(self, more_s: float = 0.0) -> Deadline:
        """Of one call."""
        own = Deadline.after(_PART_TIMEOUT_S + more_s)
        return own if self._whole is None else min(own, self._whole, key=Deadline.remaining_s)


def _put(url: str, data: bytes, timeout_s: float) -> bool:
    """Puts a part where the suite said; False where that does not do: the gateway takes it too."""
    request = urllib.request.Request(url, data=data, method="PUT")
    request.add_header("Content-Type", "application/octet-stream")
    try:
        with urllib.request.urlopen(request, timeout=timeout_s):
            return True
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError):
        return False
