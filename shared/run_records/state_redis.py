"""The connection to the state Redis, with the patience its users want."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from shared.errors import StageUnavailable


def open_state_redis(url: str) -> Redis:
    """A client that gives up within seconds: who calls decides what to do then.

    Commands are tried again after a lost connection; every change of a run record bears that.
    """
    return Redis.from_url(
        url,
        socket_timeout=5.0,
        socket_connect_timeout=2.0,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
    )


async def asked(reply: Any) -> Any:
    """What the state Redis answers; commands, scripts and pipelines have types of their own.

    Raises:
        StageUnavailable: It cannot be reached.
    """
    try:
        return await cast(Awaitable[Any], reply)
    except (RedisError, OSError) as error:
        raise StageUnavailable("the state store cannot be reached") from error
