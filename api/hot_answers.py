"""Answers that were given a moment ago, ready to be given again without a thread, a query or a look at Redis.

What is kept is at most KEPT_SECONDS old, so an answer is never further behind than that; views themselves
stay in Redis as long as the store does not change. Answers are kept by path, parameters and the clients that
the caller is restricted to, and each has the tag of its content.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from hashlib import sha256

from fastapi import Request
from fastapi.responses import Response

KEPT_SECONDS = 1.0
#: Kept at most, the ones asked longest ago go first; a funnel with a breakdown has about 100 kB.
MOST_ANSWERS = 200

CACHE_CONTROL = "private, no-cache"


@dataclass(frozen=True, slots=True)
class Body:
    content: bytes
    tag: str
    made_at: float

    @classmethod
    def of(cls, text: str, made_at: float) -> "Body":
        content = text.encode()
        return cls(content, f'"{sha256(content).hexdigest()[:32]}"', made_at)


class HotAnswers:
    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._bodies: OrderedDict[Hashable, Body] = OrderedDict()

    async def answer(self, request: Request, key: Hashable, make: Callable[[], Awaitable[str]]) -> Response:
        """The JSON text of `make`, or of what it made a moment ago; 304 when the caller has that already."""
        body = self._bodies.get(key)
        if body is None or self._monotonic() - body.made_at >= KEPT_SECONDS:
            begun = self._monotonic()
            body = Body.of(await make(), begun)
            self._keep(key, body)
        headers = {"etag": body.tag, "cache-control": CACHE_CONTROL, "vary": "Cookie, Authorization"}
        if body.tag in _tags(request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(body.content, media_type="application/json", headers=headers)

    def _keep(self, key: Hashable, body: Body) -> None:
        self._bodies[key] = body
        self._bodies.move_to_end(key)
        while len(self._bodies) > MOST_ANSWERS:
            self._bodies.popitem(last=False)


def _tags(header: str) -> set[str]:
    """The tags of an If-None-Match. A weak tag is as good: the bytes are compared by it alone."""
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
