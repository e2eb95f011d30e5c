"""The sessions behind a number: exactly those that a funnel counted, found by the same pass, page by page.

They come in the order of the store: by the day they began and the bytes of their id. A page ends with the key
of its last session, and the next begins after it, so pages neither overlap nor skip while the store stays as
it is.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics import catalogue
from analytics.counting import Chains
from analytics.errors import InvalidQuery, StoreUnavailable, listed
from analytics.kernel.arrays import BLOCKED, LEFT, NEVER
from analytics.queries import Asked, FileChains, Reader
from analytics.timing import TIMINGS

OUTCOMES = ("converted", "blocked", "open", "left")
#: Blocked or left: did not arrive, and will not by themselves.
GONE = "gone"
MOST_SESSIONS = 1000
#: Sessions of one batch at most, where all are wanted.
MOST_IN_BATCH = 16_384
#: Sessions of a page that are made into rows at once.
_ROWS_AT_ONCE = 64

_MOMENT = pa.timestamp("ms", "UTC")
SESSION_SCHEMA = pa.schema(
    [
        ("session_id", pa.string()),
        ("entered_at", _MOMENT),
        ("furthest", pa.string()),
        ("furthest_at", _MOMENT),
        ("steps", pa.int64()),
        ("outcome", pa.string()),
        ("value", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the counted sessions; None leaves a part open. Raises InvalidQuery on construction."""

    reached: int | None = None  #: took this step, numbered from 0
    stopped: int | None = None  #: got exactly this far
    outcome: str | None = None  #: one of OUTCOMES, or GONE
    silent: bool | None = None  #: whether nothing at all happened in the session after its furthest step
    value: str | None = None  #: of the breakdown: the label of its row; "" is missing
    pattern: str | None = None  #: what failed in the session, as in Asked.patterns; "" is nothing
    bin: int | None = None  #: of `bins`, numbered as the view that shows it numbers them
    bins: str = "day"  #: a name of TIMINGS

    def __post_init__(self) -> None:
        if self.outcome is not None and self.outcome not in (*OUTCOMES, GONE):
            raise InvalidQuery(
                "outcome", f"{self.outcome!r} is not known; {listed('allowed', (*OUTCOMES, GONE))}"
            )
        if self.bins not in TIMINGS:
            raise InvalidQuery("bins", f"{self.bins!r} is not known; {listed('allowed', TIMINGS)}")
        if self.value is not None and self.pattern is not None:
            raise InvalidQuery("pattern", "cannot be selected together with a value of the breakdown")


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
class SessionChain:
    """One session as the funnel counted it."""

    row: SessionRow
    taken_at: tuple[dt.datetime | None, ...]  #: when it took each step; None: it did not


@dataclass(frozen=True, slots=True)
class SessionPage:
    sessions: tuple[SessionRow, ...]
    next: str | None  #: `after` of the next page; None on the last


def listed_sessions(
    reader: Reader, asked: Asked, selection: Selection, *, after: str | None = None, limit: int = 50
) -> SessionPage:
    """One page of the selected sessions. Raises InvalidQuery for a key that no page gave, and as `asked`."""
    limit = max(1, min(limit, MOST_SESSIONS))
    found = _rows(reader, asked, selection, _Key.parse(after) if after else None)
    keyed = list(islice(found, limit + 1))
    shown = keyed[:limit]
    return SessionPage(tuple(row for _, row in shown), next=str(shown[-1][0]) if len(keyed) > limit else None)


def session_batches(reader: Reader, asked: Asked, selection: Selection) -> Iterator[pa.RecordBatch]:
    """All pages together as columns of SESSION_SCHEMA, in the memory of one file.

    What cannot be asked is refused at the first batch.
    """
    for part in _parts(reader, asked, selection):
        at = np.flatnonzero(_chosen(part, selection))
        ids = part.chains.session_ids().take(pa.array(at)) if len(at) else pa.array([], pa.string())
        for first in range(0, len(at), MOST_IN_BATCH):
            several = slice(first, first + MOST_IN_BATCH)
            yield _columns(part, at[several], ids[several], asked)


def count_sessions(reader: Reader, asked: Asked, selection: Selection) -> int:
    """How many sessions all pages together list."""
    return sum(int(_chosen(part, selection).sum()) for part in _parts(reader, asked, selection))


def chain_of(reader: Reader, asked: Asked, session_id: str) -> SessionChain | None:
    """The chain that the session counts with; None when the funnel does not count it."""
    for place in catalogue.places(reader.engine, [session_id]):
        part = next(_parts(reader, asked, Selection(), place), None)
        if part is None or (part.file.day, part.file.part) != place:
            continue
        at = part.chains.session_ids().index(session_id).as_py()
        if at >= 0:
            taken = (None if ms == NEVER else _moment(ms) for ms in part.chains.times_ms[at])
            [row] = _session_rows(part, [at], [session_id], asked)
            return SessionChain(row, tuple(taken))
    return None


def by_pattern(asked: Asked) -> Asked:
    """Broken down by what failed in the sessions instead of by a property; "" is nothing."""
    question = replace(asked.question, breakdown=(), attribution="session")
    return replace(asked, question=question, labels=asked.patterns)


def is_silent(chains: Chains) -> NDArray[np.bool_]:
    """Whether the furthest step of each session is the last that happened in it."""
    partition = chains.partition
    last_ms = partition.at_ms[partition.starts[chains.number + 1] - 1]
    silent: NDArray[np.bool_] = chains.times_ms[np.arange(len(last_ms)), chains.reached - 1] >= last_ms
    return silent


