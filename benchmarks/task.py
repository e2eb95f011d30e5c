"""What every contender is asked, and what it answers: the five steps of the onboarding, over some days."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.journeys import STEPS

WINDOW_SECONDS = 14 * 86_400
BREAKDOWN = "language"


@dataclass(frozen=True, slots=True)
class Task:
    """Crosses into the contender's process as JSON."""

    contender: str  #: module under benchmarks.contenders
    form: str  #: which of its ways to answer
    home: str
    store_location: str
    database_url: str
    redis_url: str
    first_day: str
    last_day: str  #: included

    @property
    def since_ms(self) -> int:
        return _midnight_ms(self.first_day)

    @property
    def until_ms(self) -> int:
        return _midnight_ms(self.last_day) + 86_400_000

    @property
    def flat_files(self) -> list[Path]:
        """See flat.py: those of the task's days."""
        files = sorted((Path(self.home) / "flat").glob("*.parquet"))
        return [file for file in files if self.first_day <= file.stem <= self.last_day]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Counts:
    """Sessions that got at least to each step; by value of the breakdown too, when asked ("" is missing)."""

    reached: tuple[int, ...]
    by_value: Mapping[str, tuple[int, ...]] | None = None

    @classmethod
    def of_furthest(cls, rows: list[tuple[str | None, int, int]], *, grouped: bool) -> "Counts":
        """From (value, furthest step from 1, sessions)."""
        by_value: dict[str, list[int]] = {}
        for value, furthest, sessions in rows:
            reached = by_value.setdefault(value or "", [0] * len(STEPS))
            for step in range(furthest):
                reached[step] += sessions
        totals = tuple(sum(column) for column in zip(*by_value.values(), strict=True))
        return cls(totals, {value: tuple(row) for value, row in by_value.items()} if grouped else None)


#: Answers the question of a repetition. Each asks for a window some seconds shorter than the one before,
#: so that no engine can give an old result.
Answer = Callable[[int], Counts]


def window_seconds(repetition: int) -> int:
    return WINDOW_SECONDS - repetition


def _midnight_ms(day: str) -> int:
    midnight = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), dt.UTC)
    return round(midnight.timestamp() * 1000)
