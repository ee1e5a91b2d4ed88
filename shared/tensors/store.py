"""Put and get tensors by reference: one interface over every tier.

Where a tensor goes:

    durable                     object store
    up to 64 KiB                inline, in the ref
    readers on this host        shared memory
    up to 4 MiB                 Redis, else object store
    larger                      object store, else Redis

A tier this process does not have is passed over; one that is full or out of reach is passed over
with a log line. What comes back is believed only when signature, tenant, expiry, size and digest
hold. Nothing is deleted by a read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from shared.errors import InvalidInput, StageUnavailable, TensorGone, TensorRefused
from shared.security import Signer, check_tenant
from shared.tensors.digest import matches
from shared.tensors.host_tensor import HostTensor, size_of
from shared.tensors.images import Images, image_key
from shared.tensors.index import Index, LocalIndex, check_entry
from shared.tensors.inline_tier import INLINE_LIMIT_BYTES
from shared.tensors.ref import INLINE, OBJECT_STORE, REDIS, SHARED_MEMORY, TensorRef
from shared.tensors.tier import Tier, TierUnable

REDIS_LIMIT_BYTES = 4 * 1024 * 1024
DEFAULT_LIMIT_BYTES = 512 * 1024 * 1024
MAX_TTL_S = 366 * 24 * 3600.0

Shape = Sequence[int | None]

logger = logging.getLogger(__name__)


class TensorStore:
    """Safe to use from many threads; every call may block, so servers call it off the loop."""

    def __init__(
        self,
        tiers: Sequence[Tier],
        signer: Signer,
        *,
        images: Images | None = None,
        index: Index | None = None,
        clock: Callable[[], float] = time.time,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """Puts the parts together.

        Args:
            tiers: Those this process can write and read, at most one of a name.
            signer: Made for `ref.SIGNING_PURPOSE` with the suite's key.
            images: Where uploaded files lie; None if this process has no object store.
            index: Where small payloads are remembered; in this process by default.
            clock: Unix time in seconds.
            on_close: Closes what the parts stand on.
        """
        self._tiers = {tier.name: tier for tier in tiers}
        self._signer = signer
        self._images = images
        self._index = index or LocalIndex(clock)
        self._clock = clock
        self._on_close = on_close

    @property
    def tier_names(self) -> tuple[str, ...]:
        """The tiers this process has."""
        return tuple(self._tiers)

    def put(
        self,
        tensor: HostTensor,
        *,
        tenant: str,
        ttl_s: float | None,
        durable: bool = False,
        shared_readers: bool = True,
    ) -> TensorRef:
        """Keeps `tensor` for `ttl_s` seconds or longer; the same content is not kept twice.

        Args:
            tensor: What to keep.
            tenant: Its owner.
            ttl_s: Life in seconds; None (for good) only if durable.
            durable: Must survive restarts: goes to the object store, named by SHA-256.
            shared_readers: Whether all who will read it share this host's memory.

        Raises:
            InvalidInput: Bad tenant or ttl.
            QueueFull: No tier has room.
            StageUnavailable: No tier can be reached.
        """
        check_tenant(tenant)
        expires_at_ms = self._expiry(ttl_s, durable)
        failed: TierUnable | None = None
        for name in _places(len(tensor.data), durable, shared_readers):
            if name not in self._tiers:
                continue
            try:
                placed = self._tiers[name].put(
                    tensor, tenant=tenant, expires_at_ms=expires_at_ms, durable=durable
                )
            except TierUnable as unable:
                logger.warning(
                    "tier %s passed over for %d bytes: %s", name, len(tensor.data), unable
                )
                failed = unable
                continue
            if failed is not None:
                logger.warning("tier %s took them instead", name)
            return TensorRef(
                tenant=tenant,
                key=placed.key,
                tier=name,
                dtype=tensor.dtype,
                shape=tensor.shape,
                size_bytes=len(tensor.data),
                digest=placed.digest,
                expires_at_ms=expires_at_ms,
                host=placed.host,
                inline_data=placed.inline_data,
            ).signed(self._signer)
        if failed is not None:
            raise failed.to_suite_error() from failed
        raise StageUnavailable("no tier for such a tensor is configured")

    def get(
        self,
        ref: TensorRef,
        *,
        tenant: str,
        dtype: str | None = None,
        shape: Shape | None = None,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        field: str = "tensor",
    ) -> HostTensor:
        """The tensor behind `ref`, its bytes proven to be those that were put.

        Args:
            ref: From a message; nothing of it is believed before its signature holds.
            tenant: Whom the reader acts for.
            dtype: What it must be, if it matters.
            shape: What it must be, if it matters; None for an axis of any length.
            limit_bytes: Most bytes the reader takes.
            field: What errors call the tensor.

        Raises:
            TensorRefused: Forged, altered, or another tenant's.
            TensorGone: Expired, evicted, its slab used again, or damaged: make it again.
            InvalidInput: Not the dtype, shape or size asked for.
            StageUnavailable: Its tier cannot be reached from here.
        """
        self.verify(ref, tenant=tenant, field=field)
        _check_wanted(ref, dtype, shape, limit_bytes, field)
        tier = self._tiers.get(ref.tier)
        if tier is None:
            raise StageUnavailable(f"{field} lies in a tier this process cannot read")
        return HostTensor(ref.dtype, ref.shape, _proven(tier, ref, field))

    def verify(self, ref: TensorRef, *, tenant: str, field: str = "tensor") -> None:
        """Checks the claim without fetching the bytes.

        Raises:
            TensorRefused: Forged, altered, inconsistent, or another tenant's.
            TensorGone: Expired.
        """
        if not ref.is_signed_by(self._signer):
            raise TensorRefused(f"{field} is not signed by this suite", field=field)
        if ref.tenant != tenant:
            raise TensorRefused(f"{field} belongs to another tenant", field=field)
        try:
            consistent = size_of(ref.dtype, ref.shape) == ref.size_bytes
        except InvalidInput:
            consistent = False
        if not consistent:
            raise TensorRefused(f"{field} contradicts itself", field=field)
        if ref.expires_at_ms and ref.expires_at_ms <= self._clock() * 1000:
            raise TensorGone(f"{field} has expired", field=field)

    def remember(self, tenant: str, name: str, payload: bytes, ttl_s: float) -> None:
        """Keeps a small payload under a name of the tenant's; a cache, it may go at any time.

        Names of what was made from an image begin with the image id, so that deleting the image
        forgets them.

        Raises:
            InvalidInput: Name, payload or ttl out of bounds.
            StageUnavailable: The tensor Redis cannot be reached.
        """
        check_tenant(tenant)
        check_entry(name, payload)
        self._expiry(ttl_s, durable=False)
        self._index.remember(tenant, name, payload, ttl_s)

    def find(self, tenant: str, name: str) -> bytes | None:
        """What the tenant has under that name, or None.

        Raises:
            StageUnavailable: The tensor Redis cannot be reached.
        """
        return self._index.find(check_tenant(tenant), name)

    def forget(self, tenant: str, prefix: str) -> int:
        """Drops every name of the tenant's that begins with `prefix`; returns how many."""
        return self._index.forget(check_tenant(tenant), prefix)

    def put_image(
        self,
        data: bytes | memoryview | IO[bytes],
        *,
        tenant: str,
        ttl_s: float | None = None,
        description: Mapping[str, Any] | None = None,
    ) -> TensorRef:
        """Keeps an uploaded file; returns a ref, u8 [size_bytes], whose digest is the image id.

        Args:
            data: The file, or an open one to read it from.
            tenant: Its owner.
            ttl_s: Life in seconds, None for good; putting it again prolongs it.
            description: JSON kept beside it.

        Raises:
            InvalidInput: Empty, larger than 256 MiB, bad tenant or ttl.
            QueueFull: The object store has no room.
            StageUnavailable: There is no object store, or it cannot be reached.
        """
        check_tenant(tenant)
        images = self._need_images()
        image_id, _ = images.put(
            data,
            tenant=tenant,
            expires_at_ms=self._expiry(ttl_s, durable=True),
            description=description or {},
        )
        return self.image_ref(image_id, tenant=tenant)

    def put_image_file(
        self,
        path: Path,
        image_id: str,
        *,
        tenant: str,
        ttl_s: float | None = None,
        description: Mapping[str, Any] | None = None,
    ) -> TensorRef:
        """Keeps a local file of any size as an image; the caller has found its id.

        Raises:
            InvalidInput: Bad tenant or ttl.
            QueueFull: The object store has no room.
            StageUnavailable: There is no object store, or it cannot be reached.
        """
        self._need_images().put_file(
            path,
            image_id,
            tenant=check_tenant(tenant),
            expires_at_ms=self._expiry(ttl_s, durable=True),
            description=description or {},
        )
        return self.image_ref(image_id, tenant=tenant)

    def image_chunks(self, image_id: str, *, tenant: str) -> Iterator[bytes]:
        """The file of an image piece by piece; its digest is for the reader to compare.

        Raises:
            NotFound: The tenant has no such image.
        """
        return self._need_images().chunks(image_id, tenant=check_tenant(tenant))

    def image_ref(self, image_id: str, *, tenant: str) -> TensorRef:
        """A ref to an image that was put.

        Raises:
            NotFound: The tenant has no such image.
        """
        check_tenant(tenant)
        expires_at_ms, size_bytes = self._need_images().expiry_and_size(image_id, tenant=tenant)
        return TensorRef(
            tenant=tenant,
            key=image_key(image_id),
            tier=OBJECT_STORE,
            dtype="u8",
            shape=(size_bytes,),
            size_bytes=size_bytes,
            digest=image_id,
            expires_at_ms=expires_at_ms,
        ).signed(self._signer)

    def get_image(self, image_id: str, *, tenant: str) -> bytes:
        """The file of an image.

        Raises:
            NotFound: The tenant has no such image.
            TensorGone: It is damaged; uploading it again mends it.
        """
        return self._need_images().get(image_id, tenant=check_tenant(tenant))

    def image_description(self, image_id: str, *, tenant: str) -> dict[str, Any]:
        """The JSON kept beside an image; empty if there is none.

        Raises:
            NotFound: The tenant has no such image.
        """
        return self._need_images().description(image_id, tenant=check_tenant(tenant))

    def delete_image(self, image_id: str, *, tenant: str) -> bool:
        """Deletes an image and forgets what was remembered of it; False if there was none."""
        deleted = self._need_images().delete(image_id, tenant=check_tenant(tenant))
        self._index.forget(tenant, image_id)
        return deleted

    def close(self) -> None:
        """Closes connections and mappings; refs already made stay good."""
        self._on_close()

    def _need_images(self) -> Images:
        if self._images is None:
            raise StageUnavailable("this process has no object store")
        return self._images

    def _expiry(self, ttl_s: float | None, durable: bool) -> int:
        if ttl_s is None and durable:
            return 0
        if ttl_s is None or not 0 < ttl_s <= MAX_TTL_S:
            raise InvalidInput(
                "ttl_s is out of range",
                field="ttl_s",
                limit=f"more than 0, at most {MAX_TTL_S:g} s",
            )
        return int((self._clock() + ttl_s) * 1000)


