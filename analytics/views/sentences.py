"""Numbers inside the sentences of a view."""


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"


def points(difference: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    return "–" if difference is None else f"{difference * 100:+.1f}"
