"""Durations as people write and read them: `30d`, `12h`, `90m`, `45s`."""

import re
from itertools import pairwise

from analytics.errors import InvalidFunnel

_UNITS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
_SHOWN_UNITS = "dhms"
_WRITTEN = re.compile(r"(\d{1,9})\s*([smhdw])")


def seconds(text: str) -> int:
    """Raises InvalidFunnel unless `text` is a whole number and one of s, m, h, d, w."""
    match = _WRITTEN.fullmatch(text.strip().lower())
    if not match:
        raise InvalidFunnel("window", f"{text!r} is not a duration; write it as 30d, 12h, 90m or 45s")
    return int(match[1]) * _UNITS[match[2]]


def shown(value: float | None) -> str:
    """The two largest units: `4h 07m`, `14d`; under a minute `59.9s`, under a second `12ms`; – for None."""
    if value is None:
        return "–"
    if value < 0.9995:
        return f"{value * 1000:.0f}ms"
    if value < 59.95:
        return f"{value:.1f}s"
    rest = round(value)
    for unit, smaller in pairwise(_SHOWN_UNITS):
        if rest >= _UNITS[unit]:
            count, rest = divmod(rest, _UNITS[unit])
            parts = rest // _UNITS[smaller]
            return f"{count}{unit} {parts:02d}{smaller}" if parts else f"{count}{unit}"
    return f"{rest}s"