def _places(size_bytes: int, durable: bool, shared_readers: bool) -> list[str]:
    """The tiers fit for a tensor, the best first."""
    if durable:
        return [OBJECT_STORE]
    places = [INLINE] if size_bytes <= INLINE_LIMIT_BYTES else []
    places += [SHARED_MEMORY] if shared_readers else []
    kept = [REDIS, OBJECT_STORE]
    return places + (kept if size_bytes <= REDIS_LIMIT_BYTES else kept[::-1])


def _proven(tier: Tier, ref: TensorRef, field: str) -> memoryview:
    """The bytes the tier keeps, once their digest holds."""
    # Twice: pages lent here before may have been written into since. The first stay lent meanwhile,
    # so the tier must take others.
    for _ in range(2):
        try:
            data = tier.get(ref)
        except TensorGone as gone:
            raise TensorGone(f"{field}: {gone.message}", field=field) from gone
        if len(data) == ref.size_bytes and matches(data, ref.digest):
            return data
    if ref.tier == INLINE:
        raise TensorRefused(f"{field} is not the tensor that was signed", field=field)
    logger.warning("a stored tensor in tier %s does not match its digest", ref.tier)
    raise TensorGone(f"{field} is damaged where it was kept", field=field)


def _check_wanted(
    ref: TensorRef, dtype: str | None, shape: Shape | None, limit_bytes: int, field: str
) -> None:
    if dtype is not None and ref.dtype != dtype:
        raise InvalidInput(f"{field} is {ref.dtype}, not {dtype}", field=field)
    if shape is not None and (
        len(shape) != len(ref.shape)
        or any(want not in (None, have) for want, have in zip(shape, ref.shape, strict=True))
    ):
        wanted = ["any" if want is None else want for want in shape]
        raise InvalidInput(f"{field} has shape {list(ref.shape)}, not {wanted}", field=field)
    if ref.size_bytes > limit_bytes:
        raise InvalidInput(
            f"{field} has {ref.size_bytes} bytes", field=field, limit=f"{limit_bytes} bytes"
        )
