"""Numbers and times as people read them. Records keep floats, seconds and UTC; this is the edge."""

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def change(share: float | None) -> str | None:
    """A change as a share of before; None when there is none to speak of."""
    return None if share is None or round(share, 3) == 0 else f"{share:.1%}"


def points(difference: float | None) -> str | None:
    """A difference of two shares in percentage points; None when there is none to speak of."""
    return None if difference is None or round(difference, 3) == 0 else f"{difference * 100:.1f} pp"


def longer(seconds: float | None) -> str | None:
    """A difference of two times; None when there is none to speak of."""
    if seconds is None or round(seconds, 3) == 0:
        return None
    return f"{'-' if seconds < 0 else ''}{duration(abs(seconds))}"


def duration(seconds: float | None) -> str:
    """The two largest units: 4h 07m, 14d 10h; below a minute with a tenth, below a second in milliseconds."""
    if seconds is None:
        return "–"
    if round(seconds, 3) < 1:
        return f"{seconds * 1000:.0f}ms"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}s"
    rest = round(seconds)
    for (size, unit), (next_size, next_unit) in pairwise(_UNITS):
        if rest >= size:
            smaller = rest % size // next_size
            return f"{rest // size}{unit} {smaller:02d}{next_unit}" if smaller else f"{rest // size}{unit}"
    return f"{rest}s"


def whole(seconds: float) -> str:
    """Like `duration`, without tenths: 15s, 4h 07m."""
    rest = round(seconds)
    return f"{rest}s" if rest < 60 else duration(rest)


def days(first: date, last: date) -> str:
    """A span as 26 Oct – 22 Nov 2026; the year is said once where one is enough."""
    begin = f"{first.day} {first:%b}" if first.year == last.year else f"{first.day} {first:%b %Y}"
    return f"{begin} – {last.day} {last:%b %Y}"


def ago(moment: datetime, now: datetime) -> str:
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def clock_time(moment: datetime, zone: str = "UTC") -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%d %b %Y, %H:%M:%S} {zone}"
