"""Ending with the process that started us, for one like make that does not pass on every signal."""

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Parent:
    """The process that called us. Only Linux tells enough about it; elsewhere it never ends."""

    def __init__(self) -> None:
        self._pid = os.getppid()
        self._blocked = self._blocked_signals()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)

    def is_ending(self) -> bool:
        """Whether it is gone, or is in its handler of a signal that tells it to end.

        A signal to GNU make alone reaches us only when it is SIGTERM. On the others make waits for us to end,
        in a handler that blocks the signal, and would wait for ever.
        """
        return os.getppid() != self._pid or bool(self._blocked_signals() & ~self._blocked)

    def _blocked_signals(self) -> int:
        try:
            status = Path(f"/proc/{self._pid}/status").read_text()
        except OSError:
            return 0
        mask = next((line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:")), "0")
        return int(mask, 16) & sum(1 << (number - 1) for number in _STOPS)
