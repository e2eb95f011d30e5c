"""Which steps explain the change of a conversion rate between two periods."""

import math
from collections.abc import Sequence
from itertools import pairwise


def step_contributions(before: Sequence[int], after: Sequence[int]) -> tuple[float, ...] | None:
    """What the change of each step's rate adds to the change of the overall rate; they add up to it.

    The arguments are sessions that got at least as far as each step, of the same funnel without its optional
    steps; one contribution per pair of neighbours. To explain the settled rate, leave open sessions out.

    The overall rate, last over first, is the product of the rates from step to step, and its change is split
    by the logarithmic mean Divisia index (Ang, Energy Policy 32, 2004), which leaves no rest and does not
    depend on the order of the steps.

    Logarithms know no zero, so the limit is taken: where a period has nobody at the end, the first step that
    nobody made takes the whole change. Nobody at the end of both is no change: zeros. None when a period is
    empty. Raises ValueError unless both have the same steps, at least two, and none more than the one before.
    """
    if len(before) != len(after) or len(before) < 2:
        raise ValueError("both periods must count the same steps, at least two")
    if any(following > here for period in (before, after) for here, following in pairwise(period)):
        raise ValueError("more sessions at a step than at the one before it; leave optional steps out")
    if not (before[0] and after[0]):
        return None
    start, end = before[-1] / before[0], after[-1] / after[0]
    if start and end:
        weight = _logarithmic_mean(start, end)
        return tuple(
            weight * math.log((new[1] / new[0]) / (old[1] / old[0]))
            for old, new in zip(pairwise(before), pairwise(after), strict=True)
        )
    barred = _first_zero(after if start else before)
    return tuple(end - start if at == barred else 0.0 for at in range(len(before) - 1))


def _logarithmic_mean(one: float, other: float) -> float:
    # Near-equal rates make the quotient 0 / 0, and their mean is its limit.
    return (other - one) / math.log(other / one) if not math.isclose(one, other, rel_tol=1e-9) else one


def _first_zero(reached: Sequence[int]) -> int:
    return next(at for at, count in enumerate(reached[1:]) if not count)
