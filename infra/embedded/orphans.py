"""Servers that an earlier owner of the data folder left behind.

The folder is locked when this runs, so a server that works in it has no owner. It is known by its program
file and its working folder; a number in a pid file alone proves nothing, for numbers are used again.
"""

import os
import signal
import time
from pathlib import Path

_STOP_SECONDS = 10
_PAUSE_SECONDS = 0.02


def stop_orphan(pid_file: Path, program: Path, folder: Path, stop_signal: signal.Signals) -> None:
    """Stop the server that `pid_file` names if it is `program` working in `folder`; remove the file."""
    pid = _recorded_pid(pid_file)
    if pid is not None and _is_ours(pid, program, folder):
        for number in (stop_signal, signal.SIGKILL):
            os.kill(pid, number)
            if _has_ended(pid, program, folder):
                break
    pid_file.unlink(missing_ok=True)


def _recorded_pid(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None


def _is_ours(pid: int, program: Path, folder: Path) -> bool:
    try:
        running = str(Path(f"/proc/{pid}/exe").readlink()).removesuffix(" (deleted)")
        return running == str(program) and Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        return False


def _has_ended(pid: int, program: Path, folder: Path) -> bool:
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_ours(pid, program, folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True
