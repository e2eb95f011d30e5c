"""Several comparisons at once: of twenty without a real difference, one looks different by chance."""

from collections.abc import Sequence
from itertools import accumulate


def benjamini_hochberg(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """The p-values adjusted so that of those called different at most the accepted share is so by chance.

    Benjamini and Hochberg's step-up procedure (J. R. Statist. Soc. B 57, 1995). None was not tested: it keeps
    its place and does not count as a comparison. Pass every p-value that one answer shows, in one call.
    """
    falling = sorted(((p, at) for at, p in enumerate(p_values) if p is not None), reverse=True)
    tested = len(falling)
    scaled = (p * tested / (tested - beyond) for beyond, (p, _) in enumerate(falling))
    adjusted: list[float | None] = [None] * len(p_values)
    for (_, at), p in zip(falling, accumulate(scaled, min), strict=True):
        adjusted[at] = p
    return tuple(adjusted)
