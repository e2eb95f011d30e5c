"""Durations as people write and read them: `30d`, `12h`, `90m`, `45s`."""

import re

from analytics.errors import InvalidFunnel

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_WRITTEN = re.compile(r"(\d{1,9})\s*([smhdw])")


def seconds(text: str) -> int:
    """Raises InvalidFunnel unless `text` is a whole number and one of s, m, h, d, w."""
    match = _WRITTEN.fullmatch(text.strip().lower())
    if not match:
        raise InvalidFunnel("window", f"{text!r} is not a duration; write it as 30d, 12h, 90m or 45s")
    return int(match[1]) * _UNITS[match[2]]


def shown(value: float | None) -> str:
    """The two largest units: `13d 20h`, `43.9s`; a dash for None."""
    if value is None:
        return "-"
    if value < 60:
        return f"{value:.1f}s"
    whole = round(value)
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, whole = divmod(whole, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])
