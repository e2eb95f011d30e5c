"""A result backend that is away: it refuses to store anything."""

from typing import Any

from celery.backends.base import BaseBackend


class BrokenBackend(BaseBackend):
    def store_result(self, *_: Any, **__: Any) -> Any:
        raise ConnectionError("the result backend is away")
