"""The share that has converted so long after entry, with open sessions counted only while they were watched.

Times come in the buckets of sketch.py, so a time is within 1 % of the truth. Within a bucket conversions go
before the ends of watching, as is usual where both fall on one time.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.rates import Z_95
from analytics.sketch import value_ms

#: Enough to draw a curve by.
MOST_POINTS = 120
#: Shares are products of many fractions: half of the sessions may come out as a hair more than 0.5.
_HALF = 0.5 + 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """The sessions of one group, by how long each was watched. All groups have equally many buckets.

    A session that a dead letter blocks was watched for its whole window, or until now, like any other that
    did not convert: it belongs to `left` or to `still_open`.
    """

    at_once: int  #: converted 0 ms after entry
    converted: NDArray[np.int64]  #: [bucket] by the time from entry to the last step
    still_open: NDArray[np.int64]  #: [bucket] by the time from entry to now, inside their window
    left: int  #: did not convert in their whole window, so never stopped being watched inside it

    @property
    def sessions(self) -> int:
        return self.at_once + int(self.converted.sum()) + int(self.still_open.sum()) + self.left

    def conversions(self) -> NDArray[np.int64]:
        """[slot] Slot 0 is at once, slot k the bucket k - 1."""
        return np.concatenate(([self.at_once], self.converted))

    def at_risk(self) -> NDArray[np.int64]:
        """[slot] How many were watched up to that time and had not converted before it."""
        gone = self.conversions()
        gone[1:] += self.still_open
        return self.sessions - np.cumsum(gone) + gone


@dataclass(frozen=True, slots=True)
class CurvePoint:
    seconds: float  #: since entry
    share: float  #: converted by then; stays so until the next point
    low: float | None  #: 95 %; both None while nobody has converted, and once nobody is left to
    high: float | None
    at_risk: int  #: watched up to here and not converted before


@dataclass(frozen=True, slots=True)
class ConversionCurve:
    points: tuple[CurvePoint, ...]  #: from 0 s on, at most MOST_POINTS; () without sessions
    median_seconds: float | None  #: when half have converted; None when the curve ends below half

    @classmethod
    def of(cls, watched: Watched) -> Self:
        """One less the Kaplan-Meier estimate of not having converted (J. Am. Statist. Assoc. 53, 1958).

        Unlike a median over those who converted, its median is over everybody who entered. The interval is
        Greenwood's, on the log-log scale, so it stays between 0 and 1 (Kalbfleisch and Prentice, 1980).
        """
        if not watched.sessions:
            return cls((), None)
        converted, at_risk = watched.conversions(), watched.at_risk()
        remaining = np.cumprod(1 - converted / np.maximum(at_risk, 1))
        variance = _greenwood(converted, at_risk)
        points = (
            CurvePoint(
                seconds=_seconds(slot),
                share=1 - float(remaining[slot]),
                low=_bound(remaining[slot], variance[slot], -Z_95),
                high=_bound(remaining[slot], variance[slot], Z_95),
                at_risk=int(at_risk[slot]),
            )
            for slot in _shown(watched, remaining)
        )
        half = np.flatnonzero(remaining <= _HALF)
        return cls(tuple(points), _seconds(int(half[0])) if len(half) else None)


def _greenwood(converted: NDArray[np.int64], at_risk: NDArray[np.int64]) -> NDArray[np.float64]:
    """[slot] The variance of the remaining share, relative to its square."""
    terms = np.zeros(len(converted))
    np.divide(converted, at_risk * (at_risk - converted), out=terms, where=at_risk > converted)
    return np.cumsum(terms)


def _bound(remaining: float, variance: float, z: float) -> float | None:
    if not 0 < remaining < 1:
        return None
    reach = z * math.sqrt(variance) / abs(math.log(remaining))
    return float(1 - remaining ** math.exp(reach))


def _shown(watched: Watched, remaining: NDArray[np.floating]) -> list[int]:
    """The start, the end and what lies between; a height left out is within the rise / (MOST_POINTS - 3)."""
    seen = np.flatnonzero(watched.conversions())
    if len(seen) > MOST_POINTS - 2:
        risen = 1 - remaining[seen]
        seen = seen[np.unique(np.searchsorted(risen, np.linspace(risen[0], risen[-1], MOST_POINTS - 2)))]
    ends = np.flatnonzero(watched.converted + watched.still_open)[-1:] + 1
    slots: list[int] = np.union1d([0], np.concatenate((seen, ends))).tolist()
    return slots


def _seconds(slot: int) -> float:
    return value_ms(slot - 1) / 1000 if slot else 0.0
