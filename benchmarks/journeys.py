"""What the invented sessions do: five steps with losses, waits, second attempts, and other events between.

Everything is drawn for one day of session starts at once, as arrays: no loop runs per session or event, and
memory holds one day. Times are int64 UTC milliseconds. About 6.2 events a session.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.columns import FRESH, PROPERTY_PREFIX
from benchmarks.people import CLIENT, TRAITS, People

STEPS = ("started", "engaged", "recommendations_generated", "approval_decision", "completed")
OTHERS = ("page_viewed", "message_sent", "help_opened", "assistant_failed")
NAMES = STEPS + OTHERS
ERRORS = ("timeout", "rate_limit", "unusable_answer")

_GOES_ON = np.array([0.80, 0.82, 0.84, 0.90])
_MEDIAN_GAP_SECONDS = np.array([35.0, 170.0, 1_300.0, 90.0])
_GAP_SPREAD = np.array([0.9, 0.7, 1.3, 0.8])
_SHARE_OVERNIGHT, _OVERNIGHT_FACTOR = 0.06, 90.0  #: approvals that wait for days
_SHARE_TIED = 0.02  #: steps that carry the millisecond of the step before
_SHARE_AGAIN = 0.05  #: sessions that start once more
_SHARE_ENGAGED_AGAIN = 0.6
_AGAIN_MEDIAN_SECONDS = 30_000.0
_OTHERS_PER_SESSION = 2.64
_TAIL_MEDIAN_SECONDS = 45.0
_OTHER_WEIGHTS = np.array([0.46, 0.36, 0.12, 0.06])
_ERROR_WEIGHTS = np.array([0.6, 0.25, 0.15])
_HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 7, 11, 14, 15, 14, 12, 13, 14, 14, 13, 11, 9, 8, 7, 5, 3, 2], float)
_WEEKDAYS = np.array([1.15, 1.2, 1.18, 1.1, 1.0, 0.62, 0.55])
_GROWTH = 0.6  #: how much more the last day has than the first
_NOISE = 0.07
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000


def sessions_per_day(sessions: int, first: dt.date, days: int, seed: int) -> NDArray[np.int64]:
    """How many sessions start on each day: a trend, a week, some noise; they add up to `sessions`."""
    at = np.arange(days)
    trend = 1 + _GROWTH * at / max(1, days - 1)
    noise = np.random.default_rng([seed, days]).lognormal(0, _NOISE, days)
    weights = trend * _WEEKDAYS[(first.weekday() + at) % 7] * noise
    until = np.rint(np.cumsum(weights) / weights.sum() * sessions).astype(np.int64)
    counts: NDArray[np.int64] = np.diff(until, prepend=0)
    return counts


def events_of_day(day: dt.date, sessions: int, dice: np.random.Generator) -> pa.Table:
    """The events of the sessions that start on this UTC day, unsorted, in the layout of `columns.FRESH`."""
    people = People.draw(sessions, dice)
    journeys = _Journeys.draw(_start_ms(day, sessions, dice), people.difficulty, dice)
    events = [_step_events(journeys), _second_attempts(journeys, dice), _other_events(journeys, dice)]
    session = np.concatenate([part.session for part in events])
    at_ms = np.concatenate([part.at_ms for part in events])
    name = np.concatenate([part.name for part in events])
    return _table(people, session, at_ms, name, dice)


@dataclass(frozen=True, slots=True, eq=False)
class _Journeys:
    reached: NDArray[np.int64]  #: steps, 1 to 5
    at_ms: NDArray[np.int64]  #: [session, step]; meaningful up to `reached`

    @classmethod
    def draw(
        cls, start_ms: NDArray[np.int64], difficulty: NDArray[np.float64], dice: np.random.Generator
    ) -> "_Journeys":
        shape = (len(start_ms), len(_GOES_ON))
        goes_on = dice.random(shape) < _GOES_ON ** difficulty[:, None]
        gaps = dice.lognormal(np.log(_MEDIAN_GAP_SECONDS * 1000), _GAP_SPREAD, shape)
        gaps[dice.random(len(gaps)) < _SHARE_OVERNIGHT, 2] *= _OVERNIGHT_FACTOR
        gaps[dice.random(shape) < _SHARE_TIED] = 0
        since_start = np.cumsum(gaps.astype(np.int64), axis=1)
        at_ms = np.column_stack([start_ms, start_ms[:, None] + since_start])
        return cls(1 + np.cumprod(goes_on, axis=1).sum(axis=1), at_ms)

    @property
    def end_ms(self) -> NDArray[np.int64]:
        ends: NDArray[np.int64] = self.at_ms[np.arange(len(self.reached)), self.reached - 1]
        return ends


@dataclass(frozen=True, slots=True, eq=False)
class _Events:
    session: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    name: NDArray[np.int64]


def _start_ms(day: dt.date, sessions: int, dice: np.random.Generator) -> NDArray[np.int64]:
    midnight_ms = (day - dt.date(1970, 1, 1)).days * _DAY_MS
    hours = dice.choice(24, sessions, p=_HOURS / _HOURS.sum())
    return midnight_ms + hours * _HOUR_MS + dice.integers(0, _HOUR_MS, sessions)


def _step_events(journeys: _Journeys) -> _Events:
    session, step = np.nonzero(np.arange(len(STEPS)) < journeys.reached[:, None])
    return _Events(session, journeys.at_ms[session, step], step)


def _second_attempts(journeys: _Journeys, dice: np.random.Generator) -> _Events:
    again = np.flatnonzero(dice.random(len(journeys.reached)) < _SHARE_AGAIN)
    started_ms = journeys.end_ms[again] + _drawn_ms(_AGAIN_MEDIAN_SECONDS, 1.5, len(again), dice)
    engages = dice.random(len(again)) < _SHARE_ENGAGED_AGAIN
    engaged_ms = started_ms[engages] + _drawn_ms(_MEDIAN_GAP_SECONDS[0], 0.9, int(engages.sum()), dice)
    return _Events(
        np.concatenate([again, again[engages]]),
        np.concatenate([started_ms, engaged_ms]),
        np.repeat([0, 1], [len(again), len(engaged_ms)]),
    )


def _other_events(journeys: _Journeys, dice: np.random.Generator) -> _Events:
    counts = dice.poisson(_OTHERS_PER_SESSION, len(journeys.reached))
    session = np.repeat(np.arange(len(counts)), counts)
    tail_ms = _drawn_ms(_TAIL_MEDIAN_SECONDS, 1.0, len(session), dice)
    start_ms = journeys.at_ms[session, 0]
    length_ms = journeys.end_ms[session] + tail_ms - start_ms
    at_ms = start_ms + (dice.random(len(session)) * length_ms).astype(np.int64)
    name = len(STEPS) + dice.choice(len(OTHERS), len(session), p=_OTHER_WEIGHTS)
    return _Events(session, at_ms, name)


def _drawn_ms(
    median_seconds: float, spread: float, count: int, dice: np.random.Generator
) -> NDArray[np.int64]:
    return dice.lognormal(np.log(median_seconds * 1000), spread, count).astype(np.int64)


def _table(
    people: People,
    session: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    name: NDArray[np.int64],
    dice: np.random.Generator,
) -> pa.Table:
    failed = name == NAMES.index("assistant_failed")
    error = dice.choice(len(ERRORS), len(name), p=_ERROR_WEIGHTS)
    ids = pa.py_buffer(dice.bytes(16 * len(name)))
    columns = {
        "session_id": _coded(session, people.session_ids),
        "at_ms": pa.array(at_ms),
        "id": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(name), [None, ids]),
        "name": _coded(name, pa.array(NAMES)),
        "client_id": _coded(people.clients[session], pa.array(CLIENT.values)),
        "user_id": people.user_ids.take(pa.array(session)),
    }
    for trait, codes in people.traits.items():
        columns[PROPERTY_PREFIX + trait] = pa.array(TRAITS[trait].values).take(pa.array(codes[session]))
    columns[PROPERTY_PREFIX + "error"] = _coded(error, pa.array(ERRORS), ~failed)
    return pa.table(columns).select([*FRESH.names, *(n for n in columns if n not in FRESH.names)])


def _coded(
    codes: NDArray[np.integer], values: pa.Array, missing: NDArray[np.bool_] | None = None
) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=missing), values)
