"""Numbers inside the sentences of a view."""


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f}%"


def points(difference: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    # The sum turns -0.0 into 0.0: what rounds to nothing has no direction.
    return "–" if difference is None else f"{round(difference * 100, 1) + 0.0:+.1f}"