@dataclass(frozen=True, slots=True, order=True)
class _Key:
    """Strings compare as the bytes of their UTF-8 do, which is the order of a file."""

    day: dt.date
    part: int
    session_id: str
    nth: int  #: of the rows of one session, where a breakdown puts it into several

    @classmethod
    def parse(cls, text: str) -> "_Key":
        try:
            day, part, nth, session_id = text.split(".", 3)
            return cls(dt.date.fromisoformat(day), int(part), session_id, int(nth))
        except ValueError:
            raise InvalidQuery("after", f"{text!r} is not the end of a page of sessions") from None

    def __str__(self) -> str:
        return f"{self.day}.{self.part}.{self.nth}.{self.session_id}"


def _parts(
    reader: Reader, asked: Asked, selection: Selection, start: tuple[dt.date, int] | None = None
) -> Iterator[FileChains]:
    try:
        yield from reader.chains(_narrowed(asked, selection), start=start)
    except FileNotFoundError as missing:
        raise StoreUnavailable(
            f"an event file is gone ({missing}); try again, and should it stay so, "
            "`python -m analytics sync --rebuild` writes all files again"
        ) from missing


def _narrowed(asked: Asked, selection: Selection) -> Asked:
    """Asked with the breakdown and the bins that the selection needs, and no others."""
    _check_steps(selection, asked.definition.last_step)
    if selection.bin is not None:
        binned = TIMINGS[selection.bins](asked.definition)
        if asked.question.since and asked.question.until:
            binned(asked.question).label(selection.bin)  # which there must be
        asked = replace(asked, binned=binned)
    if selection.pattern is not None:
        return by_pattern(asked)
    if selection.value is None:
        return replace(asked, question=replace(asked.question, breakdown=()), labels=None)
    if not asked.question.breakdown and asked.labels is None:
        raise InvalidQuery("value", "needs a breakdown that it is a value of")
    return asked


def _rows(
    reader: Reader, asked: Asked, selection: Selection, after: _Key | None
) -> Iterator[tuple[_Key, SessionRow]]:
    start = (after.day, after.part) if after else None
    for part in _parts(reader, asked, selection, start):
        at = np.flatnonzero(_chosen(part, selection))
        ids = part.chains.session_ids().take(pa.array(at)).to_pylist() if len(at) else []
        keyed = zip(_keys(part, ids), at.tolist(), strict=True)
        later = ((key, number) for key, number in keyed if after is None or key > after)
        while several := list(islice(later, _ROWS_AT_ONCE)):
            keys, numbers = zip(*several, strict=True)
            found = _session_rows(part, numbers, [key.session_id for key in keys], asked)
            yield from zip(keys, found, strict=True)


def _keys(part: FileChains, ids: Iterable[str]) -> Iterator[_Key]:
    for session_id, same in groupby(ids):
        for nth, _ in enumerate(same):
            yield _Key(part.file.day, part.file.part, session_id, nth)


def _chosen(part: FileChains, selection: Selection) -> NDArray[np.bool_]:
    chains = part.chains
    chosen = np.ones(len(chains.reached), np.bool_)
    if selection.reached is not None:
        chosen &= chains.times_ms[:, selection.reached] != NEVER
    if selection.stopped is not None:
        chosen &= chains.reached == selection.stopped + 1
    if selection.outcome == GONE:
        chosen &= (chains.outcome == BLOCKED) | (chains.outcome == LEFT)
    elif selection.outcome is not None:
        chosen &= chains.outcome == OUTCOMES.index(selection.outcome)
    if selection.silent is not None:
        chosen &= is_silent(chains) == selection.silent
    if selection.bin is not None:
        chosen &= chains.bin == selection.bin
    label = selection.pattern if selection.value is None else selection.value
    if label is not None and part.rows is not None:
        rows = [at for at, known in enumerate(part.rows.labels) if known == label]
        chosen &= np.isin(chains.row, rows)
    return chosen


def _check_steps(selection: Selection, last: int) -> None:
    for field, step in (("reached", selection.reached), ("stopped", selection.stopped)):
        if step is not None and not 0 <= step <= last:
            raise InvalidQuery(field, f"{step} is no step of this funnel; 0 to {last} are")


def _session_rows(
    part: FileChains, numbers: Sequence[int], ids: Sequence[str], asked: Asked
) -> Iterable[SessionRow]:
    columns = _columns(part, np.array(numbers), pa.array(ids, pa.string()), asked)
    return (SessionRow(**row) for row in columns.to_pylist())


def _columns(part: FileChains, at: NDArray[np.int64], ids: pa.Array, asked: Asked) -> pa.RecordBatch:
    """The sessions at these places of the chains, whose ids are known."""
    chains = part.chains
    times, furthest = chains.times_ms[at], chains.reached[at] - 1
    values = pa.array(part.rows.labels).take(pa.array(chains.row[at])) if part.rows else None
    columns = [
        ids,
        _moments(times[:, 0]),
        pa.array(_labels(asked)).take(pa.array(furthest)),
        _moments(times[np.arange(len(at)), furthest]),
        pa.array((times != NEVER).sum(axis=1)),
        pa.array(OUTCOMES).take(pa.array(chains.outcome[at])),
        pa.nulls(len(at), pa.string()) if values is None else values,
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SESSION_SCHEMA)


def _labels(asked: Asked) -> list[str]:
    """What the furthest step is called, by its number."""
    steps = asked.definition.steps
    if asked.definition.order == "unordered":
        return [f"{taken} of {len(steps)} steps" for taken in range(1, len(steps) + 1)]
    return [step.label for step in steps]


def _moments(ms: NDArray[np.int64]) -> pa.Array:
    return pa.array(ms).view(_MOMENT)


def _moment(ms: np.int64) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(ms) / 1000, dt.UTC)
