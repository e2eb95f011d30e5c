"""How long a server asked us to stay away: its header Retry-After, in seconds or as a date."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from inspect import getattr_static
from typing import Any

#: An exception wraps another, which wraps another; nobody's chain is longer.
_LONGEST_CHAIN = 8


def retry_after_seconds(error: BaseException, now: datetime) -> float | None:
    """Seconds from `now`, 0 for a date that has passed, None when no server said anything.

    Looks at `retry_after` and at the response of the exception, then at those of the exceptions behind it.
    """
    one: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if one is None:
            break
        if (seconds := _asked_by(one, now)) is not None:
            return seconds
        one = one.__cause__ or one.__context__
    return None


def _asked_by(error: BaseException, now: datetime) -> float | None:
    own = getattr_static(error, "retry_after", None)
    if isinstance(own, int | float | str):
        return _seconds(str(own), now)
    headers = _headers(getattr_static(error, "response", None)) or getattr_static(error, "hdrs", None)
    told = headers.get("retry-after", headers.get("Retry-After")) if _is_readable(headers) else None
    return None if told is None else _seconds(str(told), now)


def _headers(response: Any) -> Any:
    if isinstance(response, Mapping):  # botocore
        metadata = response.get("ResponseMetadata")
        return metadata.get("HTTPHeaders") if isinstance(metadata, Mapping) else None
    return getattr_static(response, "headers", None)


def _is_readable(headers: Any) -> bool:
    # The headers of urllib are a mail message: they have `get`, but are no Mapping.
    return headers is not None and callable(getattr_static(type(headers), "get", None))


def _seconds(told: str, now: datetime) -> float | None:
    try:
        seconds = float(told)
    except ValueError:
        return _seconds_until(told, now)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        at = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max((at - now).total_seconds(), 0.0)
