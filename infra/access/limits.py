"""How often one caller may ask: so many requests a minute for an address, and for a token or session.

Each has a bucket of a minute's requests that fills up again evenly, so a pause earns a burst and no more.
The buckets live in this process and end with it; of too many, the one unused for longest is forgotten.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.access.shown import shown_by
from infra.problems import problem

MOST_CALLERS = 10_000
_MINUTE = 60.0
_LIMITED = ("/api/", "/metrics", "/readyz", "/sign-in", "/sso/")


@dataclass(slots=True)
class _Bucket:
    left: float
    seconds: float  #: of the clock, when `left` was right


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left. `wait_seconds` is 0 when this request may pass."""

    limit: int
    left: int
    wait_seconds: float
    full_in_seconds: float

    def headers(self) -> dict[str, str]:
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.left),
            "ratelimit-reset": str(math.ceil(self.full_in_seconds)),
        }


class Rate:
    """So many requests a minute for each key. `monotonic` gives seconds that never go back."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def take(self, key: Hashable) -> Allowance:
        """Count one request of `key`. One that may not pass is not counted."""
        now, per_second = self._monotonic(), self._per_minute / _MINUTE
        bucket = self._bucket(key, now)
        bucket.left = min(self._per_minute, bucket.left + (now - bucket.seconds) * per_second)
        bucket.seconds = now
        wait = max(0.0, (1 - bucket.left) / per_second)
        if not wait:
            bucket.left -= 1
        missing = self._per_minute - bucket.left
        return Allowance(self._per_minute, int(bucket.left), wait, missing / per_second)

    def _bucket(self, key: Hashable, now: float) -> _Bucket:
        bucket = self._buckets.setdefault(key, _Bucket(self._per_minute, now))
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        return bucket


class RateLimits:
    """Answers 429 once an address, or a token or session, has asked too often. Pages are not counted."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        per_address: int,
        per_caller: int,
        cookie: str,
        monotonic: Callable[[], float],
    ) -> None:
        self._app = app
        self._addresses = Rate(per_address, monotonic)
        self._callers = Rate(per_caller, monotonic)
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_LIMITED):
            await self._app(scope, receive, send)
            return
        allowance = self._take(scope)
        if allowance.wait_seconds:
            wait = {"retry-after": str(math.ceil(allowance.wait_seconds))}
            detail = f"At most {allowance.limit} requests a minute. Try again in {wait['retry-after']} s."
            refusal = problem(429, detail, instance=scope["path"], headers=wait | allowance.headers())
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, _telling(allowance, send))

    def _take(self, scope: Scope) -> Allowance:
        address = scope["client"][0] if scope.get("client") else ""
        of_address = self._addresses.take(address)
        shown = shown_by(scope, self._cookie)
        key = shown.token or shown.session
        if of_address.wait_seconds or key is None:
            return of_address
        return self._callers.take(key)


def _telling(allowance: Allowance, send: Send) -> Send:
    async def send_with_allowance(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(allowance.headers())
        await send(message)

    return send_with_allowance
