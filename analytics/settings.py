"""The settings of analytics: where the columns lie, what stays how long, how much memory it may take.

`SETTINGS` is the whole list. Nothing else in this package reads the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from analytics.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    default: str
    help: str


SETTINGS = (
    Setting(
        "ANALYTICS_STORE",
        "",
        "Folder or object store (s3://bucket/path) of the event columns. Empty: events/ in the data folder.",
    ),
    Setting("FUNNEL_ANALYTICS_CACHE_TTL", "300", "Seconds a computed view stays in Redis. 0 keeps none."),
    Setting("ANALYTICS_MEMORY_MB", "2048", "Megabytes of event columns that a process keeps loaded."),
    Setting(
        "ANALYTICS_RETENTION_DAYS",
        "0",
        "Days that a session is kept after its last event; older ones are removed daily. 0 keeps all.",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    store: str | None  #: None: the caller's default, a folder beside the other data
    cache_seconds: int
    memory_bytes: int
    retention_days: int  #: 0: for ever

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check every setting. Raises SettingsError naming the first that cannot be used."""
        value = {
            setting.name: environ.get(setting.name, "").strip() or setting.default for setting in SETTINGS
        }
        return cls(
            store=value["ANALYTICS_STORE"] or None,
            cache_seconds=_whole_number("FUNNEL_ANALYTICS_CACHE_TTL", value, 0, 86400),
            memory_bytes=_whole_number("ANALYTICS_MEMORY_MB", value, 16, 1 << 20) << 20,
            retention_days=_whole_number("ANALYTICS_RETENTION_DAYS", value, 0, 36500),
        )


def _whole_number(name: str, value: Mapping[str, str], low: int, high: int) -> int:
    text = value[name]
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(name, f"is {text!r}, but must be a whole number from {low} to {high}.")
    return int(text)
