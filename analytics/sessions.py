"""The sessions behind a number: exactly those that a funnel counted, found by the same pass, page by page.

They come in the order of the store: by the day they began and their id. A page ends with the key of its last
session, and the next begins after it, so pages neither overlap nor skip while the store stays as it is.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.errors import InvalidQuery, listed
from analytics.kernel.arrays import NEVER
from analytics.queries import Asked, FileChains, Reader
from analytics.spreadsheet import Cell
from analytics.timing import TIMINGS

OUTCOMES = ("converted", "blocked", "open", "left")
MOST_SESSIONS = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the counted sessions; None leaves a part open. Raises InvalidQuery on construction."""

    reached: int | None = None  #: took this step, numbered from 0
    stopped: int | None = None  #: got exactly this far
    outcome: str | None = None  #: one of OUTCOMES
    value: str | None = None  #: of the breakdown: the label of its row; "" is missing
    bin: int | None = None  #: of `bins`, numbered as the view that shows it numbers them
    bins: str = "day"  #: a name of TIMINGS

    def __post_init__(self) -> None:
        if self.outcome is not None and self.outcome not in OUTCOMES:
            raise InvalidQuery("outcome", f"{self.outcome!r} is not known; {listed('allowed', OUTCOMES)}")
        if self.bins not in TIMINGS:
            raise InvalidQuery("bins", f"{self.bins!r} is not known; {listed('allowed', TIMINGS)}")


@dataclass(frozen=True, slots=True)
class SessionRow:
    session_id: str
    entered_at: dt.datetime
    furthest: str  #: label of the last step taken
    furthest_at: dt.datetime
    steps: int  #: steps taken
    outcome: str
    value: str | None  #: of the breakdown; None without one


@dataclass(frozen=True, slots=True)
class SessionPage:
    sessions: tuple[SessionRow, ...]
    next: str | None  #: `after` of the next page; None on the last

    def to_rows(self) -> list[list[Cell]]:
        header: list[Cell] = list(SessionRow.__slots__)
        return [
            header,
            *([_cell(getattr(row, name)) for name in SessionRow.__slots__] for row in self.sessions),
        ]


def listed_sessions(
    reader: Reader, asked: Asked, selection: Selection, *, after: str | None = None, limit: int = 50
) -> SessionPage:
    """One page of the selected sessions. Raises InvalidQuery for a key that no page gave."""
    limit = max(1, min(limit, MOST_SESSIONS))
    found = _rows(reader, asked, selection, _Key.parse(after) if after else None)
    rows: list[SessionRow] = []
    last = None
    for key, row in found:
        if len(rows) == limit:
            return SessionPage(tuple(rows), str(last))
        rows.append(row)
        last = key
    return SessionPage(tuple(rows), None)


def count_sessions(reader: Reader, asked: Asked, selection: Selection) -> int:
    """How many sessions all pages together list."""
    return sum(int(_chosen(part, asked, selection).sum()) for part in _parts(reader, asked, selection))


@dataclass(frozen=True, slots=True)
class _Key:
    day: dt.date
    part: int
    session_id: str

    @classmethod
    def parse(cls, text: str) -> "_Key":
        try:
            day, part, session_id = text.split(".", 2)
            return cls(dt.date.fromisoformat(day), int(part), session_id)
        except ValueError:
            raise InvalidQuery("after", f"{text!r} is not the end of a page of sessions") from None

    def __str__(self) -> str:
        return f"{self.day}.{self.part}.{self.session_id}"


def _parts(
    reader: Reader, asked: Asked, selection: Selection, start: tuple[dt.date, int] | None = None
) -> Iterator[FileChains]:
    if selection.value is None:
        asked = replace(asked, question=replace(asked.question, breakdown=()), labels=None)
    if selection.bin is not None:
        asked = replace(asked, binned=TIMINGS[selection.bins](asked.definition))
    return reader.chains(asked, start=start)


def _rows(
    reader: Reader, asked: Asked, selection: Selection, after: _Key | None
) -> Iterator[tuple[_Key, SessionRow]]:
    for part in _parts(reader, asked, selection, (after.day, after.part) if after else None):
        at = np.flatnonzero(_chosen(part, asked, selection))
        if not len(at):
            continue
        ids = part.chains.session_ids().take(pa.array(at))
        begins = 0
        if after and (part.file.day, part.file.part) == (after.day, after.part):
            # Ids are in the order of their bytes, as the file is.
            begins = sum(1 for one in ids.to_pylist() if one.encode() <= after.session_id.encode())
        for number, session_id in zip(at[begins:], ids[begins:].to_pylist(), strict=True):
            yield _Key(part.file.day, part.file.part, session_id), _row(part, int(number), session_id, asked)


def _chosen(part: FileChains, asked: Asked, selection: Selection) -> NDArray[np.bool_]:
    chains = part.chains
    chosen = np.ones(len(chains.reached), np.bool_)
    if selection.reached is not None:
        _check_step("reached", selection.reached, asked)
        chosen &= chains.times_ms[:, selection.reached] != NEVER
    if selection.stopped is not None:
        _check_step("stopped", selection.stopped, asked)
        chosen &= chains.reached == selection.stopped + 1
    if selection.outcome is not None:
        chosen &= chains.outcome == OUTCOMES.index(selection.outcome)
    if selection.bin is not None:
        chosen &= chains.bin == selection.bin
    if selection.value is not None and part.rows is not None:
        rows = [at for at, label in enumerate(part.rows.labels) if label == selection.value]
        chosen &= np.isin(chains.row, rows)
    return chosen


def _check_step(field: str, step: int, asked: Asked) -> None:
    if not 0 <= step <= asked.definition.last_step:
        raise InvalidQuery(field, f"{step} is no step of this funnel; 0 to {asked.definition.last_step} are")


def _row(part: FileChains, at: int, session_id: str, asked: Asked) -> SessionRow:
    chains = part.chains
    times = chains.times_ms[at]
    furthest = int(chains.reached[at]) - 1
    return SessionRow(
        session_id=session_id,
        entered_at=_moment(times[0]),
        furthest=_label(asked, furthest),
        furthest_at=_moment(times[furthest]),
        steps=int((times != NEVER).sum()),
        outcome=OUTCOMES[chains.outcome[at]],
        value=part.rows.labels[chains.row[at]] if part.rows else None,
    )


def _label(asked: Asked, furthest: int) -> str:
    if asked.definition.order == "unordered":
        return f"{furthest + 1} of {len(asked.definition.steps)} steps"
    return asked.definition.steps[furthest].label


def _moment(ms: np.int64) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(ms) / 1000, dt.UTC)


def _cell(value: object) -> Cell:
    return value.isoformat() if isinstance(value, dt.datetime) else value  # type: ignore[return-value]
