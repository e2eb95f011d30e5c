"""Looks at workers and queues in a thread of its own, so that nobody who asks ever waits for the broker.

A question starts a look, and its answer is kept for a few seconds: while nobody asks, nobody looks. Several
questions at once share one look.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from dlq.access import READ, Actor
from dlq.broker.look import Look
from dlq.broker.records import BrokerView
from dlq.times import Clock, utc_now

#: A look that began within this time is shown as it is.
FRESH_SECONDS = 5.0
#: A look that takes longer than this is late: what is shown is old, and the record says since when.
DEADLINE_SECONDS = 10.0


class BrokerWatch:
    """One for each process, for all threads. The client and app of `look` need socket timeouts."""

    def __init__(
        self, look: Look, *, clock: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looked = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._latest = BrokerView()
        self._fresh_until = 0.0

    def view(self, by: Actor, *, wait_seconds: float = 0.0) -> BrokerView:
        """What was seen last; starts a look when that is not fresh. Needs `letters.read`.

        Returns at once, with an empty record before the first look has ended. With `wait_seconds` it waits
        so long for a first look, and for nothing after it.
        """
        by.require(READ)
        self._start()
        if wait_seconds:
            self._looked.wait(wait_seconds)
        return self._latest

    def look_again(self) -> None:
        """Somebody has changed something: the next question starts a look."""
        self._fresh_until = 0.0

    def settle(self) -> None:
        """Wait until no look runs: it has given its connections back then."""
        self._idle.wait()

    def _start(self) -> None:
        with self._lock:
            if not self._idle.is_set() or self._monotonic() < self._fresh_until:
                return
            self._idle.clear()
            # Counted from the start: what changes during a look may have escaped it.
            self._fresh_until = self._monotonic() + FRESH_SECONDS
            self._latest = replace(self._latest, looking_since=self._clock())
        threading.Thread(target=self._run, name="broker-watch", daemon=True).start()

    def _run(self) -> None:
        try:
            self._latest = self._look.look()
        finally:
            self._idle.set()
            self._looked.set()
