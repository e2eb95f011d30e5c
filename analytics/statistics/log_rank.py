"""Whether groups convert equally fast, over the whole curve and with open sessions counted as such."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from analytics.rates import FEWEST_ENTRIES
from analytics.statistics.survival import Watched

#: Below this share of the largest variance, a direction has none: its rounding errors alone are left.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class LogRank:
    groups: int  #: that took part: those with at least FEWEST_ENTRIES sessions
    chi_squared: float | None
    p_value: float | None  #: None with fewer than two groups, or when nobody converted in them


def log_rank(groups: Sequence[Watched]) -> LogRank:
    """Mantel's log-rank test that all groups have one conversion curve (Cancer Chemother. Rep. 50, 1966).

    It is strongest where one group is faster all along, and weak where the curves cross. Groups too small to
    be judged take no part.
    """
    compared = [group for group in groups if group.sessions >= FEWEST_ENTRIES]
    if len(compared) < 2:
        return LogRank(len(compared), None, None)
    converted = np.array([group.conversions() for group in compared])
    excess, covariance = _excess(converted, np.array([group.at_risk() for group in compared]))
    degrees = int(np.linalg.matrix_rank(covariance, rtol=_ROUNDING, hermitian=True))
    if degrees == 0:
        return LogRank(len(compared), None, None)
    # The excesses add up to zero, so the covariance has no inverse; its pseudo-inverse gives the same answer
    # as leaving one group out, whichever.
    chi_squared = float(excess @ np.linalg.pinv(covariance, rcond=_ROUNDING, hermitian=True) @ excess)
    return LogRank(len(compared), chi_squared, float(chdtrc(degrees, chi_squared)))


def _excess(
    converted: NDArray[np.int64], at_risk: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of [group, slot]: conversions above those expected under one curve, [group], and their covariance."""
    happened = converted.sum(axis=0) > 0
    converted, at_risk = converted[:, happened], at_risk[:, happened]
    total, watched = converted.sum(axis=0), at_risk.sum(axis=0)
    share = at_risk / watched
    excess = (converted - total * share).sum(axis=1)
    variance = total * (watched - total) / np.maximum(watched - 1, 1)
    covariance = np.diag((variance * share).sum(axis=1)) - (variance * share) @ share.T
    return excess, covariance
