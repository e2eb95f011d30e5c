"""The Redis connection, and the one place where its errors at connect become a sentence."""

import redis

from infra.errors import RedisUnavailable
from infra.settings import display_url

CONNECT_SECONDS = 3


def open_redis(url: str) -> "redis.Redis":
    """A client for `url`. Connects lazily; blocking calls need their own socket timeout."""
    return redis.Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS, decode_responses=False)


def check_redis(url: str) -> None:
    """Raise RedisUnavailable unless the server answers."""
    with redis.Redis.from_url(
        url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS, retry=None
    ) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            raise RedisUnavailable(display_url(url), str(error).rstrip(".")) from error
