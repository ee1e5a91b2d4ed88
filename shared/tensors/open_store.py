"""The tensor store of a process, from its settings."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import redis

from shared.security import Signer
from shared.settings import ProcessSettings, SettingsError
from shared.tensors.directory_objects import DirectoryObjects
from shared.tensors.images import Images
from shared.tensors.index import Index, LocalIndex, RedisIndex
from shared.tensors.inline_tier import InlineTier
from shared.tensors.object_tier import ObjectTier
from shared.tensors.objects import ExpiryList, NotedObjects, Objects
from shared.tensors.reaper import Reaper
from shared.tensors.redis_tier import RedisTier
from shared.tensors.ref import OBJECT_STORE, REDIS, SHARED_MEMORY, SIGNING_PURPOSE, TIERS
from shared.tensors.s3_objects import connect_s3
from shared.tensors.shared_memory import (
    DEFAULT_PARENT,
    SharedMemoryTier,
    directory_for,
    reap_abandoned,
)
from shared.tensors.store import TensorStore
from shared.tensors.tier import Tier, TierUnable

# Seconds a call to the tensor Redis may take before the next tier is tried.
_REDIS_TIMEOUT_S = 5.0

logger = logging.getLogger(__name__)


@dataclass
class StoreParts:
    """What a store and a reaper stand on, opened once."""

    tiers: list[Tier]
    objects: Objects | None
    expiries: ExpiryList | None
    memory: SharedMemoryTier | None
    index: Index
    directory: DirectoryObjects | None
    closing: ExitStack


def open_store(settings: ProcessSettings) -> TensorStore:
    """Opens the store; logs which tiers it has.

    Raises:
        SettingsError: A URL or tier name is not understood.
        ObjectsUnavailable: The object directory cannot be written.
    """
    return store_on(open_parts(settings), settings)


def store_on(parts: StoreParts, settings: ProcessSettings) -> TensorStore:
    """The store on parts that are open, for those who need a part as well; it closes them."""
    images = Images(parts.objects) if parts.objects is not None else None
    store = TensorStore(
        parts.tiers,
        Signer(settings.suite_key, SIGNING_PURPOSE),
        images=images,
        index=parts.index,
        on_close=parts.closing.close,
    )
    logger.info("tensor tiers: %s", ", ".join(store.tier_names))
    return store


def open_reaper(settings: ProcessSettings) -> Reaper:
    """Opens a reaper over the same places."""
    parts = open_parts(settings)
    unfinished = parts.directory.delete_unfinished if parts.directory else lambda: None
    pool = parts.memory.pool if parts.memory else None
    return Reaper(parts.objects, parts.expiries, pool, unfinished)


def open_parts(settings: ProcessSettings) -> StoreParts:
    """Opens every tier named in `settings.tensor_tiers` that can be had here."""
    wanted = settings.tensor_tiers
    if unknown := set(wanted) - set(TIERS):
        raise SettingsError(f"EARTHGPTX_TENSOR_TIERS: no tier is called {sorted(unknown)[0]!r}")
    parts = StoreParts([InlineTier()], None, None, None, LocalIndex(), None, ExitStack())
    if SHARED_MEMORY in wanted:
        _add_memory(parts, settings)
    if settings.tensor_redis_url:
        client = redis.Redis.from_url(settings.tensor_redis_url, socket_timeout=_REDIS_TIMEOUT_S)
        parts.closing.callback(client.close)
        parts.index = RedisIndex(client)
        parts.expiries = ExpiryList(client)
        if REDIS in wanted:
            parts.tiers.append(RedisTier(client))
    if OBJECT_STORE in wanted:
        backend = _open_objects(settings, parts)
        parts.objects = NotedObjects(backend, parts.expiries) if parts.expiries else backend
        parts.tiers.append(ObjectTier(parts.objects))
    return parts


def _add_memory(parts: StoreParts, settings: ProcessSettings) -> None:
    directory = directory_for(settings.suite_key, DEFAULT_PARENT)
    try:
        memory = SharedMemoryTier(directory, settings.shared_memory_limit_bytes)
    except TierUnable as unable:
        logger.warning("tensors go by other tiers: %s", unable)
        return
    reap_abandoned(directory.parent, directory, time.time())
    parts.memory = memory
    parts.tiers.append(memory)
    parts.closing.callback(memory.close)


def _open_objects(settings: ProcessSettings, parts: StoreParts) -> Objects:
    url = urlsplit(settings.object_store_url)
    if url.scheme == "file" and not url.netloc and url.path:
        limit_bytes = settings.object_store_limit_bytes
        parts.directory = DirectoryObjects(Path(unquote(url.path)), limit_bytes)
        return parts.directory
    try:
        return connect_s3(
            settings.object_store_url,
            settings.object_store_access_key,
            settings.object_store_secret_key,
            settings.object_store_public_url,
        )
    except ValueError:
        raise SettingsError(
            "EARTHGPTX_OBJECT_STORE_URL must be file:///dir or http(s)://host:port/bucket, and "
            "EARTHGPTX_OBJECT_STORE_PUBLIC_URL the same bucket by another address, or empty"
        ) from None
