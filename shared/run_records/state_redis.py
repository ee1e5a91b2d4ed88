"""The connection to the state Redis, with the patience its users want."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff


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
