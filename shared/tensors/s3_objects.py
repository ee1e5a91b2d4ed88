"""Objects in any S3 store, by the `minio` client.

An object's expiry is its user metadata `expires-at-ms`: S3's own lifecycle rules count in days.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import REPLACE, CopySource
from minio.error import MinioException, S3Error

from shared.settings import Secret
from shared.tensors.objects import (
    LONGEST_UPLOAD_S,
    PARTS_FOLDER,
    ObjectMissing,
    ObjectsFull,
    ObjectStat,
    ObjectsUnavailable,
)

# One PUT up to here: minio's own choice would cut 16 MiB into four requests.
_PART_BYTES = 64 * 1024 * 1024
_EXPIRY = "expires-at-ms"
_EXPIRY_HEADER = "x-amz-meta-" + _EXPIRY
_MISSING = ("NoSuchKey", "NoSuchBucket", "NotFound", "InvalidRange")
_FULL = ("QuotaExceeded", "XMinioStorageFull", "EntityTooLarge")
_CONNECT_TIMEOUT_S = 3.0
_READ_TIMEOUT_S = 30.0
_CONNECTIONS = 32


class S3Objects:
    """The objects of one bucket, which must exist."""

    reads_are_cheap = False

    def __init__(self, client: Minio, bucket: str, public: Minio | None = None) -> None:
        """Takes a client; it may be shared between threads.

        Args:
            client: Reaches the store.
            bucket: Of that store.
            public: The same store by the address that clients of the suite reach; None: they
                cannot. Nothing is sent by it.
        """
        self._client = client
        self._bucket = bucket
        self._public = public

    def write(self, name: str, parts: Sequence[memoryview], expires_at_ms: int) -> None:
        """See `Objects`."""
        size_bytes = sum(len(part) for part in parts)
        self._write(name, io.BufferedReader(_Parts(parts)), size_bytes, expires_at_ms)

    def write_file(self, name: str, path: Path, expires_at_ms: int) -> None:
        """See `Objects`."""
        with path.open("rb") as file:
            self._write(name, file, path.stat().st_size, expires_at_ms)

    def _write(
        self, name: str, data: BinaryIO | io.BufferedReader, size_bytes: int, expires_at_ms: int
    ) -> None:
        with _translated(name):
            self._client.put_object(
                bucket_name=self._bucket,
                object_name=name,
                data=data,
                length=size_bytes,
                metadata={_EXPIRY: str(expires_at_ms)},
                part_size=_PART_BYTES,
            )

    def read(self, name: str, limit_bytes: int) -> memoryview:
        """See `Objects`."""
        with _translated(name):
            response = self._client.get_object(bucket_name=self._bucket, object_name=name)
            with closing(response):
                size_bytes = int(response.headers["content-length"])
                data = memoryview(bytearray(min(size_bytes, limit_bytes + 1)))
                filled = 0
                while filled < len(data) and (count := response.readinto(data[filled:])):
                    filled += count
                if filled == size_bytes:
                    response.drain_conn()  # back to the pool; what is unread closes it instead
        return data[:filled]

    def read_range(self, name: str, start: int, size_bytes: int) -> memoryview:
        """See `Objects`."""
        with _translated(name):
            response = self._client.get_object(
                bucket_name=self._bucket, object_name=name, offset=start, length=size_bytes
            )
            with closing(response):
                return memoryview(response.read())

    def url_to_write(self, name: str, life_s: float) -> str:
        """See `Objects`."""
        if self._public is None:
            return ""
        return self._public.get_presigned_url(
            method="PUT",
            bucket_name=self._bucket,
            object_name=name,
            expires=timedelta(seconds=life_s),
        )

    def stat(self, name: str) -> ObjectStat | None:
        """See `Objects`."""
        try:
            with _translated(name):
                found = self._client.stat_object(bucket_name=self._bucket, object_name=name)
        except ObjectMissing:
            return None
        expires_at_ms = _expiry(found.metadata or {})
        if PARTS_FOLDER in name and not expires_at_ms and found.last_modified is not None:
            expires_at_ms = int((found.last_modified.timestamp() + LONGEST_UPLOAD_S) * 1000)
        return ObjectStat(found.size or 0, expires_at_ms)

    def prolong(self, name: str, expires_at_ms: int) -> None:
        """See `Objects`; the server copies the object onto itself, the bytes do not travel."""
        with _translated(name):
            self._client.copy_object(
                bucket_name=self._bucket,
                object_name=name,
                source=CopySource(bucket_name=self._bucket, object_name=name),
                metadata={_EXPIRY: str(expires_at_ms)},
                metadata_directive=REPLACE,
            )

    def delete(self, name: str) -> bool:
        """See `Objects`."""
        if self.stat(name) is None:
            return False
        with _translated(name):
            self._client.remove_object(bucket_name=self._bucket, object_name=name)
        return True

    def delete_expired(self, name: str, expired_before_ms: int) -> ObjectStat | None:
        """See `Objects`.

        S3 cannot delete on a condition: an object written anew between the look and the deletion,
        a few milliseconds, is lost, and its readers are told to make it again.
        """
        found = self.stat(name)
        if found is None or not 0 < found.expires_at_ms <= expired_before_ms:
            return found
        with _translated(name):
            self._client.remove_object(bucket_name=self._bucket, object_name=name)
        return None

    def names(self, prefix: str = "") -> Iterator[str]:
        """See `Objects`."""
        with _translated(prefix):
            for found in self._client.list_objects(
                bucket_name=self._bucket, prefix=prefix, recursive=True
            ):
                if found.object_name:
                    yield found.object_name


class _Parts(io.RawIOBase):
    """Parts read one after another, without putting them together first."""

    def __init__(self, parts: Sequence[memoryview]) -> None:
        super().__init__()
        self._parts = [part for part in parts if len(part)]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._parts:
            return 0
        count = min(len(buffer), len(self._parts[0]))
        memoryview(buffer)[:count] = self._parts[0][:count]
        rest = self._parts[0][count:]
        self._parts = [rest, *self._parts[1:]] if len(rest) else self._parts[1:]
        return count


def connect_s3(url: str, access_key: str, secret_key: Secret, public_url: str = "") -> S3Objects:
    """Objects in the bucket of `url`, http(s)://host:port/bucket; nothing is sent yet.

    The region is taken to be us-east-1, which every store of one's own accepts.

    Args:
        url: Where the suite reaches the store.
        access_key: Its user.
        secret_key: The user's password.
        public_url: Where clients of the suite reach the same bucket; empty if they do not.

    Raises:
        ValueError: A URL has no host, or not exactly a bucket as its path; or the two name
            different buckets.
    """
    netloc, bucket = _split(url)
    client = _client(url, netloc, access_key, secret_key)
    if not public_url:
        return S3Objects(client, bucket)
    public_netloc, public_bucket = _split(public_url)
    if public_bucket != bucket:
        raise ValueError("must name the same bucket")
    return S3Objects(client, bucket, _client(public_url, public_netloc, access_key, secret_key))


def _split(url: str) -> tuple[str, str]:
    """Host (with port) and bucket."""
    found = urlsplit(url)
    bucket = found.path.strip("/")
    if found.scheme not in ("http", "https") or not found.hostname or not bucket or "/" in bucket:
        raise ValueError("must be http(s)://host:port/bucket")
    return found.netloc, bucket


def _client(url: str, netloc: str, access_key: str, secret_key: Secret) -> Minio:
    pool = urllib3.PoolManager(
        maxsize=_CONNECTIONS,
        timeout=urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S),
        retries=urllib3.Retry(total=2, backoff_factor=0.1, status_forcelist=(500, 502, 503, 504)),
    )
    return Minio(
        endpoint=netloc,
        access_key=access_key or None,
        secret_key=secret_key.reveal() or None,
        secure=url.startswith("https:"),
        region="us-east-1",
        http_client=pool,
    )


def _expiry(metadata: Mapping[str, str]) -> int:
    lowered = {key.lower(): value for key, value in metadata.items()}
    text = lowered.get(_EXPIRY_HEADER, "0")
    return int(text) if text.isdigit() else 0


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Gives the client's errors their meaning here."""
    try:
        yield
    except S3Error as error:
        if error.code in _MISSING:
            raise ObjectMissing(name) from None
        if error.code in _FULL:
            raise ObjectsFull("the object store is full", retry_after_s=5.0) from error
        raise ObjectsUnavailable(f"the object store refuses: {error.code}") from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise ObjectsUnavailable("the object store cannot be reached") from error
