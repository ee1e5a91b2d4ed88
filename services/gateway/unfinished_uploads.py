"""Files on their way in parts: what is there of each, in the object store itself.

An upload is a small record, `v1/<tenant>/uploads/<id>.json`, and an object a part,
`v1/<tenant>/parts/<id>/<number>`; all expire with it, so that the reaper clears away what nobody
finishes. Any gateway can go on with it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from shared.errors import Conflict, InvalidInput, NotFound, QuotaExceeded
from shared.messages.json_codec import CodecError, from_json, to_json
from shared.tensors.object_tier import object_name
from shared.tensors.objects import LONGEST_UPLOAD_S, PARTS_FOLDER, ObjectMissing, Objects

PART_BYTES = 16 * 1024 * 1024
URL_LIFE_S = 3600.0
MAX_KEY_CHARS = 128
MAX_NAME_CHARS = 255
RETRY_AFTER_S = 60.0

_FOLDER = "uploads/"
_RECORD_LIMIT_BYTES = 16 * 1024
_ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What a tenant may have under way.

    Attributes:
        file_bytes: Most bytes of one file.
        uploads: Most unfinished uploads.
        bytes_in_all: Most bytes of all of them, as declared; no less than `file_bytes`.
        life_s: How long an upload may take, at most `LONGEST_UPLOAD_S`.
        part_bytes: Size of the parts.
    """

    file_bytes: int = 16 * 1024**3
    uploads: int = 8
    bytes_in_all: int = 64 * 1024**3
    life_s: float = 86_400.0
    part_bytes: int = PART_BYTES


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way.

    Attributes:
        upload_id: 32 hexadecimal digits.
        tenant: Whose it is.
        size_bytes: Of the file.
        file_name: For messages only.
        part_bytes: Of every part but the last.
        expires_at_ms: Unix time in milliseconds.
        image_id: Of the image it became; empty while it is unfinished.
    """

    upload_id: str
    tenant: str
    size_bytes: int
    file_name: str
    part_bytes: int
    expires_at_ms: int
    image_id: str = ""

    @property
    def part_count(self) -> int:
        """How many parts it has in all."""
        return -(-self.size_bytes // self.part_bytes)

    def size_of(self, number: int) -> int:
        """Bytes of a part, the first being 1.

        Raises:
            InvalidInput: It has no such part.
        """
        if not 1 <= number <= self.part_count:
            limit = f"1 to {self.part_count}"
            raise InvalidInput(f"there is no part {number}", field="header.number", limit=limit)
        return min(self.part_bytes, self.size_bytes - (number - 1) * self.part_bytes)


class UnfinishedUploads:
    """Uploads of all tenants; another tenant's is an unknown one. All of it blocks."""

    def __init__(
        self, objects: Objects, limits: UploadLimits, clock: Callable[[], float] = time.time
    ) -> None:
        """Takes the store the parts lie in."""
        self._objects = objects
        self._limits = limits
        self._clock = clock

    def begin(self, tenant: str, size_bytes: int, file_name: str, key: str) -> Upload:
        """A new upload, or the one under way with that key.

        What counts is the size declared: room is promised with the upload, and a part may come by a
        URL that no gateway sees. Two gateways that begin at the same moment may let a tenant have
        one upload more than its share.

        Raises:
            InvalidInput: The file is too large or empty, or a text too long.
            Conflict: The key is that of a file of another size.
            QuotaExceeded: The tenant has as many under way as it may, or as many bytes (field
                "size_bytes").
        """
        self._check(size_bytes, file_name, key)
        upload_id = secrets.token_hex(_ID_CHARS // 2)
        if key:
            upload_id = hashlib.sha256(key.encode()).hexdigest()[:_ID_CHARS]
            found = self._read(upload_id, tenant)
            if found and not found.image_id:
                if found.size_bytes != size_bytes:
                    raise Conflict("the key belongs to an upload of another size")
                return found
        self._check_quota(tenant, size_bytes)
        upload = Upload(
            upload_id,
            tenant,
            size_bytes,
            file_name,
            self._limits.part_bytes,
            int((self._clock() + min(self._limits.life_s, LONGEST_UPLOAD_S)) * 1000),
        )
        self._write(upload)
        return upload

    def find(self, upload_id: str, tenant: str) -> Upload:
        """The upload of that id.

        Raises:
            NotFound: The tenant has none; says the same whether or not another tenant has.
        """
        well_formed = len(upload_id) == _ID_CHARS and set(upload_id) <= set("0123456789abcdef")
        found = self._read(upload_id, tenant) if well_formed else None
        if found is None:
            raise NotFound("there is no such upload", field="upload_id")
        return found

    def write_part(self, upload: Upload, number: int, data: memoryview) -> None:
        """Keeps a part; one that is there is replaced.

        Raises:
            InvalidInput: It has not the size it must have.
            Conflict: The upload is complete.
            QueueFull, StageUnavailable: The object store cannot take it.
        """
        if len(data) != upload.size_of(number):
            raise InvalidInput(
                f"part {number} has {len(data)} bytes",
                field="chunk",
                limit=f"{upload.size_of(number)} bytes",
            )
        if upload.image_id:
            raise Conflict("the upload is complete")
        self._objects.write(_part(upload, number), [data], upload.expires_at_ms)

    def missing(self, upload: Upload) -> tuple[int, ...]:
        """Numbers of the parts that are not there, or not of the right size, in order."""
        if upload.image_id:
            return ()
        there = set(self._objects.names(_parts(upload)))
        return tuple(
            number
            for number in range(1, upload.part_count + 1)
            if _part(upload, number) not in there or not self._is_whole(upload, number)
        )

    def url(self, upload: Upload, number: int) -> str:
        """Where a client may put the part itself; empty where it cannot."""
        return self._objects.url_to_write(_part(upload, number), URL_LIFE_S)

    def content(self, upload: Upload) -> Iterator[memoryview]:
        """The parts in order.

        Raises:
            Conflict: One is gone.
        """
        for number in range(1, upload.part_count + 1):
            try:
                yield self._objects.read(_part(upload, number), upload.size_of(number))
            except ObjectMissing:
                raise Conflict(f"part {number} is not there; send it again") from None

    def finish(self, upload: Upload, image_id: str) -> None:
        """Notes what it became, so that completing it again gives the same."""
        self._write(replace(upload, image_id=image_id))

    def drop_parts(self, upload: Upload) -> None:
        """Deletes the parts."""
        for name in list(self._objects.names(_parts(upload))):
            self._objects.delete(name)

    def abort(self, upload_id: str, tenant: str) -> None:
        """Deletes the upload; one that is not there is no error."""
        try:
            upload = self.find(upload_id, tenant)
        except NotFound:
            return
        self._objects.delete(_record(tenant, upload_id))
        self.drop_parts(upload)

    def _check(self, size_bytes: int, file_name: str, key: str) -> None:
        most = self._limits.file_bytes
        if not 1 <= size_bytes <= most:
            raise InvalidInput(
                f"the file has {size_bytes} bytes", field="size_bytes", limit=f"1 to {most} bytes"
            )
        for field, text, chars in (
            ("file_name", file_name, MAX_NAME_CHARS),
            ("idempotency_key", key, MAX_KEY_CHARS),
        ):
            if len(text) > chars:
                limit = f"{chars} characters"
                raise InvalidInput(f"has {len(text)} characters", field=field, limit=limit)

    def _check_quota(self, tenant: str, size_bytes: int) -> None:
        names = self._objects.names(object_name(tenant, _FOLDER))
        ids = (name.rpartition("/")[2].removesuffix(".json") for name in names)
        found = [upload for each in ids if (upload := self._read(each, tenant))]
        unfinished_bytes = [upload.size_bytes for upload in found if not upload.image_id]
        if len(unfinished_bytes) >= self._limits.uploads:
            raise QuotaExceeded(
                "too many uploads are unfinished; complete or abort one",
                limit=f"{self._limits.uploads} unfinished uploads",
                retry_after_s=RETRY_AFTER_S,
            )
        if sum(unfinished_bytes) + size_bytes > self._limits.bytes_in_all:
            raise QuotaExceeded(
                f"unfinished uploads have {sum(unfinished_bytes)} bytes, and this one would have "
                f"{size_bytes}; complete or abort one",
                field="size_bytes",
                limit=f"{self._limits.bytes_in_all} bytes of unfinished uploads",
                retry_after_s=RETRY_AFTER_S,
            )

    def _is_whole(self, upload: Upload, number: int) -> bool:
        found = self._objects.stat(_part(upload, number))
        return found is not None and found.size_bytes == upload.size_of(number)

    def _read(self, upload_id: str, tenant: str) -> Upload | None:
        try:
            text = self._objects.read(_record(tenant, upload_id), _RECORD_LIMIT_BYTES)
            upload = from_json(Upload, bytes(text))
        except (ObjectMissing, CodecError):
            return None
        return upload if upload.expires_at_ms > self._clock() * 1000 else None

    def _write(self, upload: Upload) -> None:
        text = memoryview(to_json(upload).encode())
        self._objects.write(_record(upload.tenant, upload.upload_id), [text], upload.expires_at_ms)


def _record(tenant: str, upload_id: str) -> str:
    return object_name(tenant, f"{_FOLDER}{upload_id}.json")


def _parts(upload: Upload) -> str:
    return object_name(upload.tenant, f"{PARTS_FOLDER.strip('/')}/{upload.upload_id}/")


def _part(upload: Upload, number: int) -> str:
    return f"{_parts(upload)}{number:06d}"
