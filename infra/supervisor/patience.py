"""How long a program that keeps ending is started again."""

#: A program that ran this long was fine; its end counts as the first again.
QUICK_SECONDS = 10
MOST_QUICK_ENDS = 5
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5


class Patience:
    """Counts the quick ends of one program in a row."""

    def __init__(self) -> None:
        self._quick_ends = 0

    def pause_after(self, lived_seconds: float) -> float | None:
        """Seconds to wait before the next start; None when it has ended quickly too often."""
        self._quick_ends = self._quick_ends + 1 if lived_seconds < QUICK_SECONDS else 1
        if self._quick_ends >= MOST_QUICK_ENDS:
            return None
        return min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * (1 << self._quick_ends))
